import { defineConfig } from 'vitest/config';

const minute = 60_000;

/**
 * Three kinds of tests, chosen by `vitest run --mode KIND`; `fogbank test` runs all of them.
 * Unit tests need nothing but Node. Guest tests (`*.guest.test.ts`) start machines and make networks, and acceptance
 * tests (`test/acceptance/`) run real AWS clients: both need root, and run one file after the other.
 */
export default defineConfig(({ mode }) => {
  if (mode === 'guest') return serial(['src/**/*.guest.test.ts', 'test/**/*.guest.test.ts'], ['node_modules/**']);
  if (mode === 'acceptance') return serial(['test/acceptance/**/*.test.ts'], ['node_modules/**', '**/*.guest.test.ts']);
  return {
    test: {
      include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'],
      exclude: ['**/*.guest.test.ts', 'test/acceptance/**', 'node_modules/**'],
    },
  };
});

function serial(include: string[], exclude: string[]) {
  return {
    test: {
      include,
      exclude,
      fileParallelism: false,
      testTimeout: 10 * minute,
      hookTimeout: 10 * minute,
      teardownTimeout: minute,
    },
  };
}

import { defineConfig } from 'vitest/config';

const minute = 60_000;

/**
 * Three kinds of tests, chosen by `vitest run --mode KIND`; `fogbank test` runs all of them.
 * Unit tests need nothing but Node. Guest tests (`*.guest.test.ts`) start machines and make networks, and acceptance
 * tests (`test/acceptance/`, `test/crash/`) run a whole server with real AWS clients or under fire: these run one file
 * after the other.
 */
export default defineConfig(({ mode }) => {
  if (mode === 'guest') return serial(['src/**/*.guest.test.ts', 'test/**/*.guest.test.ts'], ['node_modules/**']);
  if (mode === 'acceptance')
    return serial(
      ['test/acceptance/**/*.test.ts', 'test/crash/**/*.test.ts'],
      ['node_modules/**', '**/*.guest.test.ts'],
    );
  return {
    test: {
      include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'],
      exclude: ['**/*.guest.test.ts', 'test/acceptance/**', 'test/crash/**', 'node_modules/**'],
      // Nothing here waits for the clock; the limit only has to end what hangs, on a busy machine too.
      testTimeout: minute,
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

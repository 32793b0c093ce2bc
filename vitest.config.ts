import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'],
    // Guest and acceptance tests need machines and clients; `fogbank test` runs them as a second project.
    exclude: ['**/*.guest.test.ts', 'test/acceptance/**', 'node_modules/**'],
  },
});

import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/.flowctl/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Vitest leaves one core free, which on two cores means one file at a time; black-box tests mostly wait.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: ['default', './test/kit/closing-line.ts'],
  },
});

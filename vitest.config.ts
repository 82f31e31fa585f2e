import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { alias: [{ find: /^fast-check$/, replacement: join(import.meta.dirname, 'test/kit/fast-check.ts') }] },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/.flowctl/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Black-box tests mostly wait: with as many files as cores a third of the time nobody computes.
    maxWorkers: availableParallelism() + 1,
    reporters: ['default', './test/kit/closing-line.ts'],
  },
});

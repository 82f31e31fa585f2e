#!/usr/bin/env node
// Runs the torture: `npm run torture -- --seed 7 --kills 200`. It is TypeScript, so it is bundled first; packages stay outside.

import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(dirname(dirname(here)), 'node_modules', '.cache', 'flowctl');
const outfile = join(folder, `torture-${process.pid}.mjs`);
mkdirSync(folder, { recursive: true });
try {
  await build({
    entryPoints: [join(here, process.env['TORTURE_MAIN'] ?? 'main.ts')],
    outfile,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: 'inline',
    // Folders are found from where the source stands; all that look are as deep as this one.
    define: { 'import.meta.dirname': JSON.stringify(here) },
    logLevel: 'warning',
  });
  await import(pathToFileURL(outfile).href);
} finally {
  rmSync(outfile, { force: true });
}

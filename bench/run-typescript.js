#!/usr/bin/env node
// Runs a TypeScript file of this repository: `node bench/run-typescript.js bench/main.ts [arguments]`. Packages stay outside of the bundle.

import { mkdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const entry = resolve(process.argv[2] ?? '');
const outfile = join(root, 'node_modules', '.cache', 'flowctl', `${basename(entry, '.ts')}-${process.pid}.mjs`);
mkdirSync(dirname(outfile), { recursive: true });
await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: 'inline',
  define: { REPOSITORY: JSON.stringify(root) },
  logLevel: 'warning',
});
process.argv.splice(1, 2, entry);
try {
  await import(pathToFileURL(outfile).href);
} finally {
  rmSync(outfile, { force: true });
}

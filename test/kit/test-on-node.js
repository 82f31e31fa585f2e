#!/usr/bin/env node
// Runs the tests on another version of Node: `npm run test:node -- 22`. The version comes from the npm registry
// (the packages that carry Node's official binaries) and stays in node_modules/.cache.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const [version, ...rest] = process.argv.slice(2);
if (!/^\d+(\.\d+){0,2}$/.test(version ?? '')) {
  process.stderr.write('usage: npm run test:node -- <version> [arguments of vitest]\n');
  process.exit(2);
}
const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const folder = join(root, 'node_modules', '.cache', `node-${version}`);
const binary = join(folder, 'node_modules', name, 'bin', 'node');
if (!existsSync(binary)) {
  mkdirSync(folder, { recursive: true });
  const install = ['install', '--prefix', folder, '--no-save', '--engine-strict=false', `${name}@${version}`];
  const done = spawnSync('npm', install, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (done.status !== 0) process.exit(done.status ?? 1);
}
const environment = { ...process.env, PATH: `${dirname(binary)}:${process.env.PATH}` };
const tests = spawnSync(binary, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...rest], {
  cwd: root,
  env: environment,
  stdio: 'inherit',
});
process.exit(tests.status ?? 1);

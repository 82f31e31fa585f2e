#!/usr/bin/env node
// Runs tests on another version of Node: `npm run test:node -- 22` those of what a version of Node can change,
// `npm run test:node -- 22 test` all of them. The version comes from the npm registry (the packages that carry Node's
// official binaries) and stays in node_modules/.cache.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * What a version of Node can change, and nothing else: how modules are compiled, loaded and run in threads; what V8 and ICU know; how
 * processes are started, and streams, files and timers behave; and that the program starts, prints and ends with its codes. What is
 * left out is the kernel's (kills, power, locks, terminals, namespaces) or built upon these alone (commands about runs, docs, examples).
 */
const CHANGEABLE = [
  ...['build', 'embedding', 'flows', 'functions', 'packaging', 'script', 'children/module-flows'],
  ...['base', 'diagnostics', 'engine', 'expressions', 'golden', 'load', 'model', 'schedules'],
  ...['cache', 'executors', 'process', 'runners', 'secrets', 'store'],
  ...['cli/detach', 'cli/json', 'cli/output', 'cli/params', 'cli/run', 'cli/schedule', 'cli/usage', 'cli/watch'],
].map((name) => `test/${name}${name.includes('/') ? '.test.ts' : '/'}`);
/** Measures memory and time, of which there are figures for one version only; kills at random. */
const LEFT_OUT = ['test/load/hostile.test.ts', 'test/script/kill.test.ts'];

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
const wanted = rest.length > 0 ? rest : [...CHANGEABLE, ...LEFT_OUT.flatMap((file) => ['--exclude', file])];
const tests = spawnSync(binary, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...wanted], {
  cwd: root,
  env: environment,
  stdio: 'inherit',
});
process.exit(tests.status ?? 1);

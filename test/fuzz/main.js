#!/usr/bin/env node
// Longer campaigns than those of `npm test`: `npm run fuzz -- [--seed N] [--cases K] [files of test/fuzz]`. A failure prints the seed and
// the number of its case, with which it is had again.

import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, cases: { type: 'string', default: '10000' } },
  allowPositionals: true,
});
const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31));
if (!/^\d{1,10}$/.test(seed) || !/^[1-9]\d{0,8}$/.test(values.cases)) {
  process.stderr.write('usage: npm run fuzz -- [--seed N] [--cases K] [files]\n');
  process.exit(2);
}
process.stdout.write(`seed ${seed}, ${values.cases} cases of each kind\n`);
const files = positionals.length > 0 ? positionals : ['test/fuzz'];
const arguments_ = [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...files, '--testTimeout', '0'];
const env = { ...process.env, FUZZ_SEED: seed, FUZZ_CASES: values.cases };
process.exit(spawnSync(process.execPath, arguments_, { cwd: root, stdio: 'inherit', env }).status ?? 1);

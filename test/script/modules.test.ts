/** Modules of every form that make flows: named by their exports, by their own names, or by nothing where there is one. */

import { expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';

const at = useCase();

const IMPORT = "import { flow, task } from 'flowctl';\n";
const REQUIRE = "const { flow, task } = require('flowctl');\n";
const TASK = "const next = task('next', async (n) => n + 1);\n";

it.each([
  ['one.mts', `${IMPORT}${TASK}export default flow('one', async () => next(1));\n`, ['one.mts', 'one.mts#one']],
  ['one.cts', `${REQUIRE}${TASK}module.exports = flow('one', async () => next(1));\n`, ['one.cts']],
  [
    'two.cts',
    `${REQUIRE}${TASK}module.exports = { a: flow('two', async () => next(1)), b: flow('b', async () => 3) };\n`,
    ['two.cts#a', 'two.cts#two'],
  ],
  ['one.js', `${REQUIRE}${TASK}exports.default = flow('one', async () => next(1));\n`, ['one.js']],
  [
    'two.mjs',
    `${IMPORT}export const a = flow('two', async () => 2);\nexport const b = flow('b', async () => 3);\n`,
    ['two.mjs#a', 'two.mjs#two'],
  ],
  ['only.ts', `${IMPORT}export const only = flow('only', async () => 2);\nexport const other = 1;\n`, ['only.ts']],
] as const)('%s', async (file, text, names) => {
  at.rig.write(file, text);
  for (const name of names) {
    const { code, stdout, stderr } = await at.rig.flowctl('run', name);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('outputs: 2');
  }
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../src/program.js', import.meta.url));
const slug = (...words) => spawnSync(process.execPath, [PROGRAM, ...words], { encoding: 'utf8' });

test('prints the slug of its arguments', () => assert.equal(slug('Hello,', 'World').stdout, 'hello-world\n'));
test('says how it is used', () => {
  const { status, stderr } = slug();
  assert.equal(status, 2);
  assert.match(stderr, /^usage:/);
});

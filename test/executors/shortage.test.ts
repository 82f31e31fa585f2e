import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAdmission } from '../../src/executors/admission.ts';
import { bundle } from './bundle.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-'));
const program = path.join(folder, 'crowd.mjs');
beforeAll(() => bundle('crowd.ts', program));
afterAll(() => rmSync(folder, { recursive: true }));

test('with few descriptors steps wait for each other, and none fails of it', async () => {
  const limited = `ulimit -n 64; exec "${process.execPath}" "${program}"`;
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', limited]);
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ kinds: ['exit_code 3'], count: 40, open: expect.any(Number) });
});

test('after a refusal there is room for one less, and for one more with every end', async () => {
  const admission = createAdmission();
  const wanted = () => true;
  for (let index = 0; index < 3; index += 1) expect(await admission.enter(wanted)).toBe(true);
  admission.leave('refused');
  const order: string[] = [];
  const first = admission.enter(wanted).then(() => order.push('first'));
  const second = admission.enter(wanted).then(() => order.push('second'));
  expect(admission.running).toBe(2);
  admission.leave('started');
  await Promise.all([first, second]);
  expect(order).toEqual(['first', 'second']);
  expect(admission.running).toBe(3);
});

test('who is no longer wanted does not wait on', async () => {
  const admission = createAdmission();
  await admission.enter(() => true);
  await admission.enter(() => true);
  admission.leave('refused');
  let isWanted = true;
  const waiting = admission.enter(() => isWanted);
  isWanted = false;
  admission.review();
  expect(await waiting).toBe(false);
  expect(admission.running).toBe(1);
});

import { existsSync, mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openLog } from '../../src/process/log.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a log makes its folder anew, but never the folder of the run', async () => {
  const file = path.join(folder, 'logs', 'a.1.log');
  const log = openLog(file);
  writeSync(log.output, 'hello');
  expect(await log.settle()).toMatchObject({ truncated: false });
  expect(readFileSync(file, 'utf8')).toBe('hello');
  expect(() => openLog(path.join(folder, 'gone', 'logs', 'a.1.log'))).toThrow('ENOENT');
  expect(existsSync(path.join(folder, 'gone'))).toBe(false);
});

import { existsSync, mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { systemClock } from '../../src/process/clock.ts';
import { openLog } from '../../src/process/log.ts';
import { openPipedLog, type WriteChunk } from '../../src/process/piped-log.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a log makes its folder anew, but never the folder of the run', async () => {
  const file = path.join(folder, 'logs', 'a.1.log');
  const log = openLog(file);
  writeSync(log.output, 'hello');
  expect(await log.settle()).toEqual({ truncated: false, refusal: null, captured: null });
  expect(readFileSync(file, 'utf8')).toBe('hello');
  expect(() => openLog(path.join(folder, 'gone', 'logs', 'a.1.log'))).toThrow('ENOENT');
  expect(existsSync(path.join(folder, 'gone'))).toBe(false);
});

test.each([null, 1_000])(
  'a piped log that cannot be written says so and why (capture: %s)',
  async (captureLimitBytes) => {
    let writes = 0;
    const full: WriteChunk = async (_descriptor, _chunk, _offset) => {
      writes += 1;
      if (writes === 1) return { bytesWritten: 1 };
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC', syscall: 'write' });
    };
    const file = path.join(folder, `full-${captureLimitBytes}.log`);
    const log = await openPipedLog(file, systemClock(), { captureLimitBytes, reopensOutput: true, filter: null }, full);
    if (log === null) throw new Error('no mkfifo');
    writeSync(log.errors, 'two');
    const captured = captureLimitBytes === null ? null : { kind: 'whole' };
    expect(await log.settle()).toMatchObject({ truncated: false, refusal: 'ENOSPC', captured });
  },
);

test('a piped log that is written has lost nothing', async () => {
  const file = path.join(folder, 'piped.log');
  const log = await openPipedLog(file, systemClock(), { captureLimitBytes: null, reopensOutput: true, filter: null });
  if (log === null) throw new Error('no mkfifo');
  writeSync(log.output, 'two');
  expect(await log.settle()).toEqual({ truncated: false, refusal: null, captured: null });
  expect(readFileSync(file, 'utf8')).toBe('two');
});

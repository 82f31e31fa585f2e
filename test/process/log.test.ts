import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { systemClock } from '../../src/process/clock.ts';
import { openLog } from '../../src/process/log.ts';
import { type FileWrites, LogWriter } from '../../src/process/log-writer.ts';
import { openPipedLog } from '../../src/process/piped-log.ts';

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
    const noSpace = Object.assign(new Error('no space left on device'), { code: 'ENOSPC', syscall: 'write' });
    const full: FileWrites = { atOnce: () => 1, inPool: () => Promise.reject(noSpace) };
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

test('after a write that the disk held up the next 64 go through the pool, and nothing changes its place', async () => {
  const ways: string[] = [];
  const written: string[] = [];
  let now = 0;
  const writes: FileWrites = {
    atOnce: (_, parts) => {
      ways.push('at once');
      // The tenth is held up, and only a part of it can be written.
      if (ways.length === 10) now += 21;
      const bytes = Buffer.concat(parts).subarray(0, ways.length === 10 ? 1 : undefined);
      written.push(bytes.toString());
      return bytes.length;
    },
    inPool: async (_, bytes) => {
      ways.push('in the pool');
      await Promise.resolve();
      written.push(bytes.toString());
      return bytes.length;
    },
  };
  const writer = new LogWriter(0, () => now, writes);
  // What it is given is used again as soon as it returns.
  const chunk = Buffer.alloc(4);
  for (let index = 0; index < 100; index += 1) {
    chunk.write(String(index).padStart(4, '0'));
    const writing = writer.append([chunk.subarray(0, 2), chunk.subarray(2)]);
    chunk.fill('x');
    await writing;
  }
  expect(written.join('')).toBe(Array.from({ length: 100 }, (_, index) => String(index).padStart(4, '0')).join(''));
  // The rest of the tenth is the first of the 64.
  const expected = ['at once', 'in the pool', 'at once'].flatMap((way, part) => Array([10, 64, 27][part]).fill(way));
  expect(ways).toEqual(expected);
  expect(writer.refusal).toBeNull();
});

test.each(['at once', 'in the pool'] as const)(
  'two pipes that are read into one buffer keep their streams apart, written %s',
  async (way) => {
    const file = path.join(folder, `two-${way}.log`);
    const held: FileWrites = {
      atOnce: () => 0,
      inPool: async (descriptor, bytes) => {
        await setImmediate();
        return writeSync(descriptor, bytes);
      },
    };
    const filter = { parts: (chunk: Buffer) => [chunk], end: () => Buffer.alloc(0) };
    const options = { captureLimitBytes: 10_000_000, reopensOutput: true, filter: () => filter };
    const log = await openPipedLog(file, systemClock(), options, way === 'at once' ? undefined : held);
    if (log === null) throw new Error('no mkfifo');
    // Numbers by one, the same in letters by the other, both at once.
    const print = 'seq 1 200000 & seq 1 200000 | tr "0-9\n" a-k >&2; wait';
    const printing = spawn('/bin/sh', ['-c', print], { stdio: ['ignore', log.output, log.errors] });
    log.handedOver();
    await once(printing, 'exit');
    const { captured } = await log.settle();
    const numbers = Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join('');
    const letters = numbers.replace(/[0-9\n]/g, (each) => 'abcdefghijk'[each === '\n' ? 10 : Number(each)] ?? '');
    const written = readFileSync(file, 'latin1');
    expect(written.replace(/[a-k]/g, '') === numbers).toBe(true);
    expect(written.replace(/[0-9\n]/g, '') === letters).toBe(true);
    expect(captured?.kind === 'whole' && captured.bytes.toString('latin1') === numbers).toBe(true);
  },
);

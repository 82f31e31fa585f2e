/** Quick calls wait in line behind each other in a host. Whatever becomes of one of them, the others are served, once. */

import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import type { FunctionPool, RunningFunction } from '../../src/functions/pool.ts';
import { FunctionRig } from './kit.ts';

let rig: FunctionRig;
let file: string;

/** `how` is what it does; every call leaves a line in `effects` when it begins, and prints its number. */
const MODULE = `
import { appendFileSync, existsSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
export default ({ how, number, folder }, { signal }) => {
  appendFileSync(folder + '/effects', number + '\\n');
  console.log('call ' + number);
  const wait = () => { while (!existsSync(folder + '/release')) {} };
  if (how === 'block') wait();
  if (how === 'exit') process.exit(3);
  if (how === 'throw') throw new Error('thrown');
  if (how === 'late') setTimeout(() => {}, 50);
  if (how === 'spin') for (;;) {}
  if (how === 'listen') {
    const alive = setInterval(() => {}, 1_000);
    return new Promise((done) => signal.addEventListener('abort', () => { clearInterval(alive); done('aborted'); }));
  }
  return threadId;
};`;

beforeEach(async () => {
  rig = await new FunctionRig().prepare();
  file = rig.write('served.mjs', MODULE);
});

afterEach(() => rig.close());

const effects = (): readonly string[] => rig.read(path.join(rig.folder, 'effects')).split('\n').filter(Boolean);

let numbers = 0;

function start(pool: FunctionPool, how: string, hosts: number, heard: string[] = []) {
  numbers += 1;
  const number = numbers;
  const call = rig.call({ module: file, input: { how, number, folder: rig.folder }, step: `call${number}` });
  const running = pool.start(call, { begun: () => heard.push(how) }, { name: 'run', hosts });
  return Object.assign(running, { number: String(number), log: call.log });
}

const value = async ({ done }: RunningFunction): Promise<Json> => {
  const result = await done;
  return result.kind === 'returned' ? result.value : result.kind;
};

/** A pool that knows that the calls of the module take next to no time. */
async function warm(hosts: number): Promise<FunctionPool> {
  const pool = rig.pool({ maxHosts: 4 });
  for (let count = 0; count < 20; count += 1) await start(pool, 'return', hosts).done;
  return pool;
}

describe('calls in line', () => {
  test('are served in their order by one host, and each prints into its own log', async () => {
    const pool = await warm(1);
    const before = effects().length;
    const calls = Array.from({ length: 12 }, () => start(pool, 'return', 1));
    const threads = await Promise.all(calls.map(value));
    expect(new Set(threads).size).toBe(1);
    expect(effects().slice(before)).toEqual(calls.map(({ number }) => number));
    for (const { log, number } of calls) expect(rig.read(log)).toBe(`call ${number}\n`);
  });

  test('go elsewhere when the one before them does not end', async () => {
    const pool = await warm(2);
    const blocking = start(pool, 'block', 2);
    const behind = Array.from({ length: 5 }, () => start(pool, 'return', 2));
    const threads = await Promise.all(behind.map(value));
    expect(threads.every((thread) => typeof thread === 'number')).toBe(true);
    writeFileSync(path.join(rig.folder, 'release'), '');
    expect(threads).not.toContain(await value(blocking));
    for (const { number } of behind) expect(effects().filter((each) => each === number)).toHaveLength(1);
  });

  test('wait for one that does not end where the queue may use no other host', async () => {
    const pool = await warm(1);
    const blocking = start(pool, 'block', 1);
    const behind = start(pool, 'return', 1);
    const thread = await value(pool.start(rig.call({ module: file, input: { folder: rig.folder } })));
    expect(effects()).not.toContain(behind.number);
    writeFileSync(path.join(rig.folder, 'release'), '');
    expect(await value(blocking)).not.toBe(thread);
    expect(await value(behind)).toEqual(expect.any(Number));
  });

  test('a call that is ended with its thread takes none with it, and no time of those behind it counts', async () => {
    const pool = await warm(1);
    const heard: string[] = [];
    const spinning = start(pool, 'spin', 1, heard);
    const behind = Array.from({ length: 3 }, () => start(pool, 'return', 1, heard));
    await expect.poll(() => effects().includes(spinning.number)).toBe(true);
    expect(heard).toEqual(['spin']);
    await spinning.terminate();
    expect(await spinning.done).toMatchObject({ kind: 'host_ended', reason: 'terminated' });
    for (const each of behind) expect(await value(each)).toEqual(expect.any(Number));
    expect(heard).toEqual(['spin', 'return', 'return', 'return']);
    for (const { number } of behind) expect(effects().filter((each) => each === number)).toHaveLength(1);
  });

  test.each([
    ['exit', { kind: 'host_ended', reason: 'exit', code: 3 }],
    ['throw', { kind: 'threw', message: 'thrown' }],
    ['late', { kind: 'returned' }],
  ])('one that does `%s` is the only one that hears of it', async (how, result) => {
    const pool = await warm(1);
    const calls = [start(pool, 'return', 1), start(pool, how, 1), start(pool, 'return', 1), start(pool, 'return', 1)];
    const [first, odd, ...rest] = await Promise.all(calls.map(({ done }) => done));
    expect(odd).toMatchObject(result);
    for (const each of [first, ...rest]) expect(each).toMatchObject({ kind: 'returned' });
    for (const { number } of calls) expect(effects().filter((each) => each === number)).toHaveLength(1);
  });

  test('a new host whose first call ends the process fails that call alone', async () => {
    const pool = rig.pool({ maxHosts: 1 });
    const calls = [start(pool, 'exit', 1), start(pool, 'return', 1), start(pool, 'return', 1)];
    expect(await Promise.all(calls.map(value))).toEqual(['host_ended', expect.any(Number), expect.any(Number)]);
  });

  test('an abort reaches the call that is meant, and one that waits is taken back', async () => {
    const pool = await warm(1);
    const listening = start(pool, 'listen', 1);
    const behind = start(pool, 'return', 1);
    const last = start(pool, 'return', 1);
    await expect.poll(() => effects().includes(listening.number)).toBe(true);
    behind.abort('not wanted');
    expect(await behind.done).toMatchObject({ kind: 'host_ended', reason: 'terminated' });
    listening.abort('enough');
    expect(await value(listening)).toBe('aborted');
    expect(await value(last)).toEqual(expect.any(Number));
    expect(effects()).not.toContain(behind.number);
  });

  test('a host that cannot start is not tried for ever', async () => {
    const pool = rig.pool({ maxHosts: 1, hostUrl: new URL('file:///nowhere/host.js') });
    const calls = [start(pool, 'return', 1), start(pool, 'return', 1)];
    expect(await Promise.all(calls.map(value))).toEqual(['host_ended', 'host_ended']);
    expect(existsSync(path.join(rig.folder, 'effects'))).toBe(false);
  });
});

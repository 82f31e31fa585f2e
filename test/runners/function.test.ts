import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import type { FunctionCall, FunctionResult } from '../../src/functions/messages.ts';
import { type FunctionCaller, functionRunner } from '../../src/runners/function.ts';
import { findMismatch } from '../../src/load/param-schema.ts';
import { createRig, type Rig } from '../executors/rig.ts';
import { processesWith, until } from '../process/processes.ts';
import { threads } from './threads.ts';

let rig: Rig;
let caller: FunctionCaller;
beforeEach(() => {
  caller = threads();
  rig = createRig({
    functionRunner: () =>
      functionRunner({
        pool: async () => ({ start: (call, listener) => caller.start(call, listener) }),
        inherited: { PATH: process.env['PATH'] ?? '' },
        storeOutputs: async (value) => ({ kind: 'inline', value }),
        checkOutputs: findMismatch,
      }),
  });
});
afterEach(async () => {
  await rig.close();
  expect(processesWith(rig.run)).toEqual([]);
});

const work = (body: string, input: Json = null) => ({ kind: 'call', module: body, export: 'step', input }) as const;
const call = (body: string, changes = {}) => rig.start(rig.request(work(body), changes));
const answer = (result: FunctionResult): FunctionCaller => ({
  start: () => ({ done: Promise.resolve(result), abort: () => {}, terminate: async () => {} }),
});

describe('what a call gives', () => {
  test.each<[FunctionResult, object]>([
    [
      { kind: 'returned', value: [1, { a: 2 }], json: '' },
      { kind: 'succeeded', exit_code: null, outputs: { kind: 'inline', value: [1, { a: 2 }] } },
    ],
    [
      { kind: 'returned', value: null, json: 'null' },
      { kind: 'succeeded', outputs: null },
    ],
    [
      { kind: 'threw', origin: 'call', name: 'RangeError', message: 'no', stack: 'RangeError: no\n  at x' },
      { failure: { code: 'thrown', message: 'RangeError: no', detail: 'RangeError: no\n  at x' } },
    ],
    [
      { kind: 'threw', origin: 'unhandled_rejection', name: 'string', message: 'no', stack: '' },
      { failure: { code: 'thrown', message: 'unhandled rejection: a string: no' } },
    ],
    [
      { kind: 'threw', origin: 'call', name: 'string', message: 'a string', stack: '' },
      { failure: { code: 'thrown', message: 'threw a string: a string' } },
    ],
    [
      { kind: 'threw', origin: 'call', name: 'object', message: 'null', stack: '' },
      { failure: { code: 'thrown', message: 'threw null' } },
    ],
    [
      { kind: 'threw', origin: 'call', name: 'object', message: '{ a: 1 }', stack: '' },
      { failure: { code: 'thrown', message: 'threw an object: { a: 1 }' } },
    ],
    [
      { kind: 'not_json', path: 'rows[3].when', found: 'bigint' },
      { failure: { code: 'outputs', message: '`rows[3].when` of the returned value is not JSON: bigint' } },
    ],
    [
      { kind: 'module_not_loaded', message: 'SyntaxError: x', detail: 'at y' },
      { failure: { code: 'module_not_loaded', message: 'SyntaxError: x', detail: 'at y' } },
    ],
    [
      { kind: 'export_not_found', available: ['stop'], nearest: 'stop', found: null },
      { failure: { code: 'export_not_found', message: '`m#step` does not exist; did you mean `stop`?' } },
    ],
    [
      { kind: 'host_ended', reason: 'exit', code: 3, detail: null },
      { exit_code: 3, failure: { code: 'host_ended' } },
    ],
    [
      { kind: 'host_ended', reason: 'out_of_memory', code: null, detail: null },
      { exit_code: null, failure: { code: 'host_ended', message: 'the function ran out of memory' } },
    ],
  ])('%j', async (result, outcome) => {
    caller = answer(result);
    expect(await call('m').done).toMatchObject(outcome);
  });

  test('and the stack of what it threw is in the log', async () => {
    await call('throw new TypeError("broken")').done;
    expect(rig.log().toString()).toMatch(/^TypeError: broken\n\s+at /);
  });

  test('and it is handed its input, environment and context', async () => {
    const seen: FunctionCall[] = [];
    caller = {
      start: (given, listener) => {
        seen.push(given);
        return answer({ kind: 'returned', value: null, json: '' }).start(given, listener);
      },
    };
    await rig.start(rig.request(work('m', { n: 1 }), { attempt: 2, env: { A: 'b' } })).done;
    expect(seen[0]).toMatchObject({
      module: 'm',
      export: 'step',
      input: { n: 1 },
      env: { own: { A: 'b', FLOWCTL_ATTEMPT: '2', FLOWCTL_TOKEN: `${rig.run}/a/2;` } },
      context: { run: rig.run, flow: 'test', step: 'a', attempt: 2, run_dir: rig.folder, workdir: rig.folder },
    });
  });
});

describe('a call is stopped', () => {
  test('by its signal, with time to clean up', async () => {
    const file = path.join(rig.folder, 'cleaned');
    const end = await call(
      `await new Promise((resolve) => signal.addEventListener('abort', () => setTimeout(resolve, 400)));
       require('node:fs').writeFileSync(${JSON.stringify(file)}, signal.reason.message);`,
      { timeout_ms: 50, grace_ms: 20_000 },
    ).done;
    expect(end).toEqual({ kind: 'timed_out', after_ms: 50, exit_code: null, signal: null });
    expect(readFileSync(file, 'utf8')).toBe('the attempt was asked to end');
  });

  test('at the grace time when it does not listen', async () => {
    const began = performance.now();
    const end = await call('await new Promise(() => setInterval(() => {}, 10))', { timeout_ms: 50, grace_ms: 300 })
      .done;
    expect(end).toMatchObject({ kind: 'timed_out' });
    expect(performance.now() - began).toBeGreaterThanOrEqual(340);
  });

  test('in an endless loop, without waiting for the grace time', async () => {
    const end = await call('for (;;);', { timeout_ms: 50, grace_ms: 600_000 }).done;
    expect(end).toMatchObject({ kind: 'timed_out', after_ms: 50 });
  });

  test('inside execSync, with what that waits for', async () => {
    const end = await call(`require('node:child_process').execSync('trap "" TERM; sleep 600; sleep 600')`, {
      timeout_ms: 300,
      grace_ms: 600_000,
    }).done;
    expect(end).toMatchObject({ kind: 'timed_out', after_ms: 300 });
    expect(processesWith(rig.run)).toEqual([]);
  });

  test('inside execSync at the grace time where the thread cannot be asked', async () => {
    caller = threads(true);
    const end = await call(`require('node:child_process').execSync('sleep 600')`, { timeout_ms: 300, grace_ms: 200 })
      .done;
    expect(end).toMatchObject({ kind: 'timed_out' });
    expect(processesWith(rig.run)).toEqual([]);
  });

  test('together with the processes it started', async () => {
    const attempt = call(
      `require('node:child_process').spawn('setsid', ['sleep', '600'], { detached: true });
       await new Promise((resolve) => signal.addEventListener('abort', resolve));`,
    );
    await until('the process is up', () => processesWith(rig.run).length > 0);
    attempt.stop({ kind: 'cancelled', signal: 'SIGTERM', by: { kind: 'policy', policy: 'fail_fast' } });
    expect(await attempt.done).toMatchObject({ kind: 'cancelled', by: { kind: 'policy', policy: 'fail_fast' } });
    expect(processesWith(rig.run)).toEqual([]);
  });

  test('by a kill, at once', async () => {
    const attempt = call('await new Promise(() => setInterval(() => {}, 10))', { grace_ms: 600_000 });
    attempt.stop({ kind: 'cancelled', signal: 'SIGTERM', by: { kind: 'policy', policy: 'fail_fast' } });
    attempt.kill();
    expect(await attempt.done).toMatchObject({ kind: 'cancelled' });
  });
});

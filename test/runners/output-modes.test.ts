import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AttemptRequest } from '../../src/engine/ports.ts';
import { CAPTURE_LIMIT } from '../../src/process/capture.ts';
import { createRig, type Rig, stepKey } from '../executors/rig.ts';
import { processesWith } from '../process/processes.ts';

let rig: Rig;
beforeEach(() => {
  rig = createRig();
});
afterEach(async () => {
  await rig.close();
  expect(processesWith(rig.run)).toEqual([]);
});

const yields = (value: unknown) => ({ kind: 'succeeded', exit_code: 0, outputs: { kind: 'inline', value } });
const refused = (message: string) => ({
  kind: 'failed',
  exit_code: 0,
  failure: { code: 'outputs', message: expect.stringContaining(message) },
});
const json: Partial<AttemptRequest> = { output: 'json' };

describe('stdout is read', () => {
  test.each([
    ['json', `echo '{"rows": [1, 2]}'`, { rows: [1, 2] }],
    ['json', 'echo 7', 7],
    ['text', 'echo hello; echo', 'hello\n'],
    ['lines', 'printf "a\\nb\\n"', ['a', 'b']],
    ['lines', ':', []],
  ] as const)('as %s: %s', async (output, text, value) => {
    expect(await rig.sh(text, { output })).toEqual(yields(value));
  });

  test('as null, which is no outputs', async () => {
    expect(await rig.sh('echo null', json)).toMatchObject({ kind: 'succeeded', outputs: null });
  });

  test('and stderr is not, while the log holds both', async () => {
    expect(await rig.sh('echo warning >&2; echo 1; echo done >&2', json)).toEqual(yields(1));
    expect(rig.log().toString().split('\n').sort()).toEqual(['', '1', 'done', 'warning']);
  });

  test('of a program without a shell, and of everything that the step starts', async () => {
    expect(await rig.argv(['printf', '[1]'], json)).toEqual(yields([1]));
    expect(
      await rig.sh('(printf "a"; sh -c "printf b") | cat; printf c &  wait', { output: 'text', attempt: 2 }),
    ).toEqual(yields('abc'));
  });

  test('never by a step without such an output', async () => {
    expect(await rig.sh('echo 1')).toMatchObject({ outputs: null });
  });
});

describe('it is refused', () => {
  test.each([
    ['json', ':', 'stdout is empty'],
    ['json', 'echo loading; echo "{}"', 'it stops being JSON at line 1, column 1'],
    ['json', 'echo "{"', 'it ends too early at line 2, column 1'],
    ['text', 'printf "a\\377"', 'not UTF-8, from byte 1 on'],
    ['lines', 'printf "a\\n\\377\\n"', 'not UTF-8, from byte 2 on'],
  ] as const)('as %s: %s', async (output, text, message) => {
    expect(await rig.sh(text, { output })).toMatchObject(refused(message));
  });

  test('where the step wrote to $FLOWCTL_OUTPUT too', async () => {
    const end = await rig.sh('echo 1; echo a=b >> "$FLOWCTL_OUTPUT"', json);
    expect(end).toMatchObject(refused('`output: json` takes the outputs from stdout'));
    expect(await rig.sh('echo 1; : >> "$FLOWCTL_OUTPUT"', { ...json, attempt: 2 })).toEqual(yields(1));
  });

  test('where there is more than the limit, to the byte; the log is whole', async () => {
    const print = (count: number) => `head -c ${count} /dev/zero | tr '\\0' x`;
    const exactly = await rig.sh(print(CAPTURE_LIMIT), { output: 'text' });
    expect(exactly).toMatchObject({ kind: 'succeeded' });
    const end = await rig.sh(print(CAPTURE_LIMIT + 1), { output: 'text', attempt: 2 });
    expect(end).toMatchObject(refused(`stdout has more than the ${CAPTURE_LIMIT} bytes`));
    expect(statSync(rig.places(stepKey('a'), 2).log).size).toBe(CAPTURE_LIMIT + 1);
  });

  test('where a daemon goes on printing, which ends it in time', async () => {
    const began = performance.now();
    const end = await rig.sh('setsid sh -c "while :; do echo 1; done" & sleep 0.05; exit 0', json);
    expect(end).toMatchObject(refused('went on printing'));
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test('but nothing of a step that failed is read', async () => {
    expect(await rig.sh('echo rubbish; exit 4', json)).toMatchObject({ exit_code: 4, failure: { code: 'exit_code' } });
  });
});

describe('meanwhile the log', () => {
  test('is byte for byte what was printed', async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256));
    writeFileSync(path.join(rig.folder, 'bytes'), bytes);
    await rig.sh('cat bytes; cat bytes bytes; exit 3', { output: 'text' });
    expect(rig.log().equals(Buffer.concat([bytes, bytes, bytes]))).toBe(true);
    expect(statSync(rig.places(stepKey('a'), 1).log).mode & 0o777).toBe(0o600);
  });

  test('holds each stream in its order, and nothing twice', async () => {
    const text = 'i=0; while [ $i -lt 500 ]; do i=$((i + 1)); echo out $i; echo err $i >&2; done';
    await rig.sh(text, { output: 'lines' });
    const lines = rig.log().toString().trimEnd().split('\n');
    const numbers = (stream: string) => lines.filter((line) => line.startsWith(stream)).map((line) => line.slice(4));
    const expected = Array.from({ length: 500 }, (_, index) => String(index + 1));
    expect([numbers('out'), numbers('err'), lines.length]).toEqual([expected, expected, 1_000]);
  });

  test('keeps both streams where they are opened by name', async () => {
    const text =
      'echo first line >&2; echo a > /dev/stderr; echo 1 > /dev/stdout; echo b | tee -a /dev/stderr > /dev/null; echo c >&2';
    expect(await rig.sh(text, json)).toEqual(yields(1));
    expect(rig.log().toString().split('\n').sort()).toEqual(['', '1', 'a', 'b', 'c', 'first line']);
    expect(readdirSync(path.dirname(rig.places(stepKey('a'), 1).log))).toEqual(['a.1.log']);
  });

  test('is told when something truncates it', async () => {
    await rig.sh('echo something longer >&2; f=/dev/std; echo b > ${f}err', { output: 'text' });
    expect(rig.heard.warned).toEqual(['log_truncated']);
  });

  test('is told when the disk is full', async (context) => {
    const { log } = rig.places(stepKey('a'), 1);
    mkdirSync(path.dirname(log), { recursive: true });
    // As /dev/full (full(4)): writing to it fails with ENOSPC. Only a privileged user may make one.
    const made = spawnSync('mknod', [log, 'c', '1', '7']).status === 0;
    if (!made) return context.skip();
    expect(await rig.sh('echo 1', json)).toMatchObject({ kind: 'failed', failure: { code: 'outputs' } });
    expect(rig.heard.warned).toEqual(['log_truncated']);
  });

  test('does not grow this process, however much is printed', async () => {
    const before = process.memoryUsage().rss;
    await rig.sh('head -c 300000000 /dev/zero', { output: 'text' });
    expect(statSync(rig.places(stepKey('a'), 1).log).size).toBe(300_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(128e6);
  });
});

test('a daemon that holds stdout in silence does not hold up the outputs', async () => {
  const began = performance.now();
  expect(await rig.sh('echo 1; setsid sleep 600 & exit 0', json)).toEqual(yields(1));
  expect(performance.now() - began).toBeLessThan(20_000);
});

test('a step that is stopped yields nothing', async () => {
  const end = await rig.sh('echo 1; sleep 600', { ...json, timeout_ms: 200 });
  expect(end).toMatchObject({ kind: 'timed_out' });
  expect(rig.log().toString()).toBe('1\n');
});

test('many of them leave no descriptors', async () => {
  await rig.sh('echo 1', json);
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  for (let round = 0; round < 10; round += 1) {
    const four = [1, 2, 3, 4].map((step) =>
      rig.sh('echo 1; echo b > /dev/stderr', { ...json, step: stepKey(`s${step}`), attempt: round + 1 }),
    );
    for (const end of await Promise.all(four)) expect(end).toEqual(yields(1));
  }
  expect(descriptors()).toBeLessThanOrEqual(before);
});

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StopReason } from '../../src/engine/ports.ts';
import { systemProgram } from '../../src/process/programs.ts';
import { isRunning, processesWith, until } from '../process/processes.ts';
import { createRig, type Rig, stepKey } from './rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = createRig();
});
afterEach(async () => {
  await rig.close();
  expect(processesWith(rig.run)).toEqual([]);
});

const cancelled: StopReason = {
  kind: 'cancelled',
  signal: 'SIGINT',
  by: { kind: 'signal', signal: 'SIGINT' },
};
const shell = (text: string) => ({ kind: 'shell', shell: 'sh', text }) as const;
const upFile = () => path.join(rig.folder, 'up');
const isUp = () => existsSync(upFile());

describe('an attempt ends', () => {
  test('succeeded, with the outputs it wrote and its files put away', async () => {
    const end = await rig.sh('echo "rows=3" >> "$FLOWCTL_OUTPUT"');
    expect(end).toEqual({ kind: 'succeeded', exit_code: 0, outputs: { kind: 'inline', value: { rows: '3' } } });
    const { output, artifacts } = rig.places(stepKey('a'), 1);
    // Nobody waits for the folder that was not needed.
    await until('its files are gone', () => !existsSync(output) && !existsSync(artifacts));
  });

  test('without outputs when it wrote none, and keeps artifacts', async () => {
    expect(await rig.sh('echo x > "$FLOWCTL_ARTIFACTS/x"')).toMatchObject({ kind: 'succeeded', outputs: null });
    expect(readdirSync(rig.places(stepKey('a'), 1).artifacts)).toEqual(['x']);
  });

  test('failed by its exit code, and publishes nothing', async () => {
    expect(await rig.sh('echo a=1 >> "$FLOWCTL_OUTPUT"; exit 7')).toEqual({
      kind: 'failed',
      exit_code: 7,
      signal: null,
      failure: { code: 'exit_code', message: 'exited with code 7' },
    });
  });

  test('failed at the first failing command, in a pipe with bash only', async () => {
    expect(await rig.sh('false; true')).toMatchObject({ exit_code: 1 });
    expect(await rig.sh('false | true', { attempt: 2 })).toMatchObject({ kind: 'succeeded' });
    const bash = { kind: 'shell', shell: 'bash', text: 'false | true; true' } as const;
    expect(await rig.start(rig.request(bash, { attempt: 3 })).done).toMatchObject({ exit_code: 1 });
  });

  test.each(['SIGKILL', 'SEGV'])('failed by %s', async (name) => {
    const end = await rig.sh(`kill -${name.replace('SIG', '')} $$`);
    const signal = name.startsWith('SIG') ? name : `SIG${name}`;
    expect(end).toMatchObject({ kind: 'failed', exit_code: null, signal, failure: { code: 'signal' } });
    expect(JSON.stringify(end).includes('possibly out of memory')).toBe(signal === 'SIGKILL');
  });

  test('failed by a signal that a shell reported, in both readings', async () => {
    expect(await rig.sh('sh -c "kill -9 \\$\\$"; exit 0')).toMatchObject({
      exit_code: 137,
      signal: 'SIGKILL',
      failure: { code: 'exit_code', message: 'exited with code 137 (128+SIGKILL, possibly out of memory)' },
    });
    expect(await rig.argv(['sh', '-c', 'exit 137'], { attempt: 2 })).toMatchObject({ exit_code: 137, signal: null });
  });

  test('failed by outputs that cannot be taken', async () => {
    expect(await rig.sh('echo rubbish >> "$FLOWCTL_OUTPUT"')).toMatchObject({
      kind: 'failed',
      exit_code: 0,
      failure: { code: 'outputs', message: expect.stringContaining('line 1') },
    });
  });
});

describe('what cannot start says why', () => {
  test.each([
    ['command_not_found', ['no-such-command-here']],
    ['command_not_found', ['./none']],
    ['command_not_executable', ['./text']],
    ['nul_byte', ['true', 'a\0b']],
    ['arguments_too_large', ['true', 'x'.repeat(131_072)]],
    ['arguments_too_large', ['true', ...Array.from({ length: 100 }, () => 'x'.repeat(131_000))]],
  ])('%s', async (code, argv) => {
    writeFileSync(path.join(rig.folder, 'text'), 'echo no', { mode: 0o644 });
    const end = await rig.argv(argv);
    expect(end).toMatchObject({ kind: 'failed', exit_code: null, failure: { code } });
    expect(JSON.stringify(end).length).toBeLessThan(1_000);
  });

  test('workdir_missing', async () => {
    expect(await rig.sh(':', { workdir: path.join(rig.folder, 'none') })).toMatchObject({
      failure: { code: 'workdir_missing' },
    });
  });

  test('a variable that is too large is named without its value', async () => {
    const end = await rig.sh(':', { env: { BIG: 'secret'.repeat(30_000) } });
    expect(end).toMatchObject({ failure: { code: 'arguments_too_large', message: expect.stringContaining('`BIG`') } });
    expect(JSON.stringify(end)).not.toContain('secret');
  });

  test('yet text of 1 MB runs, and so does text that begins with a dash', async () => {
    expect(await rig.sh(`# ${'x'.repeat(1e6)}\necho "\${0##*/}"\nexit 3`)).toMatchObject({ exit_code: 3 });
    expect(existsSync(rig.places(stepKey('a'), 1).script)).toBe(false);
    expect(await rig.sh('-x() { exit 4; }; true', { attempt: 2 })).toMatchObject({ exit_code: expect.any(Number) });
    expect(rig.log('a', 2).toString()).not.toContain('llegal option');
  });
});

describe('the log', () => {
  test('holds every byte, in order, whichever stream it came by', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    writeFileSync(path.join(rig.folder, 'bytes'), bytes);
    await rig.sh('for i in 1 2 3; do cat bytes; cat bytes >&2; done');
    expect(rig.log().equals(Buffer.concat(Array.from({ length: 6 }, () => bytes)))).toBe(true);
    expect(statSync(rig.places(stepKey('a'), 1).log).mode & 0o777).toBe(0o600);
  });

  test('is complete when the text opens /dev/stderr by name', async () => {
    await rig.sh(
      'echo a; echo b > /dev/stderr; echo c | tee /dev/stderr; head -c 300000 /dev/zero > /dev/stdout; echo d',
    );
    expect(rig.log().toString()).toBe(`a\nb\nc\nc\n${'\0'.repeat(300_000)}d\n`);
    expect(rig.heard.warned).toEqual([]);
    expect(readdirSync(path.dirname(rig.places(stepKey('a'), 1).log))).toEqual(['a.1.log']);
  });

  test('is complete when a script that is called does', async () => {
    writeFileSync(path.join(rig.folder, 'noisy.sh'), 'echo b > /dev/stderr\n', { mode: 0o755 });
    await rig.sh('echo a; sh noisy.sh; echo c');
    expect(rig.log().toString()).toBe('a\nb\nc\n');
  });

  test('that was truncated by somebody else is reported', async () => {
    await rig.sh('echo a longer line than the second; f=/dev/std; echo b > ${f}err');
    expect(rig.heard.warned).toEqual(['log_truncated']);
  });

  test('does not pass through this process, nor grow it', async () => {
    const before = process.memoryUsage().rss;
    await rig.sh('head -c 300000000 /dev/zero');
    expect(statSync(rig.places(stepKey('a'), 1).log).size).toBe(300_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(64e6);
  });
});

describe('a step sees', () => {
  test('an empty standard input, no ignored or blocked signals, and none of flowctl’s descriptors', async () => {
    const open = 'for n in 3 4 5 6 7 8 9; do if [ -e /proc/$$/fd/$n ]; then echo "open $n"; fi; done';
    await rig.sh(`cat; grep -E "Sig(Ign|Blk)" /proc/self/status; ${open}`);
    expect(rig.log().toString()).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
  });

  test('its own variables over the inherited ones, and flowctl’s over both', async () => {
    await rig.close();
    rig = createRig({
      inherited: { PATH: '/usr/bin:/bin', A: 'outer', B: 'outer', FLOWCTL_TOKEN: 'r0/s/1;', FLOWCTL_ITEM: '1' },
    });
    await rig.argv(['env'], { env: { A: 'step', FLOWCTL_TOKEN: 'no', FLOWCTL_STEP: 'no', FLOWCTL_STATE_DIR: '/s' } });
    const seen = Object.fromEntries(
      rig
        .log()
        .toString()
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    );
    const { output, artifacts } = rig.places(stepKey('a'), 1);
    const { PWD: _, ...rest } = seen;
    expect(rest).toEqual({
      PATH: '/usr/bin:/bin',
      A: 'step',
      B: 'outer',
      FLOWCTL_STATE_DIR: '/s',
      FLOWCTL_RUN_ID: rig.run,
      FLOWCTL_RUN_DIR: rig.folder,
      FLOWCTL_FLOW: 'test',
      FLOWCTL_STEP: 'a',
      FLOWCTL_ATTEMPT: '1',
      FLOWCTL_IDEMPOTENCY_KEY: `${rig.run}/a`,
      FLOWCTL_OUTPUT: output,
      FLOWCTL_ARTIFACTS: artifacts,
      FLOWCTL_TOKEN: `r0/s/1;${rig.run}/a/1;`,
    });
  });
});

describe('a timeout', () => {
  test('ends the whole group', async () => {
    const end = await rig.sh('sleep 600 & sleep 600', { timeout_ms: 100 });
    expect(end).toEqual({ kind: 'timed_out', after_ms: 100, exit_code: null, signal: 'SIGTERM' });
    expect(processesWith(rig.run)).toEqual([]);
  });

  test('kills what ignores TERM, after the grace time and not before', async () => {
    const began = performance.now();
    const end = await rig.sh('trap "" TERM; sleep 600; sleep 600', { timeout_ms: 50, grace_ms: 400 });
    expect(end).toMatchObject({ kind: 'timed_out', signal: 'SIGKILL' });
    expect(performance.now() - began).toBeGreaterThanOrEqual(450);
    expect(processesWith(rig.run)).toEqual([]);
  });

  test('ends daemons that left the group', async () => {
    const text = `setsid sh -c 'echo up > ${upFile()}; sleep 600' & sleep 600`;
    const attempt = rig.start(rig.request(shell(text)));
    await until('the daemon is up', isUp);
    attempt.stop({ kind: 'timed_out', after_ms: 5 });
    expect(await attempt.done).toMatchObject({ kind: 'timed_out', after_ms: 5 });
    expect(processesWith(rig.run)).toEqual([]);
  });

  test('leaves time to clean up', async () => {
    await rig.sh(`trap 'echo cleaned; exit 0' TERM; sleep 600 & wait`, { timeout_ms: 200, grace_ms: 10_000 });
    expect(rig.log().toString()).toContain('cleaned');
  });

  test('of 30 days does not fire at once', async () => {
    expect(await rig.sh(':', { timeout_ms: 30 * 86_400_000 })).toMatchObject({ kind: 'succeeded' });
  });
});

describe('a stop', () => {
  test('that is over before its grace time leaves no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    await rig.sh(':');
    const before = timers();
    const limits = { attempt: 2, grace_ms: 600_000, timeout_ms: 500_000 };
    const attempt = rig.start(rig.request(shell(`echo > ${upFile()}; sleep 600`), limits));
    await until('the step is up', isUp);
    // TERM, for dash catches INT itself, and loses one that comes just before it becomes the last command of its text.
    attempt.stop({ ...cancelled, signal: 'SIGTERM' });
    expect(await attempt.done).toMatchObject({ kind: 'cancelled' });
    expect(timers()).toBeLessThanOrEqual(before);
  });

  test('hands the user’s INT on, once, and the first reason wins', async () => {
    const text = `trap 'echo INT' INT; trap 'echo TERM' TERM; echo > ${upFile()}; while :; do sleep 0.01 || :; done`;
    const attempt = rig.start(rig.request(shell(text), { grace_ms: 300 }));
    await until('the step is up', isUp);
    attempt.stop(cancelled);
    attempt.stop({ kind: 'timed_out', after_ms: 1 });
    expect(await attempt.done).toMatchObject({ kind: 'cancelled', by: { kind: 'signal' }, signal: 'SIGKILL' });
    expect(rig.log().toString()).toBe('INT\n');
  });

  test('followed by a kill does not wait for the grace time', async () => {
    const attempt = rig.start(rig.request(shell(`trap '' INT; echo > ${upFile()}; sleep 600`), { grace_ms: 600_000 }));
    await until('the step is up', isUp);
    attempt.stop(cancelled);
    attempt.kill();
    expect(await attempt.done).toMatchObject({ kind: 'cancelled', signal: 'SIGKILL' });
  });

  test('before the gate opens means that nothing runs', async () => {
    let written = (): void => {};
    const recorded = new Promise<void>((resolve) => {
      written = resolve;
    });
    const attempt = rig.start(rig.request(shell(`echo > ${upFile()}`)), { spawned: () => recorded });
    attempt.stop(cancelled);
    written();
    expect(await attempt.done).toMatchObject({ kind: 'cancelled', exit_code: null, signal: null });
    expect(isUp()).toBe(false);
  });

  test('after the end changes nothing', async () => {
    const attempt = rig.start(rig.request(shell(':')));
    const end = await attempt.done;
    attempt.stop(cancelled);
    attempt.kill();
    expect(end).toMatchObject({ kind: 'succeeded' });
  });
});

test('a process that cannot be recorded never runs', async () => {
  const attempt = rig.start(rig.request(shell(`echo > ${upFile()}`)), {
    spawned: () => Promise.reject(new Error('ENOSPC')),
  });
  expect(await attempt.done).toMatchObject({ kind: 'cancelled', by: { kind: 'policy', policy: 'state_error' } });
  expect(isUp()).toBe(false);
});

test.skipIf(systemProgram('bash') === null)('every variable arrives, whatever its name', async () => {
  const odd = createRig({ inherited: { PATH: process.env['PATH'] ?? '', 'A-B': 'inherited' } });
  const text = 'process.env["my.var"] + " " + process.env["A-B"]';
  await odd.argv([process.execPath, '-p', text], { env: { 'my.var': 'hi' } });
  expect(odd.log().toString()).toBe('hi inherited\n');
  await odd.close();
});

test('nothing starts, and nothing is made, where the folder of the run is gone', async () => {
  const lost = createRig();
  rmSync(lost.folder, { recursive: true });
  const end = await lost.sh(`echo > ${upFile()}`, { workdir: rig.folder });
  expect(end).toMatchObject({ kind: 'failed', failure: { code: 'start_refused' } });
  expect(isUp()).toBe(false);
  expect(existsSync(lost.folder)).toBe(false);
  await lost.close();
});

describe('what a step leaves behind', () => {
  test('in its group is ended and reported, though it holds the output', async () => {
    const began = performance.now();
    expect(await rig.sh('sleep 600 & trap "" TERM; sleep 601 & exit 0')).toMatchObject({ kind: 'succeeded' });
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(rig.heard.reaped).toHaveLength(2);
    expect(rig.heard.reaped.filter(isRunning)).toEqual([]);
  });

  test('in another session is ended at the end of the run and reported', async () => {
    await rig.sh(`setsid sh -c 'echo > ${upFile()}; sleep 600' & while [ ! -e ${upFile()} ]; do sleep 0.01; done`);
    expect(rig.heard.reaped).toEqual([]);
    const living = processesWith(rig.run);
    expect(living.length).toBeGreaterThan(0);
    const { ended, left } = await rig.executor.reapRun();
    expect([...ended].sort()).toEqual(living.sort());
    expect(left).toEqual([]);
    expect(processesWith(rig.run)).toEqual([]);
  });

  test('is killed at once when the end of the run is hurried', async () => {
    const patient = createRig({ graceMs: 50_000 });
    await patient.sh(
      `setsid sh -c 'trap "" TERM; echo > ${upFile()}; while :; do sleep 0.01; done' & while [ ! -e ${upFile()} ]; do sleep 0.01; done`,
    );
    const began = performance.now();
    expect((await patient.executor.reapRun(AbortSignal.abort())).left).toEqual([]);
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(processesWith(patient.run)).toEqual([]);
    await patient.close();
  });

  test('does not keep a piped log open', async () => {
    const began = performance.now();
    await rig.sh('echo a > /dev/stderr; setsid sleep 600 & exit 0');
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(rig.log().toString()).toBe('a\n');
  });
});

test('many steps leave no zombies and no descriptors', async () => {
  await rig.sh(':');
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  for (let round = 0; round < 50; round += 1) {
    const four = [1, 2, 3, 4].map((step) => rig.sh('echo x', { step: stepKey(`s${step}`), attempt: round + 1 }));
    for (const end of await Promise.all(four)) expect(end.kind).toBe('succeeded');
  }
  expect(descriptors()).toBeLessThanOrEqual(before);
  const children = execFileSync('ps', ['-o', 'stat=', '--ppid', String(process.pid)], { encoding: 'utf8' });
  expect(children).not.toContain('Z');
});

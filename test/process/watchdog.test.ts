import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RunId } from '../../src/base/ids.ts';
import { identify, readProcessStat } from '../../src/process/identity.ts';
import { startWatchdog, WATCHDOG_NAME } from '../../src/process/watchdog.ts';
import { WATCHDOG_SCRIPT } from '../../src/process/watchdog-script.ts';
import { bundle } from '../executors/bundle.ts';
import { freshRunId } from '../executors/rig.ts';
import { isRunning, processesWith, until } from './processes.ts';
import { GONE_MS } from '../kit/rig.ts';
import { watchdogsOf } from '../kit/watchdogs.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-'));
const program = path.join(folder, 'doomed.mjs');
const started: ChildProcess[] = [];

beforeAll(() => bundle('doomed.ts', program));
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts the miniature and reads its lines until the watchdog and all attempts are there. */
async function start(run: RunId, mode: 'run' | 'hold', texts: readonly string[]) {
  const child = spawn(process.execPath, [program, run, mode, ...texts], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A killed program does not tidy up after itself.
    env: { ...process.env, TMPDIR: folder },
  });
  started.push(child);
  const spawned: number[] = [];
  let watchdog = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, ...rest] = line.split(' ');
    if (word === 'watchdog') watchdog = Number(rest[0]);
    if (word === 'spawned') spawned.push(Number(rest[1]));
    if (spawned.length === texts.length) break;
  }
  return { child, watchdog, spawned };
}

/** Four kinds of processes that are hard to get rid of; each says `up` in a file of its own. */
const hardToEnd = (marks: string): readonly string[] => [
  `sleep 600 & echo up > ${marks}.0; wait`,
  `trap '' TERM INT HUP; echo up > ${marks}.1; sleep 600; sleep 600`,
  `(trap '' TERM; setsid sh -c 'echo up > ${marks}.2; exec sleep 600' & ) & wait; sleep 600`,
  `setsid sh -c 'setsid sleep 600 & sleep 600 & echo up > ${marks}.3; exit' & sleep 600`,
];

describe('when flowctl is killed', () => {
  test.each(['SIGKILL', 'SIGSEGV'] as const)(
    'by %s, nothing of its steps is left after the grace time',
    async (signal) => {
      const run = freshRunId();
      const marks = path.join(folder, run);
      const { child, watchdog } = await start(run, 'run', hardToEnd(marks));
      await until('all steps are up', () => [0, 1, 2, 3].every((index) => existsSync(`${marks}.${index}`)));
      expect(processesWith(run).length).toBeGreaterThanOrEqual(8);
      child.kill(signal);
      await once(child, 'exit');
      await until('nothing carries the token', () => processesWith(run).length === 0, GONE_MS);
      await until('the watchdog has gone home', () => !isRunning(watchdog));
    },
  );

  test('after its watchdog was killed, a new one does the work', async () => {
    const run = freshRunId();
    const marks = path.join(folder, run);
    const { child, watchdog } = await start(run, 'run', hardToEnd(marks));
    await until('all steps are up', () => [0, 1, 2, 3].every((index) => existsSync(`${marks}.${index}`)));
    process.kill(watchdog, 'SIGKILL');
    const isGuarding = () => watchdogsOf(run).some((pid) => pid !== watchdog);
    await until('another watchdog guards', isGuarding);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await until('nothing carries the token', () => processesWith(run).length === 0, GONE_MS);
  });

  test('the watchdog does not wait for the dead whom nobody collects', async () => {
    // As by the first process of many a container: a parent that never asks how its child ended.
    const parent = spawn('/bin/sh', ['-c', 'setsid sleep 600 & echo $!; exec sleep 601'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    started.push(parent);
    const [line] = (await once(parent.stdout ?? process.stdin, 'data')) as [Buffer];
    const group = Number(String(line));
    await until('it leads its own group', () => readProcessStat(group)?.group === group);
    const { start_ticks } = identify(group, group);
    const began = performance.now();
    const argv = ['-c', WATCHDOG_SCRIPT, WATCHDOG_NAME, freshRunId(), '100'];
    const watchdog = spawn('/bin/sh', argv, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    started.push(watchdog);
    watchdog.stdin?.end(`+ ${group} ${start_ticks}\n`);
    await once(watchdog, 'exit');
    // Half of the time after which it gives up.
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(readProcessStat(group)?.state).toBe('Z');
    expect(parent.exitCode).toBeNull();
  });

  test('before it opened the gate, the command never runs', async () => {
    const run = freshRunId();
    const mark = path.join(folder, `${run}.ran`);
    const held = await start(run, 'hold', [`echo ran > ${mark}`]);
    held.child.kill('SIGKILL');
    await until('the gate shell has gone', () => held.spawned.every((pid) => !isRunning(pid)));
    expect(existsSync(mark)).toBe(false);
    // The same, with the gate opened: the test can see what it denies above.
    await start(freshRunId(), 'run', [`echo ran > ${mark}`]);
    await until('the command ran', () => existsSync(mark));
  });
});

describe('a watchdog', () => {
  test('carries no token, stands in /, leads its own session and ignores what a terminal sends', async () => {
    const watchdog = startWatchdog({ run: freshRunId(), graceMs: 1_000 });
    const pid = watchdog.pid ?? 0;
    await until('it is set up', () => /^SigIgn:\s*0*4007$/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')));
    expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).toBe('PATH=/usr/bin:/bin:/usr/local/bin\0');
    expect(readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ').slice(4, 6)).toEqual([String(pid), String(pid)]);
    await watchdog.close();
    expect(isRunning(pid)).toBe(false);
  });

  test('leaves groups alone at the normal end, those that were taken back, and numbers that are another process', async () => {
    const run = freshRunId();
    const groups = Array.from({ length: 3 }, () => spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }));
    started.push(...groups);
    const [first, second, third] = groups.map(({ pid = 0 }) => pid);
    const identity = (pid: number, start_ticks: number | null) =>
      ({ pid, group: pid, start_ticks, boot_id: null, pid_namespace: null }) as const;
    const peaceful = startWatchdog({ run, graceMs: 100 });
    peaceful.register(identity(first ?? 0, null));
    await peaceful.close();
    // An end without farewell, seen from the inside: its pipe closes.
    const script = await import('../../src/process/watchdog-script.ts');
    const shell = spawn('/bin/sh', ['-c', script.WATCHDOG_SCRIPT, 'flowctl-watchdog', run, '100'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    shell.stdin.end(`+ ${first} \n+ ${second} 1\n+ ${third} \n- ${first}\n- 99999\n+ ${first}`);
    await once(shell, 'exit');
    expect([first, second, third].map((pid) => isRunning(pid ?? 0))).toEqual([true, true, false]);
  });
});

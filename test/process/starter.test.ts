/** Both launchers, side by side: what users of the seam rely on holds however a process is started. */

import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isSameProcess, readProcessStat } from '../../src/process/identity.ts';
import { directLauncher, type Launcher, type LaunchedProcess, type LaunchSpec } from '../../src/process/launcher.ts';
import { systemProgram } from '../../src/process/programs.ts';
import { starterLauncher } from '../../src/process/starter.ts';
import { eventually } from '../kit/rig.ts';
import { until } from './processes.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-starter-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const direct = directLauncher();
const starter = (after = 0): Launcher => starterLauncher({ directly: direct, after });
const sh = systemProgram('sh') ?? '/bin/sh';
const PATH = '/usr/bin:/bin';
let files = 0;

/** Launches shell text; what it prints is in the file. */
async function launch(launcher: Launcher, text: string, spec: Partial<LaunchSpec> = {}): Promise<Launched> {
  files += 1;
  const file = path.join(folder, String(files));
  const output = openSync(file, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
  const argv = [sh, '-c', text];
  const base = { argv, env: { PATH }, workdir: folder, input: null, output, errors: output };
  const launched = await launcher.launch({ ...base, ...spec });
  closeSync(output);
  if (launched.kind !== 'launched') throw new Error(JSON.stringify(launched));
  return { process: launched.process, printed: () => readFileSync(file, 'utf8') };
}

interface Variables {
  readonly PWD?: string;
  readonly SHLVL?: string;
  readonly _?: string;
}

interface Launched {
  readonly process: LaunchedProcess;
  printed(): string;
}

/** Launches, opens the gate, waits. */
async function run(launcher: Launcher, text: string, spec: Partial<LaunchSpec> = {}) {
  const { process: started, printed } = await launch(launcher, text, spec);
  started.release();
  const { exitCode, signal } = await started.exited;
  return { exitCode, signal, printed: printed() };
}

/** The starter that a process is a child of. */
function starterOf({ process: { identity } }: Launched): number {
  const parent = readProcessStat(identity.pid)?.parent;
  // Not 0, which is this process's own group to whoever kills it.
  if (parent === undefined) throw new Error(`process ${identity.pid} is gone`);
  return parent;
}

const hasPerl = systemProgram('perl') !== null && existsSync('/proc/self/fd');
const LAUNCHERS: readonly (readonly [name: string, make: () => Launcher])[] = [
  ['direct', () => direct],
  ...(hasPerl ? [['starter', starter] as const] : []),
];

describe.each(LAUNCHERS)('%s', (_, make) => {
  const launcher = make();

  it('says how each process ended', async () => {
    expect(await run(launcher, 'exit 0')).toMatchObject({ exitCode: 0, signal: null });
    expect(await run(launcher, 'exit 137')).toMatchObject({ exitCode: 137, signal: null });
    expect(await run(launcher, 'kill -9 $$')).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    expect(await run(launcher, 'kill -TERM $$')).toMatchObject({ exitCode: null, signal: 'SIGTERM' });
  });

  it('many at once, each with its own end and its own output', async () => {
    const ends = await Promise.all(
      Array.from({ length: 60 }, (__, index) => run(launcher, `echo number ${index}; exit ${index}`)),
    );
    expect(ends).toEqual(ends.map((__, index) => ({ exitCode: index, signal: null, printed: `number ${index}\n` })));
  });

  it('a process leads its group, and finds its folder, its environment and nothing else', async () => {
    const env = { PATH, 'my.var': 'hi', EMPTY: '', LINES: 'a\nb=c\n', ODD: '\u00e4\u20ac "\' $x' };
    const argv = [process.execPath, '-p', 'JSON.stringify([process.env, process.cwd()])'];
    const { printed } = await run(launcher, '', { env, argv, workdir: '/usr' });
    // Where the gate is bash, it says something of itself.
    const [{ PWD: _, SHLVL: __, _: ___, ...found }, at] = JSON.parse(printed) as [typeof env & Variables, string];
    expect([found, at]).toEqual([env, '/usr']);
    const launched = await launch(launcher, 'read -r line; echo got $line');
    const { pid, group } = launched.process.identity;
    expect(group).toBe(pid);
    await until('it leads its group', () => readProcessStat(pid)?.group === pid);
    launched.process.release();
    await launched.process.exited;
    expect(launched.printed()).toBe('got\n');
  });

  it('gives no descriptors away, and signals their defaults', async () => {
    const text =
      'for each in /proc/$$/fd/*; do [ -e "$each" ] && echo "${each##*/} open"; done; grep "^SigIgn" /proc/$$/status';
    const { printed } = await run(launcher, text);
    const own = new Set(inheritedDescriptors());
    const open = [...printed.matchAll(/^(\d+) open$/gm)].map(([, number]) => Number(number));
    expect(open.filter((number) => number > 2 && !own.has(number))).toEqual([]);
    expect(printed).toMatch(/SigIgn:\s*0+\n/);
  });

  it('standard output and error keep their order; what a file held before stays', async () => {
    expect(await run(launcher, 'echo 1; echo 2 >&2; echo 3; echo 4 >&2')).toMatchObject({ printed: '1\n2\n3\n4\n' });
    const file = path.join(folder, 'errors');
    writeFileSync(file, 'before\n');
    const errors = openSync(file, 'a');
    expect(await run(launcher, 'echo 1; echo 2 >&2', { errors })).toMatchObject({ printed: '1\n' });
    closeSync(errors);
    expect(readFileSync(file, 'utf8')).toBe('before\n2\n');
    const output = openSync(file, 'a');
    await run(launcher, 'echo 3; echo 4 >&2', { output, errors: output });
    closeSync(output);
    expect(readFileSync(file, 'utf8')).toBe('before\n2\n3\n4\n');
  });

  it('standard input is read from its start', async () => {
    const file = path.join(folder, 'input');
    writeFileSync(file, 'one\ntwo\n');
    const input = openSync(file, 'r');
    expect(await run(launcher, 'cat', { input })).toMatchObject({ exitCode: 0, printed: 'one\ntwo\n' });
    closeSync(input);
  });

  it('nothing happens before the gate is opened, nor when it never is', async () => {
    const mark = path.join(folder, `mark-${files}`);
    const launched = await launch(launcher, `echo there > ${mark}`);
    // What is started after it, and takes its time, is over before it.
    expect(await run(launcher, 'sleep 0.1')).toMatchObject({ exitCode: 0 });
    expect(isSameProcess(launched.process.identity)).toBe(true);
    launched.process.discard();
    expect(await launched.process.exited).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    expect(existsSync(mark)).toBe(false);
  });

  it('what is too large for the system, or cannot be run, is said and no hang', async () => {
    const large = Object.fromEntries(Array.from({ length: 40 }, (__, index) => [`V${index}`, 'x'.repeat(100_000)]));
    const base = { workdir: folder, input: null, output: 1, errors: 1, env: { PATH, ...large } };
    expect(await launcher.launch({ ...base, argv: [sh, '-c', ':'] })).toEqual({ kind: 'impossible', code: 'E2BIG' });
    const nul = await launcher.launch({ ...base, env: { PATH }, argv: [sh, '-c', 'a\0b'] });
    expect(nul).toMatchObject({ kind: 'impossible' });
    const file = path.join(folder, 'no-program');
    writeFileSync(file, '');
    expect(await run(launcher, '', { argv: [file] })).toMatchObject({ exitCode: 126, signal: null });
  });
});

describe.skipIf(!hasPerl)('a starter (needs perl)', () => {
  it('comes when there is more to start than a few', async () => {
    const launcher = starter(2);
    const parents: number[] = [];
    for (let index = 0; index < 3; index += 1) {
      const launched = await launch(launcher, ':');
      parents.push(starterOf(launched));
      launched.process.release();
      await launched.process.exited;
    }
    expect(parents.slice(0, 2)).toEqual([process.pid, process.pid]);
    await eventually('it is asked', 20_000, async () => {
      const launched = await launch(launcher, ':');
      const parent = starterOf(launched);
      launched.process.release();
      await launched.process.exited;
      return parent !== process.pid;
    });
  });

  it('says how far its process wrote: a file that was truncated meanwhile is noticed by it', async () => {
    const { process: started, printed } = await launch(starter(), 'echo a long line; : > /proc/$$/fd/1');
    started.release();
    expect(await started.exited).toEqual({ exitCode: 0, signal: null, written: 12 });
    expect(printed()).toBe('');
  });

  it('that is killed takes what it had started with it; what waited at its gate never runs; another one comes', async () => {
    const launcher = starter();
    const mark = path.join(folder, 'never');
    const running = await launch(launcher, 'echo up; trap "" TERM; while :; do sleep 0.05; done');
    const waiting = await launch(launcher, `echo there > ${mark}`);
    running.process.release();
    await until('it runs', () => running.printed() === 'up\n');
    const first = starterOf(running);
    process.kill(first, 'SIGKILL');
    expect(await running.process.exited).toEqual({ exitCode: null, signal: null, lost: true });
    expect(await waiting.process.exited).toEqual({ exitCode: null, signal: null, lost: true });
    expect(isSameProcess(running.process.identity)).toBe(false);
    waiting.process.release();
    const next = await launch(launcher, 'echo next');
    expect(starterOf(next)).not.toBe(first);
    expect(starterOf(next)).not.toBe(process.pid);
    next.process.release();
    expect(await next.process.exited).toMatchObject({ exitCode: 0 });
    expect(existsSync(mark)).toBe(false);
  });

  it('that was killed three times is not replaced: processes are started directly', async () => {
    const launcher = starter();
    for (let index = 0; index < 3; index += 1) {
      const launched = await launch(launcher, ':');
      process.kill(starterOf(launched), 'SIGKILL');
      await launched.process.exited;
    }
    const launched = await launch(launcher, 'exit 3');
    expect(starterOf(launched)).toBe(process.pid);
    launched.process.release();
    expect(await launched.process.exited).toEqual({ exitCode: 3, signal: null });
  });
});

/** What this process was itself given beyond the standard streams, which its children inherit. */
function* inheritedDescriptors(): Generator<number> {
  for (let number = 3; number < 1_024; number += 1) {
    try {
      const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, 'latin1'))?.[1] ?? '0';
      // O_CLOEXEC (02000000): closed when a program is started.
      if ((Number.parseInt(flags, 8) & 0o2000000) === 0) yield number;
    } catch {
      // Not open.
    }
  }
}

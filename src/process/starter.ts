/**
 * Starts processes by one small process that stays, the starter. For Node a start is a fork of its whole address space, during which nothing else
 * happens (1.4 ms at best, 150 ms with 1 GB of buffers; see bench/README.md); for the starter it is a fork of 6 MB beside everything else.
 *
 * What it cannot do is started directly: terminals, what may be too large for execve(2), everything on systems without Perl or /proc, and whatever is
 * to start before it is there. When it dies, what it had started is killed and lost, and another one is started, three times at most.
 *
 * A process is collected by the starter a moment before flowctl hears of it, so within that moment a signal could reach another process of the same
 * number; the kernel gives a number out again only after all others.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type { ProcessIdentity } from '../model/event.ts';
import { descriptorsAreFree } from './descriptors.ts';
import { signalGroup } from './group.ts';
import { identify, isSameProcess } from './identity.ts';
import { isMomentary, type Launch, type Launcher, type LaunchSpec, type ProcessEnd } from './launcher.ts';
import { systemProgram } from './programs.ts';
import { STARTER_SCRIPT } from './starter-script.ts';

/** How a starter is used. */
export interface StarterOptions {
  /** Who starts what the starter does not. */
  readonly directly: Launcher;
  /** So many starts are made directly before a starter is worth its own start; 0: the first start waits for it. */
  readonly after: number;
}

/** execve(2) takes 128 kB a word and a quarter of the stack in all, and says so to flowctl only when it starts the process itself. */
const LARGEST_BYTES = 100_000;
const MOST_STARTERS = 3;
const GONE_LOOK_MS = 5;

/** What a start has come to. */
interface Start {
  /** Null: it has to be made directly. */
  readonly told: (launch: Launch | null) => void;
  /** Once it is launched. */
  identity: ProcessIdentity | null;
  ended: (end: ProcessEnd) => void;
}

/** A launcher that lets a starter start whatever it can. */
export function starterLauncher({ directly, after }: StarterOptions): Launcher {
  const perl = hasOwnProc() ? systemProgram('perl') : null;
  if (perl === null) return directly;
  let starter: Starter | null = null;
  let launches = 0;
  let starters = 0;
  return {
    launch: async (spec) => {
      launches += 1;
      if (launches <= after || spec.terminal !== undefined) return directly.launch(spec);
      if ((starter === null || starter.isGone) && starters < MOST_STARTERS && descriptorsAreFree()) {
        starters += 1;
        const argv = [perl, '-e', STARTER_SCRIPT, String(process.pid)];
        starter = new Starter({ argv, env: { PATH: '/usr/bin:/bin' }, workdir: '/' });
      }
      if (starter === null || starter.isGone) return directly.launch(spec);
      if (after === 0) await starter.untilReady();
      return (starter.isReady ? await starter.launch(spec) : null) ?? directly.launch(spec);
    },
  };
}

/** False without /proc, and where it is that of other processes (a pid namespace of its own with the /proc of its host): our number is another's there. */
export function hasOwnProc(): boolean {
  try {
    return readlinkSync('/proc/self') === String(process.pid);
  } catch {
    return false;
  }
}

/** How the program of a starter is started, and what it is told before anything else: the words of a frame. */
export interface StarterProgram extends Pick<LaunchSpec, 'argv' | 'env' | 'workdir'> {
  readonly greeting?: readonly string[];
}

/** One starter, from its start to its end: any program that speaks as `starter-script` does. */
export class Starter {
  readonly #ready: Promise<void>;
  isReady = false;
  isGone = false;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #starts = new Map<string, Start>();
  #told: () => void = () => {};
  #heard = '';
  #count = 0;

  constructor({ argv: [program = '', ...words], env, workdir, greeting }: StarterProgram) {
    this.#ready = new Promise((resolve) => {
      this.#told = resolve;
    });
    this.#child = spawn(program, words, {
      cwd: workdir,
      env: { ...env },
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    const { stdin, stdout } = this.#child;
    this.#child.unref();
    this.#keepAwake(false);
    stdout.setEncoding('latin1');
    stdout.on('data', (text: string) => {
      const lines = `${this.#heard}${text}`.split('\n');
      this.#heard = lines.pop() ?? '';
      for (const line of lines) this.#hear(line);
    });
    const gone = (): void => this.#lose();
    // EPIPE when it died, which `exit` tells.
    stdin.on('error', gone);
    stdout.on('error', gone);
    this.#child.once('error', gone);
    this.#child.once('exit', gone);
    const frame = greeting === undefined ? null : frameOf(greeting);
    if (frame !== null) stdin.write(frame);
  }

  /** Resolves when it can be asked, or is gone. */
  async untilReady(): Promise<void> {
    if (!this.isReady && !this.isGone) this.#keepAwake(true);
    await this.#ready;
    if (this.#starts.size === 0) this.#keepAwake(false);
  }

  /** @returns null when this has to be started directly. */
  launch({ input, output, errors, workdir, argv, env }: LaunchSpec): Promise<Launch | null> {
    this.#count += 1;
    const id = String(this.#count);
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const streams = [input === null ? '' : String(input), String(output), String(errors)];
    const frame = frameOf(['L', id, ...streams, workdir, String(argv.length), ...argv, ...variables]);
    if (frame === null || this.isGone) return Promise.resolve(null);
    return new Promise((told) => {
      this.#starts.set(id, { told, identity: null, ended: () => {} });
      this.#keepAwake(true);
      this.#child.stdin.write(frame);
    });
  }

  #hear(line: string): void {
    const [verb = '', id = '', first = '', second = ''] = line.split(' ');
    if (verb === 'R') {
      this.isReady = true;
      this.#told();
    }
    const start = this.#starts.get(id);
    if (start === undefined) return;
    if (verb === 'P') start.told(this.#launched(id, start, Number(first)));
    if (verb === 'F') {
      this.#forget(id);
      const code = Object.entries(constants.errno).find(([, number]) => number === Number(first))?.[0] ?? 'unknown';
      start.told(isMomentary(code) ? { kind: 'refused', code } : null);
    }
    if (verb === 'E') {
      this.#forget(id);
      start.ended(endOf(Number(first), second === '-' ? null : Number(second)));
    }
  }

  #launched(id: string, start: Start, pid: number): Launch {
    const identity = identify(pid, pid);
    start.identity = identity;
    let isOver = false;
    const exited = new Promise<ProcessEnd>((resolve) => {
      start.ended = (end) => {
        isOver = true;
        resolve(end);
      };
    });
    return {
      kind: 'launched',
      process: {
        identity,
        release: () => {
          if (!isOver && !this.isGone) this.#child.stdin.write(frameOf(['G', id]));
        },
        discard: () => {
          if (!isOver) signalGroup(pid, 'SIGKILL');
        },
        exited,
      },
    };
  }

  /** Ends it, and what a script in its place has started. */
  abandon(): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) signalGroup(pid, 'SIGKILL');
    this.#lose();
  }

  /** It is gone: what it did not start is started directly; nobody will ever say how the rest ended. */
  #lose(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#child.kill('SIGKILL');
    // What a script started in its own place hears of it by this.
    this.#child.stdin.destroy();
    this.#told();
    for (const [id, { told, identity, ended }] of [...this.#starts]) {
      this.#forget(id);
      if (identity === null) told(null);
      else void killed(identity).then(() => ended({ exitCode: null, signal: null, lost: true }));
    }
  }

  #forget(id: string): void {
    this.#starts.delete(id);
    if (this.#starts.size === 0) this.#keepAwake(false);
  }

  /** Whether flowctl stays for what the starter says. */
  #keepAwake(isNeeded: boolean): void {
    for (const stream of [this.#child.stdin, this.#child.stdout]) {
      // One that is closed would wait for a connection, again and again.
      if (!(stream instanceof Socket) || stream.destroyed) continue;
      if (isNeeded) stream.ref();
      else stream.unref();
    }
  }
}

/** Kills a group whose leader nobody collects for us any more, and waits until the leader is gone. */
async function killed(identity: ProcessIdentity): Promise<void> {
  while (isSameProcess(identity)) {
    signalGroup(identity.group, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, GONE_LOOK_MS));
  }
}

/** @returns null for what the starter cannot be told, or is too large for it. */
function frameOf(words: readonly string[]): Buffer | null {
  if (words.some((word) => word.includes('\0'))) return null;
  const text = words.join('\0');
  const size = Buffer.byteLength(text);
  if (size > LARGEST_BYTES) return null;
  const frame = Buffer.allocUnsafe(size + 4);
  frame.writeUInt32BE(size);
  frame.write(text, 4);
  return frame;
}

/** From a status as wait(2) gives it: the signal in the lower seven bits, else the exit code in the second byte. */
function endOf(status: number, written: number | null): ProcessEnd {
  const number = status & 127;
  const signal = Object.entries(constants.signals).find(([, each]) => each === number)?.[0] ?? null;
  const end =
    number === 0 ? { exitCode: status >> 8, signal: null } : { exitCode: null, signal: signal as NodeJS.Signals };
  return written === null ? end : { ...end, written };
}

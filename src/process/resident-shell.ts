/**
 * One shell that stays, leads a group of its own, and runs one step after another in subshells. Two programs have not to be loaded for a step, the gate's
 * and the shell's, and nothing is forked but a shell of 2 MB.
 *
 *     starting --(ready)--> idle --(taken)--> taken --(a step is said)--> busy --(it answers)--> idle
 *     any --(retired)--> retiring --(answered, end of input)--> gone        any --(dies)--> gone
 *
 * The group is known before the step exists, and outlives it. So a shell whose step is stopped, or left something running, is retired: it goes as soon as
 * it has answered, and what is left of its group is like that of any process.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { ProcessIdentity } from '../model/event.ts';
import { identify } from './identity.ts';
import type { ProcessEnd } from './launcher.ts';
import { RESIDENT_BEGINNING } from './resident-script.ts';

/** What a resident shell says of a step. */
export interface ResidentEnd extends ProcessEnd {
  /** Nothing was run: the working directory or the log cannot be opened. */
  readonly notRun: boolean;
  /** True unless `$FLOWCTL_OUTPUT` is an empty file still. */
  readonly wrote: boolean;
  /** Children of the shell when the step had ended, dead ones among them. */
  readonly left: readonly number[];
}

/** prctl(2) has no program of its own, and execve(2) keeps what it set. */
const BECOME_SUBREAPER =
  'syscall($ARGV[0] + 0, 36, 1, 0, 0, 0) == 0 or exit 1; exec { $ARGV[1] } $ARGV[1], "-s"; exit 1';
/** The number of prctl(2), by architecture as Node calls it. */
const PRCTL: { readonly [architecture: string]: number } = { x64: 157, arm64: 167 };

/** True where a shell can be made a subreaper. */
export const canReap = (): boolean => process.platform === 'linux' && PRCTL[process.arch] !== undefined;

/** A shell that stays. */
export class ResidentShell {
  readonly identity: ProcessIdentity;
  /** It could once take a step. */
  hasBeenUp = false;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #changed: (shell: ResidentShell) => void;
  #state: 'starting' | 'idle' | 'taken' | 'busy' | 'gone' = 'starting';
  #isRetired = false;
  #heard = '';
  #answer: ResidentEnd | null = null;
  #ended: (end: ResidentEnd) => void = () => {};
  #gone: () => void = () => {};
  readonly #whenGone = new Promise<void>((resolve) => {
    this.#gone = resolve;
  });

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>, pid: number, changed: () => void) {
    this.#child = child;
    this.#changed = changed;
    this.identity = identify(pid, pid);
    child.unref();
    child.stdout.setEncoding('latin1');
    child.stdout.on('data', (text: string) => this.#hear(text));
    // EPIPE when it died, which `exit` tells.
    child.stdin.on('error', () => {});
    child.stdout.on('error', () => {});
    child.once('exit', (_, signal) => this.#lose(signal));
    child.stdin.write(RESIDENT_BEGINNING);
  }

  /**
   * Starts one.
   * @param changed called when it can take a step, and when it is gone.
   * @returns null when the system has no room for it now.
   */
  static start(
    programs: { readonly perl: string; readonly sh: string },
    environment: { readonly [name: string]: string },
    changed: () => void,
  ): ResidentShell | null {
    const child = spawn(programs.perl, ['-e', BECOME_SUBREAPER, String(PRCTL[process.arch]), programs.sh], {
      cwd: '/',
      env: environment,
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    // Told of a start that failed, which `pid` tells as well.
    child.on('error', () => {});
    return child.pid === undefined ? null : new ResidentShell(child, child.pid, changed);
  }

  get isIdle(): boolean {
    return this.#state === 'idle' && !this.#isRetired;
  }

  get isGone(): boolean {
    return this.#state === 'gone';
  }

  /** Keeps it for who asks. @returns false where it cannot take a step now. */
  take(): boolean {
    if (!this.isIdle) return false;
    this.#state = 'taken';
    return true;
  }

  /** Gives it back without a step. */
  giveBack(): void {
    if (this.#state !== 'taken') return;
    this.#state = 'idle';
    this.#changed(this);
  }

  /** Says a step. Resolves with its end; of a shell that is retired or dies meanwhile when that is gone. */
  run(script: string): Promise<ResidentEnd> {
    this.#answer = null;
    // It died before it was asked: nothing ran.
    if (this.isGone) return Promise.resolve(NOTHING_RAN);
    this.#state = 'busy';
    this.#keepAwake(true);
    const ended = new Promise<ResidentEnd>((resolve) => {
      this.#ended = resolve;
    });
    this.#child.stdin.write(script);
    return ended;
  }

  /** Lets it go when it has answered. Resolves when it is gone. */
  retire(): Promise<void> {
    if (!this.#isRetired) {
      this.#isRetired = true;
      this.#keepAwake(true);
      this.#child.ref();
      this.#child.stdin.end();
    }
    return this.#whenGone;
  }

  #hear(text: string): void {
    const lines = `${this.#heard}${text}`.split('\n');
    this.#heard = lines.pop() ?? '';
    for (const line of lines) {
      if (this.#state === 'starting') this.#rest();
      else if (this.#state === 'busy') this.#take(answerOf(line));
    }
    if (this.isIdle) this.#changed(this);
  }

  #rest(): void {
    this.#state = 'idle';
    this.hasBeenUp = true;
    this.#keepAwake(false);
  }

  #take(answer: ResidentEnd): void {
    this.#answer = answer;
    if (this.#isRetired) return;
    this.#rest();
    this.#ended(answer);
  }

  #lose(signal: NodeJS.Signals | null): void {
    this.#state = 'gone';
    // By itself it ends before its step begins and at no other time: where it can fork no more, with 2. A signal may have reached the step as well.
    const died: ResidentEnd =
      signal === null ? NOTHING_RAN : { exitCode: null, signal, notRun: false, wrote: true, left: [] };
    this.#ended(this.#answer ?? died);
    this.#gone();
    this.#changed(this);
  }

  /** Whether flowctl stays for what the shell says. */
  #keepAwake(isNeeded: boolean): void {
    for (const stream of [this.#child.stdin, this.#child.stdout]) {
      // One that is closed would wait for a connection, again and again.
      if (!(stream instanceof Socket) || stream.destroyed) continue;
      if (isNeeded) stream.ref();
      else stream.unref();
    }
  }
}

/** The end of a step that was not begun. */
export const NOTHING_RAN: ResidentEnd = { exitCode: null, signal: null, notRun: true, wrote: false, left: [] };

/** From a line of `resident-script`. */
function answerOf(line: string): ResidentEnd {
  const [code = '-', written = '0', wrote = '1', ...left] = line.trim().split(' ');
  return {
    exitCode: code === '-' ? null : Number(code),
    signal: null,
    written: Number(written),
    notRun: code === '-',
    wrote: wrote !== '0',
    left: left.map(Number),
  };
}

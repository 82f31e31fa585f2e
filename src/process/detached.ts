/**
 * A second process of flowctl that outlives the first: it leads a session of its own, so that no terminal can end it, and the two
 * talk by a channel (Node's IPC, a socket pair that nobody else sees) until the first lets go.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import type { Json } from '../base/json.ts';

/** How the second process is told from one that a person started: its own name, which is in no environment that steps would inherit. */
const NAME = 'flowctl-detached';

/** The second process, as the first sees it. */
export interface DetachedProcess {
  readonly pid: number;
  /** What it said; null when it ended without a word. Never rejects. */
  readonly answer: Promise<Json>;
  /** Its exit code when it ended; null when a signal ended it, or it could not be started. Never rejects. */
  readonly ended: Promise<number | null>;
  signal(signal: NodeJS.Signals): void;
  /** Leaves it alone: it does not keep this process any more. */
  letGo(): void;
}

/**
 * Starts this very program once more, with the same arguments.
 * @param output where its stdout and stderr go; the caller closes it.
 * @param handed what it is given when it asks.
 */
export function startDetached(output: number, handed: Json): DetachedProcess {
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    argv0: NAME,
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', () => resolve(null));
  });
  const answer = new Promise<Json>((resolve) => {
    child.on('message', (message: Message) => {
      if (message.kind === 'answer') resolve(message.value);
      // Told by its own end when the channel is gone meanwhile.
      else child.send({ kind: 'handed', value: handed } satisfies Message, () => undefined);
    });
    ended.then(() => resolve(null)).catch(() => undefined);
  });
  return {
    pid: child.pid ?? -1,
    answer,
    ended,
    signal: (signal) => void child.kill(signal),
    letGo() {
      if (child.connected) child.disconnect();
      child.unref();
    },
  };
}

type Message = { readonly kind: 'ready' } | { readonly kind: 'handed' | 'answer'; readonly value: Json };

/** The first process, as the second sees it. */
export interface Starter {
  /** What it hands over. Null when it has gone. */
  receive(): Promise<Json>;
  /** Says one thing, and is on its own from then on. */
  answer(value: Json): Promise<void>;
}

/** Who started this process to go on without them; null when nobody did. */
export function starterOfThis(): Starter | null {
  if (process.argv0 !== NAME || process.send === undefined) return null;
  const say = (message: Message): Promise<void> =>
    new Promise((resolve) => {
      if (process.connected) process.send?.(message, undefined, undefined, () => resolve());
      else resolve();
    });
  return {
    async receive() {
      const handed = new Promise<Json>((resolve) => {
        process.once('message', (message: Message) => resolve(message.kind === 'handed' ? message.value : null));
        process.once('disconnect', () => resolve(null));
      });
      await say({ kind: 'ready' });
      const value = await handed;
      // A run that cannot be made ends this process, though nobody has let go.
      process.removeAllListeners('disconnect').channel?.unref();
      return value;
    },
    async answer(value) {
      await say({ kind: 'answer', value });
      if (process.connected) process.disconnect();
    },
  };
}

/** What a program says that could not do its work: its last lines. */
const LONGEST_MESSAGE = 2_000;

/** This very program, run once more with other arguments. */
export interface OtherProgram {
  /** Its exit code (null: a signal ended it, or it could not be started) and the end of what it said on stderr. Never rejects. */
  readonly ended: Promise<{ readonly code: number | null; readonly said: string }>;
  signal(signal: NodeJS.Signals): void;
}

/** Starts this very program once more with other arguments, in a session of its own: a Ctrl-C meant for us does not end it half way. */
export function startProgram(argv: readonly string[], cwd: string): OtherProgram {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd,
    detached: true,
  });
  const ended = new Promise<{ readonly code: number | null; readonly said: string }>((resolve) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(-LONGEST_MESSAGE);
    });
    child.once('error', (error) => resolve({ code: null, said: error.message }));
    child.once('close', (code) => resolve({ code, said: said.trim() }));
  });
  return { ended, signal: (signal) => void child.kill(signal) };
}

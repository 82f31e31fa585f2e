/**
 * Named pipes between a step and its log. Named, for a program may open `/dev/stdout` as often as it likes when that is a pipe;
 * what Node calls a pipe is a socket, which cannot be opened at all. The name exists only until both ends are open.
 */

import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../engine/ports.ts';
import { pause } from './clock.ts';
import { descriptorsAreFree } from './descriptors.ts';
import { systemProgram } from './programs.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** A pipe that gives nothing for so long after its processes have ended is empty, though a daemon may still hold it. */
const IDLE_MS = 50;
/** A daemon that never stops printing is not listened to any longer than this. */
const DRAIN_MS = 2_000;

/**
 * How the reading of a pipe ended. `closed`: everybody has closed it. `held`: somebody has not, but is silent. `endless`: somebody
 * went on printing. `unwritten`: what came could not be put where it belongs.
 */
export type PipeEnd = 'closed' | 'held' | 'endless' | 'unwritten';

/** A pipe that is being read. */
export interface Pipe {
  /** What the process gets. */
  readonly writing: number;
  /** The process has its copies. */
  handedOver(): void;
  /** Reads what is still in it, for 2 s at most, and closes it. Never rejects. */
  drain(): Promise<PipeEnd>;
}

/** Takes what comes through a pipe. Nothing more is read before it resolves, so that a fast printer is slowed down. */
export type PipeSink = (chunk: Buffer) => Promise<void>;

/**
 * Opens one pipe per sink, mode 0600.
 * @param place the beginning of the names that they bear for a moment; its folder exists.
 * @returns null when the system has no `mkfifo`.
 * @throws a system error when a pipe cannot be opened, or there is no room to start `mkfifo`.
 */
export async function openPipes(
  place: string,
  clock: Clock,
  sinks: readonly PipeSink[],
): Promise<readonly Pipe[] | null> {
  const mkfifo = systemProgram('mkfifo');
  if (mkfifo === null) return null;
  if (!descriptorsAreFree()) throw systemError('EMFILE', 'no descriptors are left');
  const names = sinks.map((_, index) => `${place}.${index + 1}.pipe`);
  const failure = await makeNames(mkfifo, names);
  const opened: number[] = [];
  try {
    if (failure !== null) throw systemError(failure, `\`mkfifo ${names.join(' ')}\` failed`);
    const ends = names.map((name) => {
      // The reading end first and without waiting, so that opening the writing end does not wait either.
      const reading = openSync(name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
      opened.push(reading);
      const writing = openSync(name, O_WRONLY | O_NOFOLLOW);
      opened.push(writing);
      return { reading, writing };
    });
    for (const name of names) unlinkSync(name);
    return ends.map(({ reading, writing }, index) => readPipe(reading, writing, clock, sinks[index] ?? refuse));
  } catch (error) {
    for (const descriptor of opened) closeSync(descriptor);
    for (const name of names) unlinkQuietly(name);
    throw error;
  }
}

/** @returns the code of what went wrong; null when they are there. */
function makeNames(mkfifo: string, names: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(mkfifo, ['-m', '600', ...names], { stdio: 'ignore', env: {}, cwd: '/' });
    child.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'EIO'));
    child.once('exit', (code) => resolve(code === 0 ? null : 'EIO'));
  });
}

const refuse: PipeSink = () => Promise.reject(new Error('a pipe without a sink'));

function unlinkQuietly(name: string): void {
  try {
    unlinkSync(name);
  } catch {
    // It was never made, or is gone already.
  }
}

const systemError = (code: string, message: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: ${message}`), { code });

function readPipe(reading: number, writing: number, clock: Clock, sink: PipeSink): Pipe {
  const source = new Socket({ fd: reading, readable: true, writable: false });
  const pouring = pour(source, sink);
  let isOurs = true;
  const handedOver = (): void => {
    if (isOurs) closeSync(writing);
    isOurs = false;
  };
  return {
    writing,
    handedOver,
    drain: async () => {
      handedOver();
      const deadline = clock.monotonic() + DRAIN_MS;
      let end: PipeEnd = 'endless';
      while (pouring.isOpen() && clock.monotonic() < deadline) {
        const before = pouring.chunks();
        await Promise.race([pouring.done, pause(clock, IDLE_MS)]);
        // After a busy spell timers come before input; what is readable gets its turn before it is called nothing.
        await setImmediate();
        if (pouring.isWaiting() && pouring.chunks() === before) {
          end = 'held';
          break;
        }
      }
      const wasOpen = pouring.isOpen();
      source.destroy();
      const isWritten = await pouring.done;
      if (!isWritten) return 'unwritten';
      return wasOpen ? end : 'closed';
    },
  };
}

interface Pouring {
  /** Whether everything that came could be written. */
  readonly done: Promise<boolean>;
  isOpen(): boolean;
  /** True while nothing has been read that is not written. */
  isWaiting(): boolean;
  chunks(): number;
}

/** Pours until the pipe ends. When the sink refuses, the pipe is closed: its printers get SIGPIPE, as with `| head`. */
function pour(source: Socket, sink: PipeSink): Pouring {
  const state = { isOpen: true, isWaiting: true, chunks: 0 };
  const run = async (): Promise<boolean> => {
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        state.isWaiting = false;
        state.chunks += 1;
        await sink(chunk);
        state.isWaiting = true;
      }
    } catch {
      source.destroy();
    } finally {
      state.isOpen = false;
    }
    return state.isWaiting;
  };
  return {
    done: run(),
    isOpen: () => state.isOpen,
    isWaiting: () => state.isWaiting,
    chunks: () => state.chunks,
  };
}

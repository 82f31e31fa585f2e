/**
 * Named pipes between a step and its log. Named, for a program may open `/dev/stdout` as often as it likes when that is a pipe;
 * what Node calls a pipe is a socket, which cannot be opened at all. The name exists only until both ends are open.
 */

import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { Bug } from '../base/result.ts';
import type { Clock } from '../engine/ports.ts';
import { pause } from './clock.ts';
import { descriptorsAreFree } from './descriptors.ts';
import { systemProgram } from './programs.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** A pipe that gives nothing for so long after its processes have ended is empty, though a daemon may still hold it. */
const IDLE_MS = 50;
/** Where it went on giving something at first: on a busy machine a daemon that prints without a pause comes to it this seldom. */
const BUSY_IDLE_MS = 400;
/** A daemon that never stops printing is not listened to any longer than this, and one such wait. */
const DRAIN_MS = 1_600;

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

/**
 * Takes what comes through a pipe; the chunk is its own only until it returns. Nothing more is read before what it returns resolves, so that a
 * fast printer is slowed down. Null: it is done with it.
 */
export type PipeSink = (chunk: Buffer) => Promise<void> | null;

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

const refuse: PipeSink = () => {
  throw new Bug('a pipe without a sink');
};

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
  const pouring = pour(reading, sink);
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
      const first = pouring.chunks();
      let end: PipeEnd = 'endless';
      while (pouring.isOpen() && clock.monotonic() < deadline) {
        const before = pouring.chunks();
        await Promise.race([pouring.done, pause(clock, before === first ? IDLE_MS : BUSY_IDLE_MS)]);
        // After a busy spell timers come before input; what is readable gets its turn before it is called nothing.
        await setImmediate();
        if (pouring.isWaiting() && pouring.chunks() === before) {
          end = 'held';
          break;
        }
      }
      const wasOpen = pouring.isOpen();
      pouring.stop();
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
  /** Reads no more. */
  stop(): void;
}

/**
 * What every pipe is read into: a chunk is used up when the next one is read, whichever pipe that comes from. A buffer for each chunk, as
 * streams have it, costs as much as reading and writing together. A pipe holds no more than this.
 */
const CHUNK_BYTES = 65_536;
let chunkBuffer: Buffer | undefined;

/** Pours until the pipe ends. When the sink refuses, the pipe is closed: its printers get SIGPIPE, as with `| head`. */
function pour(descriptor: number, sink: PipeSink): Pouring {
  chunkBuffer ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const buffer = chunkBuffer;
  const state = { isOpen: true, chunks: 0, isRefused: false };
  let writing: Promise<void> | null = null;
  const refused = (): void => {
    state.isRefused = true;
    source.destroy();
  };
  const take = (length: number): boolean => {
    state.chunks += 1;
    try {
      writing = sink(buffer.subarray(0, length));
    } catch {
      refused();
    }
    void writing
      ?.then(() => {
        writing = null;
        source.resume();
      })
      .catch(refused);
    return writing === null;
  };
  const options: SocketConstructorOpts & ConnectOpts = {
    ...{ fd: descriptor, readable: true, writable: false },
    onread: { buffer, callback: take },
  };
  const source = new Socket(options);
  // What cannot be read any more is over, which `close` tells.
  source.on('error', () => {});
  const closed = new Promise<void>((resolve) => {
    source.once('close', () => {
      state.isOpen = false;
      resolve();
    });
  });
  const finish = async (): Promise<boolean> => {
    await closed;
    await writing?.catch(() => {});
    return !state.isRefused;
  };
  return {
    done: finish(),
    isOpen: () => state.isOpen,
    isWaiting: () => writing === null && !state.isRefused,
    chunks: () => state.chunks,
    stop: () => source.destroy(),
  };
}

/**
 * The log of one attempt: whatever its processes print, byte for byte, in order. Ordinarily they get the file's own descriptor
 * and nothing passes through here. Text that opens `/dev/stdout` or `/dev/stderr` by name would open the log anew and truncate
 * it; such text gets a named pipe instead, which is copied into the log chunk by chunk.
 */

import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, unlinkSync, write } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { execa } from 'execa';
import type { Clock } from '../engine/ports.ts';
import { pause } from './clock.ts';
import { descriptorsAreFree } from './descriptors.ts';
import { systemProgram } from './programs.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const OWNER_ONLY = 0o600;
/** How often the sizes of all open logs are looked at. */
const WATCH_MS = 250;
/** A pipe that gives nothing for so long after its processes have ended is empty, though a daemon may still hold it. */
const IDLE_MS = 50;
/** A daemon that never stops printing is not listened to any longer than this. */
const DRAIN_MS = 2_000;

const writeAsync = promisify(write);

/** An open log. */
export interface AttemptLog {
  /** What the process gets as both stdout and stderr. */
  readonly output: number;
  /** Ours alone: where flowctl adds its own lines, such as the stack of a thrown error. */
  readonly file: number;
  /** The process has its copies. */
  handedOver(): void;
  /** Ends it: what is still in the pipe is written, descriptors are closed. Resolves within 2 s, never rejects. */
  settle(): Promise<LogEnd>;
}

/** What became of a log. */
export interface LogEnd {
  /** A program truncated the file while the attempt ran, so bytes are lost. */
  readonly truncated: boolean;
}

/** True for text that names its standard output or error as a file, and so would open it a second time. */
export const namesOwnDescriptors = (text: string): boolean =>
  /\/dev\/(?:std(?:out|err)|fd\b)|\/proc\/(?:self|\$\$)\/fd\b/.test(text);

/**
 * Opens a new log, mode 0600, never through a link; the folder is made when it is missing.
 * @throws a system error when the file cannot be opened.
 */
export function openLog(file: string): AttemptLog {
  const descriptor = openForAppend(file);
  const watch = watchSize(descriptor);
  return {
    output: descriptor,
    file: descriptor,
    handedOver: () => {},
    settle: async () => {
      // The shared offset stands where the last write ended. A file that is shorter was truncated after that write.
      const truncated = watch.end() || fstatSync(descriptor).size < offsetOf(descriptor);
      closeSync(descriptor);
      return { truncated };
    },
  };
}

function openForAppend(file: string): number {
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW;
  try {
    return openSync(file, flags, OWNER_ONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    return openSync(file, flags, OWNER_ONLY);
  }
}

/** The offset of an open file description, which all its descriptors share; 0 where there is no /proc. */
function offsetOf(descriptor: number): number {
  try {
    return Number(/^pos:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

interface Watched {
  size: number;
  shrank: boolean;
}

const watched = new Map<number, Watched>();
let watchTimer: NodeJS.Timeout | undefined;

/** Looks at the size now and then; one timer for all logs. */
function watchSize(descriptor: number): { end(): boolean } {
  const entry: Watched = { size: 0, shrank: false };
  watched.set(descriptor, entry);
  watchTimer ??= setInterval(() => {
    for (const [open, seen] of watched) look(open, seen);
  }, WATCH_MS).unref();
  return {
    end: () => {
      look(descriptor, entry);
      watched.delete(descriptor);
      if (watched.size === 0) {
        clearInterval(watchTimer);
        watchTimer = undefined;
      }
      return entry.shrank;
    },
  };
}

function look(descriptor: number, seen: Watched): void {
  const { size } = fstatSync(descriptor);
  if (size < seen.size) seen.shrank = true;
  seen.size = size;
}

/**
 * Opens a new log behind a named pipe, which may be opened again by name as often as wanted. What comes through is written
 * before more is read, so that a fast printer is slowed down and never held in memory.
 * @returns null when the system has no `mkfifo`: the caller takes `openLog`.
 * @throws a system error when a file cannot be opened, or there is no room to start `mkfifo`.
 */
export async function openPipedLog(file: string, clock: Clock): Promise<AttemptLog | null> {
  const mkfifo = systemProgram('mkfifo');
  if (mkfifo === null) return null;
  if (!descriptorsAreFree()) throw systemError('EMFILE', 'no descriptors are left');
  const descriptor = openForAppend(file);
  const pipe = `${file}.pipe`;
  let reading: number | undefined;
  let writing: number;
  try {
    const made = await execa(mkfifo, ['-m', '600', pipe], {
      stdio: 'ignore',
      env: {},
      extendEnv: false,
      cwd: '/',
      reject: false,
      shell: false,
      preferLocal: false,
      verbose: 'none',
    });
    if (made.exitCode !== 0) throw systemError(made.code ?? 'EIO', `\`mkfifo ${pipe}\` failed`);
    // The reading end first and without waiting, so that opening the writing end does not wait either.
    reading = openSync(pipe, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    writing = openSync(pipe, O_WRONLY | O_NOFOLLOW);
    unlinkSync(pipe);
  } catch (error) {
    closeSync(descriptor);
    if (reading !== undefined) closeSync(reading);
    throw error;
  }
  const source = new Socket({ fd: reading, readable: true, writable: false });
  const copying = copy(source, descriptor);
  let handedOver = false;
  const handOver = (): void => {
    if (!handedOver) closeSync(writing);
    handedOver = true;
  };
  return {
    output: writing,
    file: descriptor,
    handedOver: handOver,
    settle: async () => {
      handOver();
      const deadline = clock.monotonic() + DRAIN_MS;
      while (!copying.isOver() && clock.monotonic() < deadline) {
        const before = copying.chunks();
        await Promise.race([copying.done, pause(clock, IDLE_MS)]);
        // After a busy spell timers come before input; what is readable gets its turn before it is called nothing.
        await setImmediate();
        if (copying.isWaiting() && copying.chunks() === before) break;
      }
      source.destroy();
      await copying.done;
      closeSync(descriptor);
      return { truncated: false };
    },
  };
}

const systemError = (code: string, message: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: ${message}`), { code });

interface Copying {
  readonly done: Promise<void>;
  isOver(): boolean;
  /** True while nothing has been read that is not written. */
  isWaiting(): boolean;
  chunks(): number;
}

/** Copies until the pipe ends. A log that cannot be written ends the copying: its printers get SIGPIPE, as with `| head`. */
function copy(source: Socket, descriptor: number): Copying {
  const state = { isOver: false, isWaiting: true, chunks: 0 };
  const run = async (): Promise<void> => {
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        state.isWaiting = false;
        state.chunks += 1;
        for (let at = 0; at < chunk.length; ) at += (await writeAsync(descriptor, chunk, at)).bytesWritten;
        state.isWaiting = true;
      }
    } catch {
      source.destroy();
    } finally {
      state.isOver = true;
    }
  };
  return {
    done: run(),
    isOver: () => state.isOver,
    isWaiting: () => state.isWaiting,
    chunks: () => state.chunks,
  };
}

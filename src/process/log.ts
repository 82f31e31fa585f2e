/**
 * The log of one attempt: whatever its processes print, byte for byte, in order. Ordinarily they get the file's own descriptor
 * and nothing passes through here. Where something has to (see `piped-log`), they get a named pipe instead.
 */

import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Captured } from './capture.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
const OWNER_ONLY = 0o600;
/** How often the sizes of all open logs are looked at. */
const WATCH_MS = 250;

/** An open log. */
export interface AttemptLog {
  /** What the process gets as stdout. */
  readonly output: number;
  /** What it gets as stderr; the same as `output` unless the two have to be told apart. */
  readonly errors: number;
  /** The process has its copies. */
  handedOver(): void;
  /** Ends it: what is still in the pipe is written, descriptors are closed. Resolves within 2 s, never rejects. */
  settle(): Promise<LogEnd>;
}

/** What became of a log. */
export interface LogEnd {
  /** A program truncated the file while the attempt ran, so bytes are lost. */
  readonly truncated: boolean;
  /** The system's name of why (`ENOSPC`) something that came through a pipe could not be written, so bytes are lost; else null. */
  readonly refusal: string | null;
  /** What came by stdout; null where nobody asked for it. */
  readonly captured: Captured | null;
}

/** True for text that names its standard output or error as a file, and so would open it a second time. */
export const namesOwnDescriptors = (text: string): boolean =>
  /\/dev\/(?:std(?:out|err)|fd\b)|\/proc\/(?:self|\$\$)\/fd\b/.test(text);

/**
 * Opens a new log, mode 0600, never through a link; its folder is made when it is missing.
 * @throws a system error when the file cannot be opened, or the folder's own folder is gone.
 */
export function openLog(file: string): AttemptLog {
  const log = openWatched(file);
  return {
    output: log.descriptor,
    errors: log.descriptor,
    handedOver: () => {},
    settle: async () => ({ truncated: log.close(), refusal: null, captured: null }),
  };
}

/** A log file that is looked after. */
export interface WatchedLog {
  readonly descriptor: number;
  /** Closes it. @returns whether a program truncated it meanwhile. */
  close(): boolean;
}

/** Opens a new log file as `openLog` does. @throws a system error. */
export function openWatched(file: string): WatchedLog {
  const descriptor = openForAppend(file);
  const watch = watchSize(descriptor);
  return {
    descriptor,
    close: () => {
      // The shared offset stands where the last write ended. A file that is shorter was truncated after that write.
      const truncated = watch.end() || fstatSync(descriptor).size < offsetOf(descriptor);
      closeSync(descriptor);
      return truncated;
    },
  };
}

function openForAppend(file: string): number {
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW;
  try {
    return openSync(file, flags, OWNER_ONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // Not its parents: where the run's folder is gone, what is put there is in nobody's state.
    mkdirSync(path.dirname(file), { mode: 0o700 });
    return openSync(file, flags, OWNER_ONLY);
  }
}

/** Adds a text of flowctl's own to a log, which is made where nothing was printed. One that cannot be written changes nothing about the attempt. */
export function appendToLog(file: string, text: string): void {
  try {
    const descriptor = openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, OWNER_ONLY);
    try {
      writeSync(descriptor, text);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // See above.
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

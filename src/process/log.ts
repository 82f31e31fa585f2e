/**
 * The log of one attempt: whatever its processes print, byte for byte, in order. Ordinarily they get the file's own descriptor
 * and nothing passes through here. Where something has to (see `piped-log`), they get a named pipe instead.
 */

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { Captured } from './capture.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants;
const OWNER_ONLY = 0o600;
/** How often open logs are looked at, and how many at once: of more than these each has its turn later. */
const WATCH_MS = 250;
const MOST_LOOKS = 400;
/** Until then a log of its own is looked at after so many milliseconds: what is truncated early was often short. */
const EARLY_MS = [2, 5, 10, 20, 40, 80, 160] as const;
/** What is remembered of a log's beginning, and of the end that it had when it was last looked at. */
const HEAD_BYTES = 256;
const TAIL_BYTES = 64;

/** An open log. */
export interface AttemptLog {
  /** What the process gets as stdout. */
  readonly output: number;
  /** What it gets as stderr; the same as `output` unless the two have to be told apart. */
  readonly errors: number;
  /** The process has its copies. */
  handedOver(): void;
  /**
   * Ends it: what is still in the pipe is written, descriptors are closed. Resolves within 2 s, never rejects.
   * @param written how far the process wrote the file, where it had opened it anew; absent: it shared flowctl's own description.
   */
  settle(written?: number): Promise<LogEnd>;
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
    settle: async (written) => ({ truncated: log.close(written), refusal: null, captured: null }),
  };
}

/** A log file that is looked after. */
export interface WatchedLog {
  readonly descriptor: number;
  /** Closes it. @param written as for a log. @returns whether a program truncated it meanwhile. */
  close(written?: number): boolean;
}

/** Opens a new log file as `openLog` does. @throws a system error. */
export function openWatched(file: string): WatchedLog {
  const descriptor = openForAppend(file);
  const watch = watchContent(descriptor);
  return {
    descriptor,
    close: (written = 0) => {
      // The shared offset stands where the last write ended. A file that is shorter was truncated after that write.
      const truncated = watch.end() || fstatSync(descriptor).size < Math.max(offsetOf(descriptor), written);
      closeSync(descriptor);
      return truncated;
    },
  };
}

/** The look at a log that the attempt's own shell opens. */
export interface LogWatch {
  /** Ends it. @param written how far the log was written. @returns whether a program truncated it meanwhile. */
  end(written: number): boolean;
}

/** Looks at a log that flowctl itself does not open, beginning after a few milliseconds: most steps are over by then. */
export function watchLog(file: string): LogWatch {
  let descriptor: number | null = null;
  let watch: ReturnType<typeof watchContent> | null = null;
  let timer: NodeJS.Timeout | undefined;
  const open = (tries: number): void => {
    try {
      descriptor = openSync(file, O_RDONLY | O_NOFOLLOW);
      watch = watchContent(descriptor);
    } catch {
      // Not there yet, where the machine has much to do.
      openIn(EARLY_MS[tries] ?? WATCH_MS, tries + 1);
    }
  };
  const openIn = (delayMs: number, tries: number): void => {
    timer = setTimeout(() => open(tries), delayMs).unref();
  };
  openIn(EARLY_MS[0], 1);
  return {
    end: (written) => {
      clearTimeout(timer);
      const wasTruncated = watch?.end() === true;
      if (descriptor !== null) closeSync(descriptor);
      return wasTruncated || (written > 0 && sizeOf(file) < written);
    },
  };
}

/** Of a file that was removed: what it held is no less gone than if it had been truncated, but that is what whoever removed it wanted. */
const sizeOf = (file: string): number => lstatSync(file, { throwIfNoEntry: false })?.size ?? Number.POSITIVE_INFINITY;

function openForAppend(file: string): number {
  // Read as well, to see that what was there is still there.
  const flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW;
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
    const descriptor = openForAppend(file);
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
  /** When it was last written. */
  changedMs: number;
  /** What was there at the last look: bytes of the beginning, and those before the end. */
  head: Buffer;
  tail: Buffer;
  wasTruncated: boolean;
}

const watched = new Map<number, Watched>();
let watchTimer: NodeJS.Timeout | undefined;

/**
 * Looks at the log now and then; one timer for all logs. A log that is shorter than it was has been truncated; so has one that was
 * filled again meanwhile and holds something else where it was read before. What is lost before anybody looked is not noticed, nor a
 * text that took the place of an equal one.
 */
function watchContent(descriptor: number): { end(): boolean } {
  const seen: Watched = { size: 0, changedMs: 0, head: Buffer.alloc(0), tail: Buffer.alloc(0), wasTruncated: false };
  watched.set(descriptor, seen);
  watchTimer ??= setInterval(() => {
    for (const [open, entry] of [...watched].slice(0, MOST_LOOKS)) {
      look(open, entry);
      // Behind all others.
      watched.delete(open);
      watched.set(open, entry);
    }
  }, WATCH_MS).unref();
  const early = lookEarly(descriptor, seen);
  return {
    end: () => {
      early.end();
      // Whatever its times say: their grain is some milliseconds.
      seen.changedMs = 0;
      look(descriptor, seen);
      watched.delete(descriptor);
      if (watched.size === 0) {
        clearInterval(watchTimer);
        watchTimer = undefined;
      }
      return seen.wasTruncated;
    },
  };
}

function lookEarly(descriptor: number, seen: Watched): { end(): void } {
  let timer: NodeJS.Timeout | undefined;
  const next = (index: number): void => {
    const due = EARLY_MS[index];
    if (due === undefined) return;
    timer = setTimeout(
      () => {
        look(descriptor, seen);
        next(index + 1);
      },
      due - (EARLY_MS[index - 1] ?? 0),
    ).unref();
  };
  next(0);
  return { end: () => clearTimeout(timer) };
}

function look(descriptor: number, seen: Watched): void {
  if (seen.wasTruncated) return;
  try {
    compare(descriptor, seen);
  } catch {
    // A log that cannot be looked at is no reason to end anything.
  }
}

function compare(descriptor: number, seen: Watched): void {
  const { size, mtimeMs } = fstatSync(descriptor);
  if (size === seen.size && (size === 0 || mtimeMs === seen.changedMs)) return;
  const head = bytesAt(descriptor, 0, Math.min(size, HEAD_BYTES));
  const tail = bytesAt(descriptor, seen.size - seen.tail.length, seen.tail.length);
  if (size < seen.size || !head.subarray(0, seen.head.length).equals(seen.head) || !tail.equals(seen.tail)) {
    seen.wasTruncated = true;
    return;
  }
  seen.head = head;
  seen.changedMs = mtimeMs;
  if (size > seen.size) seen.tail = bytesAt(descriptor, size - Math.min(size, TAIL_BYTES), Math.min(size, TAIL_BYTES));
  seen.size = size;
}

/** Where the file has become too short for it: what there is. */
function bytesAt(descriptor: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return length === 0 ? bytes : bytes.subarray(0, readSync(descriptor, bytes, 0, length, position));
}

/**
 * What a function prints goes straight into its attempt's log: synchronously, so that the last words before `process.exit()`, an
 * endless loop or a termination are there, and through no buffer, so that stdout and stderr keep their order.
 */

import { closeSync, constants, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';
import type { ByteFilter, Mask } from '../secrets/mask.ts';
import { currentContext, type StepContext } from './context.ts';
import { replaceStandardStreams } from './standard-streams.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
const OWNER_ONLY = 0o600;

/** Its folder is made where it is missing; where that one's own is gone too, so is the run. */
function openForAppend(file: string): number {
  const open = (): number => openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, OWNER_ONLY);
  try {
    return open();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(file), { mode: 0o700 });
    return open();
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
}

/** The log of one attempt. It is opened when something is printed: most tasks print nothing, and a file costs more than they do. */
export class AttemptLog {
  readonly #file: string;
  readonly #mask: Mask | null;
  #filter: ByteFilter | null = null;
  #descriptor: number | null = null;
  #isClosed = false;

  /** @param mask hides what must not be seen; null: nothing. */
  constructor(file: string, mask: Mask | null) {
    this.#file = file;
    this.#mask = mask;
  }

  /**
   * Appends bytes. What arrives after the log was closed, from something that the function left behind, opens it once more.
   * @throws a system error when the file cannot be opened or written.
   */
  write(bytes: Uint8Array): void {
    if (!this.#isClosed) {
      this.#descriptor ??= openForAppend(this.#file);
      this.#filter ??= this.#mask?.stream() ?? null;
      writeAll(this.#descriptor, this.#filter?.push(Buffer.from(bytes)) ?? bytes);
      return;
    }
    const late = this.#mask?.stream();
    const shown = late === undefined ? bytes : Buffer.concat([late.push(Buffer.from(bytes)), late.end()]);
    const descriptor = openForAppend(this.#file);
    try {
      writeAll(descriptor, shown);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Its descriptor, for a command to write to; null where a mask has to see what is written, or when it is closed. */
  get descriptor(): number | null {
    if (this.#isClosed || this.#mask !== null) return null;
    this.#descriptor ??= openForAppend(this.#file);
    return this.#descriptor;
  }

  /** The folder that it is in. */
  get folder(): string {
    return dirname(this.#file);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#descriptor === null) return;
    const descriptor = this.#descriptor;
    this.#descriptor = null;
    try {
      if (this.#filter !== null) writeAll(descriptor, this.#filter.end());
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Knows which log a print belongs to, and takes the place of the thread's stdout and stderr. */
export class Capture {
  readonly #logs = new WeakMap<StepContext, AttemptLog>();
  readonly #failed: (message: string) => void;
  #current: AttemptLog | null = null;

  /** @param failed told when bytes were lost because a log could not be written. */
  constructor(failed: (message: string) => void) {
    this.#failed = failed;
  }

  /** Replaces `process.stdout` and `process.stderr`, with them where `console` writes, and what else prints. Once per thread, before any print. */
  install(): void {
    for (const name of ['stdout', 'stderr'] as const) {
      const stream = new Writable({
        decodeStrings: true,
        write: (chunk: Uint8Array, _encoding, done) => {
          this.#write(chunk);
          done();
        },
      });
      Object.defineProperty(process, name, { value: stream, configurable: true, enumerable: true });
    }
    replaceStandardStreams({
      print: (bytes) => this.#write(bytes),
      descriptor: () => this.#log?.descriptor ?? null,
      folder: () => this.#log?.folder ?? process.cwd(),
    });
  }

  /** Begins to print into a log: whatever runs in this context, and whatever runs in none. */
  begin(context: StepContext, log: AttemptLog): void {
    this.#logs.set(context, log);
    this.#current = log;
  }

  get #log(): AttemptLog | null {
    const context = currentContext();
    return (context === null ? undefined : this.#logs.get(context)) ?? this.#current;
  }

  #write(bytes: Uint8Array): void {
    try {
      this.#log?.write(bytes);
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
    }
  }
}

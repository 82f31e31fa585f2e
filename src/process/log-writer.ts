/**
 * Writes a log that flowctl writes itself. At once, in the turn in which the bytes came: what passes through the thread pool costs twice the
 * processor time (bench/README.md). Where the disk holds a write up, what comes next goes through the pool all the same, so that a disk under
 * pressure does not hold up the run.
 */

import { write, writevSync } from 'node:fs';
import { promisify } from 'node:util';

/** The two ways to write at the end of a file. Both give the bytes that were written, which may be fewer, and fail with a system error. */
export interface FileWrites {
  atOnce(descriptor: number, parts: readonly Buffer[]): number;
  inPool(descriptor: number, bytes: Buffer): Promise<number>;
}

const writeInPool = promisify(write);

const systemWrites: FileWrites = {
  atOnce: (descriptor, parts) => writevSync(descriptor, parts),
  inPool: async (descriptor, bytes) => (await writeInPool(descriptor, bytes)).bytesWritten,
};

/** A write that takes longer was held up. */
const HELD_UP_MS = 20;
/** So many of the next ones go through the pool then. */
const WRITES_IN_POOL = 64;

/** Writes one file. */
export class LogWriter {
  readonly #descriptor: number;
  readonly #writes: FileWrites;
  readonly #now: () => number;
  #inPool = 0;
  #refusal: string | null = null;

  /** @param now milliseconds of a clock that is never set. @param writes default: the system's. */
  constructor(descriptor: number, now: () => number, writes: FileWrites = systemWrites) {
    this.#descriptor = descriptor;
    this.#now = now;
    this.#writes = writes;
  }

  /** The system's name of why something could not be written (`ENOSPC`); null when everything was. */
  get refusal(): string | null {
    return this.#refusal;
  }

  /**
   * Appends parts, one after the other; what they lie in may be used again when this returns.
   * @returns null when they are written, else what resolves when they are.
   * @throws a system error, as the promise does.
   */
  append(parts: readonly Buffer[]): Promise<void> | null {
    if (this.#inPool > 0) return this.#appendInPool(Buffer.concat(parts));
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length === 0) return null;
    const began = this.#now();
    const written = this.#try(() => this.#writes.atOnce(this.#descriptor, parts));
    if (this.#now() - began > HELD_UP_MS) this.#inPool = WRITES_IN_POOL;
    return written === length ? null : this.#appendInPool(Buffer.concat(parts).subarray(written));
  }

  async #appendInPool(bytes: Buffer): Promise<void> {
    this.#inPool = Math.max(0, this.#inPool - 1);
    try {
      for (let at = 0; at < bytes.length; ) at += await this.#writes.inPool(this.#descriptor, bytes.subarray(at));
    } catch (error) {
      throw this.#refused(error);
    }
  }

  #try(write: () => number): number {
    try {
      return write();
    } catch (error) {
      throw this.#refused(error);
    }
  }

  #refused(error: unknown): unknown {
    this.#refusal ??= (error as NodeJS.ErrnoException).code ?? 'EIO';
    return error;
  }
}

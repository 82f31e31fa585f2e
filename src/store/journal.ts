/**
 * The journal of one run: the truth, append only, one writer. This file knows bytes, their order and when they are safe; it must
 * not know what an event means. One line per event (`sealed-line.ts`), a header before them. `journal-reader.ts` reads it back.
 *
 * Self-clocking group commit: what is queued is written with one write, synced with one fdatasync, and by then more is queued:
 *
 *     append --> queued --(write)--> written --(sync)--> durable
 *
 * A write may overtake a sync only where somebody waits for `written`. The first error poisons the journal: every waiter, present
 * and future, is rejected, and nothing is written or synced again, for a second fsync after a failed one reports success over
 * lost data (PostgreSQL's fsync lesson of 2018, https://wiki.postgresql.org/wiki/Fsync_Errors).
 *
 * A descriptor goes on writing when the state directory is moved or removed, so each write is followed by a look at the path: what
 * lies where nobody will look for it is not acknowledged.
 */

import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { Bug } from '../base/result.ts';
import type { Journal } from '../engine/ports.ts';
import type { JournalHeader, RunEvent } from '../model/event.ts';
import { FILE_MODE } from './durable-files.ts';
import { type FileOperations, fileOperations } from './file-operations.ts';
import { StateError, systemCode } from './problem.ts';
import { isTooLong, LONGEST_LINE_BYTES } from './sealed-line.ts';
import { SealedLines } from './sealed-lines.ts';

/** How a journal is to be kept. */
export interface JournalOptions {
  /** `full`: durable means synced. `process`: written is enough, which no power cut respects. */
  readonly durability: 'full' | 'process';
  /** Default: the system's. */
  readonly operations?: FileOperations;
}

/** What a journal did so far; tests count it. */
export interface JournalCounts {
  readonly events: number;
  readonly bytes: number;
  readonly writes: number;
  readonly syncs: number;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: StateError) => void;
}

const NO_LINKS = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW;

/** Makes the journal of a new run and queues its header, which is written with the first events. Fails when one is there. */
export function createJournal(path: string, header: JournalHeader, options: JournalOptions): FileJournal {
  const fd = openSync(path, NO_LINKS | constants.O_CREAT | constants.O_EXCL, FILE_MODE);
  return new FileJournal({ path, fd, end: { seq: 0, crc: null }, header, options });
}

/** Where a journal goes on: behind its last good line, whose event and checksum these are. */
export interface JournalEnd {
  readonly seq: number;
  readonly crc: string | null;
}

/** Goes on with a journal that ends there; its torn tail, if it had one, was cut off. */
export function continueJournal(path: string, end: JournalEnd, options: JournalOptions): FileJournal {
  return new FileJournal({ path, fd: openSync(path, NO_LINKS), end, header: null, options });
}

/** The journal port on a file. Made by `createJournal` and `continueJournal`. */
export class FileJournal implements Journal {
  readonly #path: string;
  readonly #fd: number;
  readonly #operations: FileOperations;
  readonly #synced: boolean;
  readonly #counts = { events: 0, bytes: 0, writes: 0, syncs: 0 };
  #lastSeq: number;
  #lastCrc: string | null;
  readonly #lines = new SealedLines();
  /** Waiters of what is queued, by what they wait for. */
  #forWritten: Waiter[] = [];
  #forDurable: Waiter[] = [];
  /** Waiters whose lines are written but not synced. */
  #unsynced: Waiter[] = [];
  #underWay: Waiter[] = [];
  #writing = false;
  #syncing = false;
  #scheduled = false;
  #closed = false;
  #poison: StateError | null = null;
  #whenIdle: (() => void) | null = null;

  constructor(from: {
    readonly path: string;
    readonly fd: number;
    readonly end: JournalEnd;
    readonly header: JournalHeader | null;
    readonly options: JournalOptions;
  }) {
    this.#path = from.path;
    this.#fd = from.fd;
    this.#lastSeq = from.end.seq;
    this.#lastCrc = from.end.crc;
    this.#operations = from.options.operations ?? fileOperations;
    this.#synced = from.options.durability === 'full';
    if (from.header !== null) this.#queue(JSON.stringify(from.header));
  }

  /** What was done so far. */
  get counts(): JournalCounts {
    return this.#counts;
  }

  /** The error that poisoned the journal, or null. */
  get poison(): StateError | null {
    return this.#poison;
  }

  append(events: readonly RunEvent[]): Promise<void> {
    return this.#enqueue(events, 'durable');
  }

  appendWritten(events: readonly RunEvent[]): Promise<void> {
    return this.#enqueue(events, 'written');
  }

  /** Makes durable what was appended and gives the file back. Never rejects: a poisoned journal has told its waiters. */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#poison === null) await this.append([]).catch(() => undefined);
    this.#closed = true;
    if (this.#writing || this.#syncing) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    closeSync(this.#fd);
  }

  #enqueue(events: readonly RunEvent[], until: 'written' | 'durable'): Promise<void> {
    if (this.#closed) throw new Bug('the journal is closed');
    if (this.#poison !== null) return Promise.reject(this.#poison);
    for (const event of events) {
      const object = this.#encode(event);
      if (isTooLong(object)) {
        // Readers would take it for a torn tail, and what follows it for lost.
        const message = `event ${event.seq} (${event.type}) is longer than the ${LONGEST_LINE_BYTES} bytes that are read back`;
        this.#poisonWith('EMSGSIZE', message);
        return Promise.reject(this.#poison);
      }
      this.#queue(object);
    }
    return new Promise((resolve, reject) => {
      (until === 'written' ? this.#forWritten : this.#forDurable).push({ resolve, reject });
      this.#schedule();
    });
  }

  #queue(object: string): void {
    this.#lastCrc = this.#lines.put(object, this.#lastCrc);
  }

  #encode(event: RunEvent): string {
    const { seq } = event;
    if (seq !== this.#lastSeq + 1) throw new Bug(`event ${seq} was appended after event ${this.#lastSeq}`);
    this.#lastSeq = seq;
    this.#counts.events += 1;
    return JSON.stringify(event);
  }

  /** Waits for the end of the current task, so that an outcome and the starts it releases go together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#advance();
    });
  }

  #advance(): void {
    if (this.#poison === null && !this.#writing) {
      const urgent = this.#forWritten.length > 0;
      if (urgent || (!this.#syncing && this.#forDurable.length > 0)) this.#write();
      else if (!this.#syncing && this.#unsynced.length > 0) this.#sync();
    }
    if (!this.#writing && !this.#syncing) this.#whenIdle?.();
  }

  #write(): void {
    const bytes = this.#lines.take();
    const written = this.#forWritten;
    const durable = this.#forDurable;
    this.#forWritten = [];
    this.#forDurable = [];
    this.#underWay = [...written, ...durable];
    this.#writing = true;
    this.#writeFrom(bytes, 0, () => {
      this.#underWay = [];
      this.#counts.bytes += bytes.length;
      if (this.#synced) this.#unsynced = [...this.#unsynced, ...durable];
      else for (const waiter of durable) waiter.resolve();
      for (const waiter of written) waiter.resolve();
      // Before another write, so that the disk is busy while more is queued.
      if (!this.#syncing && this.#unsynced.length > 0) this.#sync();
    });
  }

  #writeFrom(bytes: Buffer, offset: number, done: () => void): void {
    const length = bytes.length - offset;
    if (length === 0) return this.#afterWrite(done);
    this.#counts.writes += 1;
    this.#operations.write(this.#fd, bytes, offset, length, (error, count) => {
      if (error === null && count > 0) return this.#writeFrom(bytes, offset + count, done);
      this.#writing = false;
      this.#fail(error ?? Object.assign(new Error('nothing was written'), { code: 'EIO' }), 'write');
    });
  }

  #afterWrite(done: () => void): void {
    this.#writing = false;
    const code = findLoss(this.#fd, this.#path);
    if (code !== null) return this.#poisonWith(code, 'the state directory was moved or removed during the run');
    // A sync that failed meanwhile has rejected these waiters already.
    if (this.#poison === null) done();
    this.#advance();
  }

  #sync(): void {
    const waiters = this.#unsynced;
    this.#unsynced = [];
    this.#syncing = true;
    this.#counts.syncs += 1;
    this.#operations.sync(this.#fd, (error) => {
      this.#syncing = false;
      if (error !== null) {
        this.#unsynced = [...this.#unsynced, ...waiters];
        return this.#fail(error, 'sync');
      }
      // What a sync covers is durable even when a write behind it failed meanwhile.
      for (const waiter of waiters) waiter.resolve();
      this.#advance();
    });
  }

  #fail(error: NodeJS.ErrnoException, operation: 'write' | 'sync'): void {
    this.#poisonWith(error.code ?? 'EIO', `the journal refused a ${operation}`, error);
  }

  #poisonWith(code: string, message: string, cause?: unknown): void {
    this.#poison ??= new StateError({ kind: 'io', file: this.#path, code, message }, cause);
    const waiters = [...this.#unsynced, ...this.#underWay, ...this.#forWritten, ...this.#forDurable];
    this.#unsynced = [];
    this.#underWay = [];
    this.#forWritten = [];
    this.#forDurable = [];
    this.#lines.clear();
    for (const waiter of waiters) waiter.reject(this.#poison);
    this.#advance();
  }
}

/** Why a file is not at its path any more: ESTALE when another one is; null when it is there. Takes 2 µs or so. */
function findLoss(fd: number, path: string): string | null {
  try {
    const ours = fstatSync(fd);
    const there = lstatSync(path);
    return there.ino === ours.ino && there.dev === ours.dev ? null : 'ESTALE';
  } catch (error) {
    return systemCode(error) ?? 'EIO';
  }
}

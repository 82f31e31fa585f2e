/**
 * Reads a journal back, from any prefix of it: no lock, no write, in chunks, so that its length does not matter.
 *
 * A line is good when it ends in a newline, its checksum is right, its `seq` is the previous plus one, and so is its `prev`, where it
 * has one (journals of flowctl 0.1 have none): the checksum of the line before. Behind the first bad one
 * - only lines that look unfinished, up to the end: a torn tail, which an interrupted append leaves and nobody was told of;
 * - a good line, or a complete line with a wrong checksum: damage. Dropping it could forget a success.
 */

import { parseRunId, type RunId } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import { isKnownEventType } from '../model/event-types.ts';
import { JOURNAL_FORMAT, type JournalHeader, type RunEvent } from '../model/event.ts';
import { openForReading } from './durable-files.ts';
import { LONGEST_LINE_BYTES, readLine } from './sealed-line.ts';

/** A tail that an interrupted append left. */
export interface TornTail {
  /** Where it begins: the length of what is good. */
  readonly offset: number;
  readonly bytes: number;
}

/** A place at which a journal is not what was written. */
export interface Damage {
  readonly offset: number;
  readonly message: string;
}

/** What a journal holds besides its events. */
export interface JournalReading {
  /** Null when there is no good header: the run never started, or `damage` says what became of it. */
  readonly header: JournalHeader | null;
  /** The last good event, whether its type is known or not; 0 when there is none. */
  readonly lastSeq: number;
  /** The checksum of the last good line; null when there is none. */
  readonly lastCrc: string | null;
  readonly torn: TornTail | null;
  readonly damage: Damage | null;
  /** The format when it is of another major version; its events are not read then. */
  readonly foreignFormat: string | null;
}

/** Called with an event and the offset of its line. */
export type OnEvent = (event: RunEvent, offset: number) => void;

const CHUNK_BYTES = 262_144;

/**
 * Reads a journal.
 * @param onEvent gets every good event of a known type and the place of its line, in order, before the promise resolves.
 * @throws the system's error, or `StateError` (65) where the path is no regular file.
 */
export async function readJournal(path: string, onEvent: OnEvent): Promise<JournalReading> {
  const handle = await openForReading(path);
  const reader = new LineJudge(onEvent);
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) break;
      reader.take(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
  return reader.finish();
}

/** Cuts chunks into lines and judges each. */
class LineJudge {
  readonly #onEvent: OnEvent;
  /** Pieces of the line that is not complete yet; they are copies, for the chunk's memory is used again. */
  #pieces: Buffer[] = [];
  #lineBytes = 0;
  #offset = 0;
  #header: JournalHeader | null = null;
  #foreignFormat: string | null = null;
  #lastSeq = 0;
  #lastCrc: string | null = null;
  #firstBad: number | null = null;
  #damage: Damage | null = null;

  constructor(onEvent: OnEvent) {
    this.#onEvent = onEvent;
  }

  take(chunk: Buffer): void {
    let from = 0;
    for (;;) {
      const newline = chunk.indexOf(10, from);
      const piece = chunk.subarray(from, newline === -1 ? chunk.length : newline);
      if (newline === -1) return this.#keep(piece);
      this.#endLine(piece);
      from = newline + 1;
    }
  }

  finish(): JournalReading {
    const end = this.#offset + this.#lineBytes;
    if (this.#lineBytes > 0 && this.#foreignFormat === null) this.#firstBad ??= this.#offset;
    const torn = this.#damage === null ? this.#firstBad : null;
    return {
      header: this.#header,
      lastSeq: this.#lastSeq,
      lastCrc: this.#lastCrc,
      torn: torn === null ? null : { offset: torn, bytes: end - torn },
      damage: this.#damage,
      foreignFormat: this.#foreignFormat,
    };
  }

  /** What is longer than any event is not kept in memory, only judged. */
  #keep(piece: Buffer): void {
    this.#lineBytes += piece.length;
    if (piece.length > 0 && this.#lineBytes <= LONGEST_LINE_BYTES) this.#pieces.push(Buffer.from(piece));
  }

  #endLine(lastPiece: Buffer): void {
    const whole = this.#lineBytes + lastPiece.length;
    if (whole > LONGEST_LINE_BYTES) this.#bad('unfinished', 'is too long for an event');
    else this.#judge(this.#pieces.length === 0 ? lastPiece : Buffer.concat([...this.#pieces, lastPiece]));
    this.#pieces = [];
    this.#lineBytes = 0;
    this.#offset += whole + 1;
  }

  #judge(line: Buffer): void {
    if (this.#damage !== null || this.#foreignFormat !== null) return;
    const reading = readLine(line);
    if (reading.kind !== 'good') {
      this.#bad(reading.kind, reading.kind === 'wrong' ? reading.message : 'is unfinished, and others follow it');
    } else if (this.#firstBad !== null) {
      this.#damage = { offset: this.#firstBad, message: 'a damaged record stands before a good one' };
    } else if (reading.previous !== null && reading.previous !== this.#lastCrc) {
      this.#damage = { offset: this.#offset, message: 'a record does not belong behind the one before it' };
    } else {
      const problem = this.#header === null ? this.#takeHeader(reading.value) : this.#takeEvent(reading.value);
      if (problem === null) this.#lastCrc = reading.crc;
      else this.#damage = { offset: this.#offset, message: problem };
    }
  }

  #bad(kind: 'unfinished' | 'wrong', message: string): void {
    this.#firstBad ??= this.#offset;
    if (kind === 'wrong') this.#damage ??= { offset: this.#firstBad, message: `a record's ${message}` };
  }

  #takeHeader(value: JsonObject): string | null {
    const { journal, run, flow_hash, flowctl } = value;
    const id: RunId | null = typeof run === 'string' ? parseRunId(run) : null;
    if (typeof journal !== 'string' || id === null) return 'the header is missing';
    if (typeof flow_hash !== 'string' || typeof flowctl !== 'string') return 'the header is incomplete';
    this.#header = { journal, run: id, flow_hash: flow_hash as JournalHeader['flow_hash'], flowctl };
    if (majorOf(journal) !== majorOf(JOURNAL_FORMAT)) this.#foreignFormat = journal;
    return null;
  }

  #takeEvent(value: JsonObject): string | null {
    const { seq, time, type } = value;
    if (typeof seq !== 'number') return `a record without a number follows record ${this.#lastSeq}`;
    if (seq !== this.#lastSeq + 1) return `record ${seq} follows record ${this.#lastSeq}`;
    if (typeof time !== 'string' || typeof type !== 'string') return 'a record has no time or no type';
    this.#lastSeq = seq;
    if (isKnownEventType(type)) this.#onEvent(value as unknown as RunEvent, this.#offset);
    return null;
  }
}

const majorOf = (format: string): string => format.split('.', 1)[0] ?? '';

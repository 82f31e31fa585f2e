/** The tables of this flow: what a row of each holds, and how a table is kept in a file (one JSON object per line). */

import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** A flight is late from this many minutes on, as the U.S. Department of Transportation counts. */
export const LATE_FROM_MINUTES = 15;

/** What `extract` reports of each raw table that it copied. */
export interface RawTable {
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** Unknown places are null; coordinates are in degrees. */
export interface Airport {
  readonly iata: string;
  readonly name: string;
  readonly city: string | null;
  readonly state: string | null;
  readonly country: string;
  readonly latitude: number;
  readonly longitude: number;
}

/** `departed` is local time at the origin, `2001-01-01T06:55`; the delay is that of the arrival, negative when early. */
export interface Flight {
  readonly departed: string;
  readonly origin: string;
  readonly destination: string;
  readonly delay_minutes: number;
  readonly distance_miles: number;
}

/** A flight between airports that are known; `great_circle_miles` follows from their coordinates. */
export interface JoinedFlight extends Flight {
  readonly origin_state: string | null;
  readonly destination_state: string | null;
  readonly great_circle_miles: number;
}

/** A flight of which only the time of day is known. */
export interface Departure {
  readonly minute_of_day: number;
  readonly delay_minutes: number;
  readonly distance_miles: number;
}

/** A file of rows, as steps hand it to each other: the path travels as an output, the rows stay on disk. */
export interface TableFile {
  readonly file: string;
  readonly rows: number;
}

/**
 * Reads a raw table as text.
 * @throws Error when its bytes are no longer those that `extract` saw.
 */
export function readRaw(raw: RawTable): string {
  const content = readFileSync(raw.file);
  const sha256 = createHash('sha256').update(content).digest('hex');
  if (sha256 !== raw.sha256) throw new Error(`${raw.file} has changed since it was extracted: sha256 is ${sha256}`);
  return content.toString('utf8');
}

/** Reads a table that `writeTable` wrote. */
export function readTable<Row>(file: string): Row[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
}

/** Writes a table under its name only when it is whole, so that a killed step can simply run again. */
export function writeTable(file: string, rows: readonly object[]): TableFile {
  writeFileSync(`${file}.partial`, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  renameSync(`${file}.partial`, file);
  return { file, rows: rows.length };
}

/**
 * `index.ndjson`: one sealed line per finished run, appended, so that a listing reads the tail of one file. It is a cache:
 *
 *     {"index":"1.0","bytes":          1234}       the head, 40 bytes, rewritten in place
 *     {"complete":true,"crc":"..."}                from here on every run that had finished is named again
 *     {"id":"01...","seq":9,...,"crc":"..."}       a finished run; the last line of an id holds
 *
 * How a reader notices that runs are missing from it: the head tells how long the file has been, so a shorter one was cut; no
 * head, or a bad line in what is read, is damage as well. Then the reader walks `runs/`. The next writer that notices appends a
 * `complete` line and every run anew, and readers, who come from the end, never look beyond the last such line. The head may lag
 * behind (two writers race), never run ahead. Each row also names its journal's size and time of change, which the listing
 * compares by one stat(2): a journal that was damaged, resumed or deleted since is read itself.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { parseRunId, type RunId } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import { monotonicMs } from '../base/stopwatch.ts';
import { readRow } from '../model/row-shape.ts';
import type { RunRow } from '../model/view.ts';
import { FILE_MODE } from './durable-files.ts';
import { tryFlock } from './flock-program.ts';
import { StateError, systemCode } from './problem.ts';
import { readLine, sealLine } from './sealed-line.ts';

/** What the index knows of a run. */
export interface IndexEntry {
  readonly id: RunId;
  readonly seq: number;
  /** Size and time of change (milliseconds since the epoch) of the journal when the row was made. */
  readonly journal_bytes: number;
  readonly journal_changed: number;
  /** Null: look into the run's folder. So it is for runs that had not finished when the index was rebuilt, and for huge rows. */
  readonly row: RunRow | null;
}

/** Longer rows, with huge params, are left to the run's folder. */
const LONGEST_ROW = 16_384;
/** The length of the head. */
export const HEAD_BYTES = 40;
const CHUNK_BYTES = 65_536;
const REBUILD_PATIENCE_MS = 10_000;
const LOOKS = 3;
const PAUSE_MS = 5;

/** The head of an index of so many bytes. */
export const headLine = (bytes: number): string => `{"index":"1.0","bytes":${String(bytes).padStart(15)}}\n`;
/** What stands before lines that name every run. */
export const COMPLETE = sealLine('{"complete":true}');

/**
 * Adds a finished run, durably.
 * @param everyRun asked for when the index is missing or damaged: all runs there are.
 */
export async function addToIndex(
  path: string,
  entry: IndexEntry,
  everyRun: () => Promise<readonly IndexEntry[]>,
): Promise<void> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  for (;;) {
    const file = await open(path, flags, FILE_MODE);
    try {
      if (!(await isHealthy(file))) await rebuild(file, path, everyRun);
      await appendBlock(path, entryLine(entry));
      // Somebody may have put a new index in its place (`index-replacement.ts`), without this line.
      if (!(await isAt(file, path))) continue;
      await file.write(headLine((await file.stat()).size), 0);
      return;
    } finally {
      await file.close();
    }
  }
}

/** True while the path leads to the file that was opened. */
export async function isAt(file: FileHandle, path: string): Promise<boolean> {
  const there = await lstat(path).catch(() => null);
  const { ino, dev } = await file.stat();
  return there !== null && there.ino === ino && there.dev === dev;
}

/** One rebuilds, the others wait: a run that ends while the runs are walked comes after the walk's lines, not before them. */
async function rebuild(file: FileHandle, path: string, everyRun: () => Promise<readonly IndexEntry[]>): Promise<void> {
  const deadline = monotonicMs() + REBUILD_PATIENCE_MS;
  while (!(await tryFlock(file.fd, 'exclusive', path))) {
    if (monotonicMs() > deadline) {
      throw new StateError({ kind: 'io', file: path, code: 'EAGAIN', message: 'somebody is rebuilding the index' });
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // The last line may be one that another process is just writing: what is damage stays so.
  for (let look = 0; look < LOOKS; look += 1) {
    if (await isHealthy(file)) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  const { size } = await file.stat();
  const block = `${COMPLETE}${(await everyRun()).map(entryLine).join('')}`;
  // Before the first append: it stands at offset 0.
  await file.write(headLine(Math.max(size, HEAD_BYTES)), 0);
  await appendBlock(path, size <= HEAD_BYTES ? block : `\n${block}`);
}

/**
 * Reads the index from its end, newest line first, as far as it is wanted.
 * @param visit gets each entry, also older ones of an id it has seen; false ends the reading.
 * @returns `ended` when `visit` had enough or everything was read; `stale` when runs may be missing from it.
 */
export async function readIndex(
  path: string,
  visit: (entry: IndexEntry) => Promise<boolean>,
): Promise<'ended' | 'stale'> {
  let file: number;
  try {
    // Without the threads that read beside: starting them takes longer than a listing reads.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    // Missing, a link, a directory, unreadable: whatever it is, it is only a cache.
    if (systemCode(error) !== null) return 'stale';
    throw error;
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || !hasHead(file, stats.size)) return 'stale';
    for await (const line of linesFromEnd(file, stats.size)) {
      const reading = readLine(line);
      if (reading.kind !== 'good') return 'stale';
      if (reading.value['complete'] === true) return 'ended';
      const entry = toEntry(reading.value);
      if (entry === null) return 'stale';
      if (!(await visit(entry))) return 'ended';
    }
    return 'stale';
  } finally {
    closeSync(file);
  }
}

async function appendBlock(path: string, block: string): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
  try {
    await file.writeFile(block);
    // The marker in `open/` goes after this: a power cut must not leave a run with neither.
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** The line of a run. */
export function entryLine(entry: IndexEntry): string {
  const text = JSON.stringify(entry);
  return sealLine(text.length <= LONGEST_ROW ? text : JSON.stringify({ ...entry, row: null }));
}

/** The entry that a line holds; null for a line that holds none. */
export function toEntry(value: JsonObject): IndexEntry | null {
  const { id, seq, journal_bytes, journal_changed, row } = value;
  const run = typeof id === 'string' ? parseRunId(id) : null;
  if (run === null || typeof seq !== 'number') return null;
  if (typeof journal_bytes !== 'number' || typeof journal_changed !== 'number') return null;
  return { id: run, seq, journal_bytes, journal_changed, row: readRow(row) };
}

/** True for a file that has a head and was not cut since it was written. @param file a descriptor. */
export function hasHead(file: number, size: number): boolean {
  const head = Buffer.alloc(HEAD_BYTES);
  readSync(file, head, 0, HEAD_BYTES, 0);
  const bytes = /^\{"index":"1\.\d+","bytes": *(\d+)\}\n$/.exec(head.toString('latin1'))?.[1];
  return bytes !== undefined && size >= Number(bytes);
}

/** For a writer: the head is right and the last line is whole, so another may follow. */
async function isHealthy(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (!hasHead(file.fd, size)) return false;
  for await (const line of linesFromEnd(file.fd, size, 'also unfinished')) return readLine(line).kind === 'good';
  return false;
}

/**
 * The lines behind the head, last one first. What follows the last newline is an append under way, or one that a crash cut
 * short: its run still has its marker, so readers pass it over.
 */
async function* linesFromEnd(
  file: number,
  size: number,
  last: 'whole' | 'also unfinished' = 'whole',
): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let end = size;
  let isLast = true;
  while (end > HEAD_BYTES) {
    const start = Math.max(HEAD_BYTES, end - CHUNK_BYTES);
    const chunk = Buffer.alloc(end - start);
    readSync(file, chunk, 0, chunk.length, start);
    const text = Buffer.concat([chunk, rest]);
    let to = text.length;
    for (
      let newline = text.lastIndexOf(10);
      newline !== -1;
      newline = newline === 0 ? -1 : text.lastIndexOf(10, newline - 1)
    ) {
      const line = text.subarray(newline + 1, to);
      if (!isLast || (last === 'also unfinished' && line.length > 0)) yield line;
      isLast = false;
      to = newline;
    }
    rest = text.subarray(0, to);
    end = start;
    // Who searches a long index lets others have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (!isLast) yield rest;
}

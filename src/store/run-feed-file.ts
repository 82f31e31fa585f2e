/**
 * `ended.ndjson`: every end of a run that was told, numbered. One sealed line per look that found something, appended and synced before
 * anybody hears of it, so that a crash leaves at most one line that nobody acted on:
 *
 *     {"feed":"1.0","epoch":"5f...","crc":"..."}
 *     {"known":[["01...",9],...],"endings":[],"crc":"..."}       what had ended before anybody asked: never told
 *     {"known":[],"endings":[{"n":1,"run":"01...","seq":9,...}],"crc":"..."}
 *
 * `ended-looked.json` beside it says what was seen of the index and of the runs without an owner, so that a look at which nothing has
 * changed reads neither. It is a cache. Next: `endings.ts` looks, `run-feed.ts` joins both.
 */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRunId, type RunId } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { readEnding, type RunEnding } from '../model/run-ending.ts';
import { FILE_MODE, openForReading, writeDurably } from './durable-files.ts';
import type { StateLayout } from './layout.ts';
import { StateError, systemCode } from './problem.ts';
import { readLine, sealLine } from './sealed-line.ts';

/** What the file says. */
export interface FeedContents {
  readonly epoch: string;
  /** The newest end that is known of each run: how many events it had. */
  readonly known: Map<RunId, number>;
  /** Those that can still be told, by their number. */
  readonly endings: RunEnding[];
  /** The number of the last one, also when it can no more be told. */
  last: number;
  /** How long the file is, in good lines. */
  bytes: number;
}

/** What an appended line adds. */
export interface FeedAddition {
  readonly known: readonly (readonly [run: RunId, seq: number])[];
  readonly endings: readonly RunEnding[];
}

/** A longer one is written anew, with only its newest endings. */
const LONGEST_FEED = 5_000;
/** So many can be told to somebody who was away. */
const KEPT_ENDINGS = 1_000;

/** Where the feed lies. */
export const feedPath = (state: StateLayout): string => join(state.root, 'ended.ndjson');

/** Its lock. */
export const feedLockPath = (state: StateLayout): string => join(state.root, 'ended.lock');

const FORMAT = '1.0';

const headOf = (epoch: string): string => sealLine(JSON.stringify({ feed: FORMAT, epoch }));
const lineOf = ({ known, endings }: FeedAddition, last: number): string =>
  sealLine(JSON.stringify({ last, known, endings }));

/** A file whose end changes with every line: cheap to ask. Null: there is none. */
export async function feedMark(path: string): Promise<string | null> {
  const stats = await lstat(path).catch(() => null);
  return stats === null ? null : `${stats.ino} ${stats.size}`;
}

/**
 * Reads the whole file.
 * @returns null when there is none. @throws {StateError} (65) when it is damaged before its last line.
 */
export async function readFeed(path: string): Promise<FeedContents | null> {
  let bytes: Buffer;
  try {
    const file = await openForReading(path);
    try {
      bytes = await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
  let contents: FeedContents | null = null;
  let offset = 0;
  for (;;) {
    const end = bytes.indexOf(10, offset);
    if (end === -1) break;
    const reading = readLine(bytes.subarray(offset, end));
    const isLast = end + 1 >= bytes.length;
    const next: FeedContents | null = reading.kind === 'good' ? taken(contents, reading.value) : null;
    if (next === null) {
      // What a power cut left of an append that nobody was told of.
      if (isLast && contents !== null && reading.kind !== 'good') return contents;
      throw new StateError({ kind: 'damaged', file: path, offset, message: 'is no line of this file' });
    }
    contents = next;
    offset = end + 1;
    contents.bytes = offset;
  }
  return contents;
}

/** The contents with one more line; null when it cannot stand there. */
function taken(contents: FeedContents | null, line: JsonObject): FeedContents | null {
  if (contents === null) {
    const { feed, epoch } = line;
    if (typeof feed !== 'string' || !feed.startsWith('1.') || typeof epoch !== 'string') return null;
    return { epoch, known: new Map(), endings: [], last: 0, bytes: 0 };
  }
  const { last, known, endings } = line;
  if (typeof last !== 'number' || !Array.isArray(known) || !Array.isArray(endings)) return null;
  for (const pair of known as readonly Json[]) {
    const [id, seq] = Array.isArray(pair) ? (pair as readonly Json[]) : [];
    const run = typeof id === 'string' ? parseRunId(id) : null;
    if (run === null || typeof seq !== 'number') return null;
    contents.known.set(run, seq);
  }
  for (const value of endings as readonly Json[]) {
    const ending = readEnding(value);
    if (ending === null || ending.n <= contents.last) return null;
    contents.endings.push(ending);
    contents.known.set(ending.run, ending.seq);
    contents.last = ending.n;
  }
  if (last < contents.last) return null;
  contents.last = last;
  return contents;
}

/** Begins a feed. What has ended until now is known, and is told to nobody. */
export async function beginFeed(path: string, known: FeedAddition['known']): Promise<FeedContents> {
  const epoch = randomBytes(8).toString('hex');
  const text = `${headOf(epoch)}${lineOf({ known, endings: [] }, 0)}`;
  await writeDurably(path, text);
  return { epoch, known: new Map(known), endings: [], last: 0, bytes: Buffer.byteLength(text) };
}

/** Adds to the file, durably, and to the contents. A rest behind its last good line is cut off first. */
export async function appendToFeed(path: string, contents: FeedContents, addition: FeedAddition): Promise<void> {
  const last = addition.endings.at(-1)?.n ?? contents.last;
  const line = lineOf(addition, last);
  const file = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW, FILE_MODE);
  try {
    await file.truncate(contents.bytes);
    await file.write(line, contents.bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
  for (const [run, seq] of addition.known) contents.known.set(run, seq);
  for (const ending of addition.endings) {
    contents.endings.push(ending);
    contents.known.set(ending.run, ending.seq);
  }
  contents.last = last;
  contents.bytes += Buffer.byteLength(line);
}

/**
 * Writes a long file anew: numbers stay, old endings can be told no more, and runs that are gone are forgotten.
 * @param onDisk the runs that there are.
 */
export async function shortenFeed(
  path: string,
  contents: FeedContents,
  onDisk: () => Promise<readonly RunId[]>,
): Promise<void> {
  if (contents.endings.length <= LONGEST_FEED) return;
  const there = new Set(await onDisk());
  contents.endings.splice(0, contents.endings.length - KEPT_ENDINGS);
  for (const run of contents.known.keys()) if (!there.has(run)) contents.known.delete(run);
  const before = (contents.endings[0]?.n ?? contents.last + 1) - 1;
  const lines = [
    headOf(contents.epoch),
    lineOf({ known: [...contents.known], endings: [] }, before),
    lineOf({ known: [], endings: contents.endings }, contents.last),
  ];
  const text = lines.join('');
  await writeDurably(path, text);
  contents.bytes = Buffer.byteLength(text);
  for (const { run, seq } of contents.endings) contents.known.set(run, seq);
}

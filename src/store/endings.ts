/**
 * Looks for runs that have ended: in the lines that the index got since the last look, and among the runs that have no owner any more.
 * Only where the index was made anew, or cannot be trusted, are all runs looked at. Nothing is written. Next: `run-feed.ts`.
 */

import { lstat } from 'node:fs/promises';
import type { RunId } from '../base/ids.ts';
import { hasMembers, isCount, isMapOf, isText } from '../model/member-checks.ts';
import type { RunEnding } from '../model/run-ending.ts';
import { ENDED_STATES } from '../model/run-ending.ts';
import { type RunRow, runRow } from '../model/view.ts';
import { readDefinition } from './definitions.ts';
import { openForReading } from './durable-files.ts';
import { hasHead, HEAD_BYTES, type IndexEntry, toEntry } from './index-file.ts';
import { indexEntries } from './index-replacement.ts';
import { runLayout, type StateLayout } from './layout.ts';
import { markedRuns, readWithLiveness, runIdsOnDisk } from './listing.ts';
import { observeOwners } from './liveness.ts';
import { readLine } from './sealed-line.ts';

/** An end that was found; its number is given when it is told. */
export type FoundEnding = Omit<RunEnding, 'n'>;

/** What was seen at a look. */
export interface Looked {
  /** Changes whenever the index does. */
  readonly index: string;
  /** Which file the index was. */
  readonly ino: number;
  /** How far it was read, and the last bytes before that; 0: not at all, for it could not be trusted. */
  readonly offset: number;
  readonly tail: string;
  /** Runs that have a marker and no owner, and about which there is nothing to be told, by what changes with their journals. */
  readonly left: { readonly [run: string]: string };
}

/** Whether a value that was read back is one. */
export const isLooked = hasMembers({
  index: isText,
  ino: isCount,
  offset: isCount,
  tail: isText,
  left: isMapOf(isText),
});

/** Bytes before the place up to which the index was read, by which it is known again. */
const TAIL_BYTES = 64;

interface Place {
  readonly mark: string;
  readonly ino: number;
  readonly size: number;
}

async function placeOf(state: StateLayout): Promise<Place> {
  const stats = await lstat(state.index).catch(() => null);
  if (stats !== null) return { mark: `${stats.ino} ${stats.size} ${stats.mtimeMs}`, ino: stats.ino, size: stats.size };
  // One index after the other may have come and gone: runs that ended meanwhile began, or lost their markers.
  const folders = await Promise.all([state.runs, state.open].map((path) => lstat(path).catch(() => null)));
  return { mark: `none ${folders.map((folder) => folder?.mtimeMs ?? '').join(' ')}`, ino: 0, size: 0 };
}

async function journalMark(state: StateLayout, run: RunId): Promise<string> {
  const stats = await lstat(runLayout(state, { id: run, root: run }).journal).catch(() => null);
  return stats === null ? 'none' : `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
}

/** False when nothing can have ended since a look: two calls of stat(2), a directory, and one for each run without an owner. */
export async function hasNews(state: StateLayout, looked: Looked): Promise<boolean> {
  if ((await placeOf(state)).mark !== looked.index) return true;
  const owners = observeOwners();
  for (const run of (await markedRuns(state)) ?? []) {
    const left = Object.hasOwn(looked.left, run) ? looked.left[run] : undefined;
    if (left !== undefined && left === (await journalMark(state, run))) continue;
    if (!(await owners.isLive(runLayout(state, { id: run, root: run }).lock))) return true;
  }
  return false;
}

/**
 * Looks for what has ended.
 * @param before the look before this one; null: there was none.
 * @param known how many events a run had when its newest known end was found; undefined: none is known.
 * @returns what is new, oldest first, and what was seen.
 */
export async function findEndings(
  state: StateLayout,
  before: Looked | null,
  known: (run: RunId) => number | undefined,
): Promise<{ readonly endings: readonly FoundEnding[]; readonly looked: Looked }> {
  // In this order: a run that ends meanwhile changes the index behind this place, and is found at the next look.
  const index = await placeOf(state);
  const search = new Search(state, known);
  const since = before !== null && index.ino === before.ino ? await linesSince(state.index, before, index.size) : null;
  let place = { offset: since?.offset ?? 0, tail: since?.tail ?? '' };
  if (since === null) {
    const entries = before !== null && before.index === index.mark ? [] : await indexEntries(state.index);
    if (entries === null) for (const run of [...(await runIdsOnDisk(state))].reverse()) await search.judge(run);
    else {
      for (const entry of entries) await search.compare(entry);
      place = await endOf(state.index, index);
    }
  } else for (const entry of since.entries) await search.take(entry);
  const left: { [run: string]: string } = {};
  for (const run of [...((await markedRuns(state)) ?? [])].reverse()) {
    const mark = await journalMark(state, run);
    const isSame = before !== null && Object.hasOwn(before.left, run) && before.left[run] === mark;
    if (isSame || (await search.judge(run))) left[run] = mark;
  }
  return { endings: search.found, looked: { index: index.mark, ino: index.ino, ...place, left } };
}

/** What is found about runs one after the other. */
class Search {
  readonly found: FoundEnding[] = [];
  readonly #state: StateLayout;
  readonly #known: (run: RunId) => number | undefined;
  readonly #now = new Map<RunId, number>();
  readonly #owners = observeOwners();

  constructor(state: StateLayout, known: (run: RunId) => number | undefined) {
    this.#state = state;
    this.#known = known;
  }

  #isKnown(run: RunId, seq: number): boolean {
    return Math.max(this.#known(run) ?? 0, this.#now.get(run) ?? 0) >= seq;
  }

  /** A line that the index got: the run had ended then, whatever became of it. */
  async take({ id, seq, row }: IndexEntry): Promise<void> {
    if (row === null) await this.judge(id);
    else await this.#add(id, seq, row);
  }

  /** A line of an index that was made anew: it may be as old as the run. */
  async compare(entry: IndexEntry): Promise<void> {
    const { id, seq, row, journal_bytes } = entry;
    const { journal } = runLayout(this.#state, { id, root: id });
    const stats = await lstat(journal).catch(() => null);
    if (stats === null) return;
    if (row !== null && stats.size === journal_bytes) await this.#add(id, seq, row);
    else await this.judge(id);
  }

  /** Looks into the run's folder. @returns false while somebody owns it. */
  async judge(id: RunId): Promise<boolean> {
    const place = { id, root: id };
    if (await this.#owners.isLive(runLayout(this.#state, place).lock)) return false;
    const { reading, live } = await readWithLiveness(this.#state, place);
    if (live) return false;
    const { record, problem, started } = reading;
    if (!started || problem !== null || record === null) return true;
    await this.#add(id, record.seq, runRow(record, { live: false, now: 0 }));
    return true;
  }

  async #add(run: RunId, seq: number, row: RunRow): Promise<void> {
    const state = ENDED_STATES.find((each) => each === row.state);
    if (state === undefined || row.parent !== null || this.#isKnown(run, seq)) return;
    this.#now.set(run, seq);
    this.found.push({
      run,
      seq,
      flow: row.flow ?? '',
      deployment: row.version === null ? null : await this.#deploymentOf(run),
      version: row.version,
      state,
      exit_code: row.exit_code,
      trigger: row.trigger,
      tags: row.tags,
      scheduled_for: row.scheduled_for,
      started_at: row.started_at,
      finished_at: row.finished_at,
      noticed_at: new Date().toISOString(),
    });
  }

  async #deploymentOf(run: RunId): Promise<string | null> {
    const frozen = await readDefinition(runLayout(this.#state, { id: run, root: run }), 1);
    return frozen.ok ? (frozen.value.definition.deployed?.name ?? null) : null;
  }
}

/** What an index that was only added to got; null when it is another one, or begins anew somewhere behind that place. */
async function linesSince(
  path: string,
  { offset, tail }: Looked,
  size: number,
): Promise<{ readonly entries: readonly IndexEntry[]; readonly offset: number; readonly tail: string } | null> {
  if (offset === 0 || size < offset) return null;
  const from = Math.max(0, offset - TAIL_BYTES);
  const bytes = await readRange(path, from, size);
  if (bytes === null || tailOf(bytes, offset - from) !== tail) return null;
  const entries: IndexEntry[] = [];
  let start = offset - from;
  for (let end = bytes.indexOf(10, start); end !== -1; end = bytes.indexOf(10, start)) {
    const reading = readLine(bytes.subarray(start, end));
    const entry = reading.kind === 'good' ? toEntry(reading.value) : null;
    if (entry === null) return null;
    entries.push(entry);
    start = end + 1;
  }
  return { entries, offset: from + start, tail: tailOf(bytes, start) };
}

/** Where the last whole line of the index ends, as far as it was when it was looked for. */
async function endOf(path: string, { size }: Place): Promise<{ readonly offset: number; readonly tail: string }> {
  const bytes = await readRange(path, HEAD_BYTES, size);
  const end = bytes === null ? 0 : bytes.lastIndexOf(10) + 1;
  return bytes === null || end === 0 ? { offset: 0, tail: '' } : { offset: HEAD_BYTES + end, tail: tailOf(bytes, end) };
}

const tailOf = (bytes: Buffer, end: number): string =>
  bytes.subarray(Math.max(0, end - TAIL_BYTES), end).toString('base64');

/** Null where there is no such file, or it was cut. */
async function readRange(path: string, from: number, to: number): Promise<Buffer | null> {
  const file = await openForReading(path).catch(() => null);
  if (file === null) return null;
  try {
    if (!hasHead(file.fd, (await file.stat()).size)) return null;
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(Math.max(0, to - from)),
      0,
      Math.max(0, to - from),
      from,
    );
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

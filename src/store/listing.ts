/**
 * Lists runs, newest first: the markers in `open/` name the runs that have not finished (or whose owner died before the index
 * knew them), the tail of the index the others. Only where the index cannot be trusted is `runs/` walked. Nothing is written.
 */

import { lstatSync, readdirSync } from 'node:fs';
import { parseRunId, type RunId } from '../base/ids.ts';
import type { Result } from '../base/result.ts';
import type { RunRow, RunState } from '../model/view.ts';
import { type IndexEntry, readIndex } from './index-file.ts';
import { runLayout, type RunPlace, type StateLayout } from './layout.ts';
import { makeDurable } from './last-words.ts';
import { type Liveness, observeOwners } from './liveness.ts';
import { NewestRows } from './newest-rows.ts';
import { guarded, type StateProblem, systemCode } from './problem.ts';
import { readRunFolder, rowOf, type RunReading } from './run-reading.ts';

/** Which runs are wanted; what is absent does not restrict. */
export interface RunFilter {
  readonly flow?: string | undefined;
  readonly state?: RunState | undefined;
  readonly tag?: string | undefined;
  /** Started at or after; milliseconds since the epoch. */
  readonly since?: number | undefined;
  /** At most so many, the newest. */
  readonly limit?: number | undefined;
  /** True: also runs that belong to a step of another run. Those are otherwise part of that run. */
  readonly all?: boolean | undefined;
  /** True: also runs that a `flowctl` inside a step of another run began. They have a folder of their own beside that run's. */
  readonly inner?: boolean | undefined;
  /** True for the runs that did not succeed: still going on, or something for `resume`. */
  readonly unfinished?: boolean | undefined;
}

/**
 * Lists runs, newest first: top-level ones, and with `all` their children too. A damaged or unreadable run is one row with `problem`. A state directory that does not exist
 * has no runs.
 * @param now wall clock, milliseconds since the epoch: durations of live runs count up to it.
 */
export function listRuns(
  state: StateLayout,
  filter: RunFilter,
  now: number,
): Promise<Result<readonly RunRow[], StateProblem>> {
  return guarded(state.root, async () => {
    if (filter.all === true) return fromPlaces(state, await placesOnDisk(state), filter, now);
    const open = await markedRuns(state);
    const rows =
      (open === null ? null : await fromIndex(state, open, filter, now)) ?? (await fromRuns(state, filter, now));
    return newest(rows, filter);
  });
}

/** Ids of all top-level runs on disk, whether they began or not, newest first. Reads one directory. */
export async function runIdsOnDisk(state: StateLayout): Promise<readonly RunId[]> {
  return (await idsIn(state.runs)) ?? [];
}

/** Ids of the sub-runs that lie in a top-level run's folder, whether they began or not. */
export async function subRunIdsOnDisk(state: StateLayout, root: RunId): Promise<readonly RunId[]> {
  return (await idsIn(runLayout(state, topLevel(root)).children).catch(() => null)) ?? [];
}

/** Reads runs' folders with their liveness. A run that never began is left out. */
export async function readRows(state: StateLayout, ids: readonly RunId[], now: number): Promise<readonly RunRow[]> {
  return readPlaces(state, ids.map(topLevel), now);
}

const topLevel = (id: RunId): RunPlace => ({ id, root: id });

async function readPlaces(state: StateLayout, places: readonly RunPlace[], now: number): Promise<readonly RunRow[]> {
  const rows: RunRow[] = [];
  for (let from = 0; from < places.length; from += BATCH) {
    const batch = await Promise.all(places.slice(from, from + BATCH).map((place) => readWithLiveness(state, place)));
    for (const { reading, live } of batch) {
      if (reading.started) rows.push(rowOf(reading, live, now));
    }
  }
  return rows;
}

/** Folders that are read at once: enough to keep the thread pool busy, far from any limit of descriptors. */
const BATCH = 16;

/**
 * Reads a run, then asks for its owner, in this order: an owner that ends between the two has recorded its end. So a run without
 * an end and an owner is read once more before it is called crashed.
 */
export async function readWithLiveness(
  state: StateLayout,
  place: RunPlace,
  owners: Liveness = observeOwners(),
): Promise<{ readonly reading: RunReading; readonly live: boolean }> {
  const layout = runLayout(state, place);
  const reading = await readRunFolder(layout);
  const live = !hasEnded(reading) && (await owners.isLive(layout.lock));
  if (live) return { reading, live };
  const last = hasEnded(reading) ? reading : await readRunFolder(layout);
  await makeDurable(layout);
  return { reading: last, live };
}

const hasEnded = ({ record }: RunReading): boolean => record !== null && record.ending !== null;

/** Null when the index may lack runs. */
async function fromIndex(
  state: StateLayout,
  open: readonly RunId[],
  filter: RunFilter,
  now: number,
): Promise<readonly RunRow[] | null> {
  const kept = new NewestRows(filter.limit);
  const keep = (row: RunRow | null): void => {
    if (row !== null && matches(row, filter)) kept.add(row);
  };
  for (const row of await readRows(state, open, now)) keep(row);
  const seen = new Set<RunId>(open);
  const visit = async (entry: IndexEntry): Promise<boolean> => {
    if (isOldEnough(entry, kept, filter)) return false;
    if (seen.has(entry.id)) return true;
    seen.add(entry.id);
    if (entry.row !== null && !matches(entry.row, filter)) return true;
    const found = isCurrent(state, entry) ? [entry.row] : await readRows(state, await existing(state, entry.id), now);
    for (const row of found) keep(row);
    return true;
  };
  return (await readIndex(state.index, visit)) === 'ended' ? kept.rows : null;
}

/** True when this run and every one before it in the index ended before the oldest wanted one began. */
function isOldEnough({ row }: IndexEntry, kept: NewestRows, { limit, since }: RunFilter): boolean {
  const ended = row?.finished_at ?? null;
  if (ended === null) return false;
  if (since !== undefined && Date.parse(ended) < since) return true;
  const oldest = kept.last?.created_at ?? null;
  return limit === 0 || (oldest !== null && ended < oldest);
}

/** True when the journal is the one that the row was made from: one stat(2), nothing is opened. */
function isCurrent(state: StateLayout, { id, row, journal_bytes, journal_changed }: IndexEntry): boolean {
  if (row === null) return false;
  const { journal } = runLayout(state, { id, root: id });
  const stats = lstatSync(journal, { throwIfNoEntry: false });
  return stats !== undefined && stats.size === journal_bytes && stats.mtimeMs === journal_changed;
}

async function existing(state: StateLayout, id: RunId): Promise<readonly RunId[]> {
  const { directory } = runLayout(state, { id, root: id });
  return lstatSync(directory, { throwIfNoEntry: false }) === undefined ? [] : [id];
}

async function fromRuns(state: StateLayout, filter: RunFilter, now: number): Promise<readonly RunRow[]> {
  return fromPlaces(state, (await runIdsOnDisk(state)).map(topLevel), filter, now);
}

/** @param places newest first. */
async function fromPlaces(
  state: StateLayout,
  places: readonly RunPlace[],
  filter: RunFilter,
  now: number,
): Promise<readonly RunRow[]> {
  const rows: RunRow[] = [];
  for (let from = 0; from < places.length && rows.length < (filter.limit ?? Infinity); from += BATCH) {
    const batch = await readPlaces(state, places.slice(from, from + BATCH), now);
    rows.push(...batch.filter((row) => matches(row, filter)));
  }
  return rows.slice(0, filter.limit);
}

/** Every run with its sub-runs, newest first. Reads one more directory for each top-level run. */
async function placesOnDisk(state: StateLayout): Promise<readonly RunPlace[]> {
  const places: RunPlace[] = [];
  for (const root of await runIdsOnDisk(state)) {
    const children = await subRunIdsOnDisk(state, root);
    places.push(topLevel(root), ...children.map((id) => ({ id, root })));
  }
  return places.sort(byAge);
}

/** Ids of the runs that have a marker, newest first. Null when there is no such folder to be read: without markers the index alone says too little. */
export async function markedRuns(state: StateLayout): Promise<readonly RunId[] | null> {
  try {
    return await idsIn(state.open);
  } catch (error) {
    if (systemCode(error) === null) throw error;
    return null;
  }
}

async function idsIn(folder: string): Promise<readonly RunId[] | null> {
  try {
    const names = readdirSync(folder);
    const ids = names.map((name) => (parseRunId(name) === name ? parseRunId(name) : null)).filter((id) => id !== null);
    return ids.sort().reverse();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function matches(row: RunRow, { flow, state, tag, since, unfinished, all, inner }: RunFilter): boolean {
  if (all !== true && inner !== true && row.parent !== null) return false;
  if (flow !== undefined && row.flow !== flow) return false;
  if (state !== undefined && row.state !== state) return false;
  if (tag !== undefined && !row.tags.includes(tag)) return false;
  if (unfinished === true && (row.state === 'succeeded' || row.state === 'skipped')) return false;
  return since === undefined || (row.started_at !== null && Date.parse(row.started_at) >= since);
}

const byAge = (one: { readonly id: RunId }, other: { readonly id: RunId }): number =>
  one.id < other.id ? 1 : one.id > other.id ? -1 : 0;

const newest = (rows: readonly RunRow[], { limit }: RunFilter): readonly RunRow[] =>
  [...rows].sort(byAge).slice(0, limit);

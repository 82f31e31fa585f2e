/** Runs by name, for readers and for whoever is about to resume one. What a user typed is parsed before any path is made of it. */

import { lstat, readdir } from 'node:fs/promises';
import { isPlainId, parseRunId, parseRunIdPrefix, type RunId } from '../base/ids.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { JournalHeader } from '../model/event.ts';
import type { RunRecord } from '../model/run.ts';
import type { RunRow } from '../model/view.ts';
import { type FrozenDefinition, readDefinition } from './definitions.ts';
import type { TornTail } from './journal-reader.ts';
import { type RunLayout, runLayout, type RunPlace, type StateLayout } from './layout.ts';
import { listRuns, readWithLiveness, runIdsOnDisk } from './listing.ts';
import { guarded, StateError, type StateProblem, unwrap } from './problem.ts';
import { removalOf } from './removals.ts';

/** A run as readers see it. */
export interface ReadRun {
  readonly layout: RunLayout;
  /** As far as it could be read; null when not even its first event could be. */
  readonly record: RunRecord | null;
  readonly header: JournalHeader | null;
  /** True while a live process owns it. */
  readonly live: boolean;
  readonly torn: TornTail | null;
  readonly problem: StateProblem | null;
  /** The definition in force; a lost one is no obstacle for readers. */
  readonly frozen: Result<FrozenDefinition, StateProblem>;
}

/**
 * Finds the run that a text names: an id, the unique beginning of one, or `last`, the newest. Sub-runs are looked for when no
 * top-level run has such an id.
 * @returns its place; `invalid_id` (2) for a text that can be no id; `ambiguous` (2) with the candidates, newest first;
 * `not_found` (4).
 */
export async function resolveRun(state: StateLayout, text: string): Promise<Result<RunPlace, StateProblem>> {
  if (!isPlainId(text)) return err({ kind: 'invalid_id', text });
  return guarded(state.root, async () => {
    if (text === 'last') return newestRun(state);
    const prefix = parseRunIdPrefix(text);
    if (prefix === null) throw notFound(text, `there is no run \`${text}\``);
    const candidates = await candidatesFor(state, prefix);
    const [first, second] = candidates;
    if (first === undefined) throw notFound(text, await absence(state, text));
    if (second !== undefined) {
      throw new StateError({ kind: 'ambiguous', text, candidates: candidates.map(({ id }) => id) });
    }
    return first;
  });
}

/** Reads a run for showing; `not_found` (4) when it does not exist or never began. Locks and writes nothing. */
export async function readRun(state: StateLayout, place: RunPlace): Promise<Result<ReadRun, StateProblem>> {
  const { reading, live } = await readWithLiveness(state, place);
  const { layout, record, header, torn, problem, started } = reading;
  if (!started) return err({ kind: 'not_found', text: place.id, message: `run ${place.id} never started` });
  const frozen = await readDefinition(layout, record?.revision ?? 1);
  return ok({ layout, record, header, live, torn, problem, frozen });
}

/**
 * The newest top-level run that did not succeed: failed, cancelled, waiting, crashed, or still going on.
 * @param flow only runs of the flow of this name.
 * @returns its row, or null when there is nothing unfinished.
 */
export async function latestUnfinished(
  state: StateLayout,
  now: number,
  flow?: string,
): Promise<Result<RunRow | null, StateProblem>> {
  const rows = await listRuns(state, { flow, unfinished: true, limit: 1 }, now);
  return rows.ok ? ok(rows.value[0] ?? null) : rows;
}

async function absence(state: StateLayout, text: string): Promise<string> {
  const id = parseRunId(text);
  const removal = id === null ? null : await removalOf(state, id);
  return removal === null ? `there is no run \`${text}\`` : `there is no run \`${text}\` any more: it was ${removal}`;
}

async function newestRun(state: StateLayout): Promise<RunPlace> {
  const [row] = unwrap(await listRuns(state, { limit: 1 }, 0));
  if (row === undefined) throw notFound('last', 'there are no runs yet');
  return { id: row.id, root: row.id };
}

async function candidatesFor(state: StateLayout, prefix: string): Promise<readonly RunPlace[]> {
  const complete = parseRunId(prefix);
  if (complete !== null && (await isDirectory(state, { id: complete, root: complete }))) {
    return [{ id: complete, root: complete }];
  }
  const roots = await runIdsOnDisk(state);
  const top = roots.filter((id) => id.startsWith(prefix));
  return top.length > 0 ? top.map((id) => ({ id, root: id })) : childrenLike(state, roots, prefix);
}

async function childrenLike(state: StateLayout, roots: readonly RunId[], prefix: string): Promise<RunPlace[]> {
  const found: RunPlace[] = [];
  for (const root of roots) {
    const names = await readdir(runLayout(state, { id: root, root }).children).catch(() => []);
    for (const name of names) {
      const id = parseRunId(name);
      if (id === name && id.startsWith(prefix)) found.push({ id, root });
    }
  }
  return found;
}

async function isDirectory(state: StateLayout, place: RunPlace): Promise<boolean> {
  const stats = await lstat(runLayout(state, place).directory).catch(() => null);
  return stats?.isDirectory() ?? false;
}

const notFound = (text: string, message: string): StateError => new StateError({ kind: 'not_found', text, message });

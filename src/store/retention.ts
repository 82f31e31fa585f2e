/**
 * Which runs are old enough to go. Only what has ended is ever chosen by itself: a run that is going on, waits, or crashed may be gone on
 * with, and a damaged one is somebody's puzzle. Next: `removal.ts` (how one goes).
 */

import type { RunId } from '../base/ids.ts';
import type { RetentionRule } from '../model/project.ts';
import type { RunRow, RunState } from '../model/view.ts';
import { replaceIndex } from './index-replacement.ts';
import type { StateLayout } from './layout.ts';
import { runIdsOnDisk, subRunIdsOnDisk } from './listing.ts';

/** Runs that may be chosen, unless a state is asked for by name. */
const ENDED: readonly RunState[] = ['succeeded', 'failed', 'cancelled', 'skipped'];

/** Which runs a rule is asked about. */
export interface Choice extends RetentionRule {
  readonly flow?: string | undefined;
  /** Runs in this state, whichever it is; default: those that have ended. */
  readonly state?: RunState | undefined;
}

/**
 * The runs that go by a rule.
 * @param rows of top-level runs, newest first. @param now milliseconds since the epoch.
 */
export function chooseOld(rows: readonly RunRow[], choice: Choice, now: number): readonly RunRow[] {
  const { older_than_ms: age, keep, flow, state } = choice;
  const counts = new Map<string | null, number>();
  return rows.filter((row) => {
    if (row.parent !== null || row.problem !== undefined) return false;
    if (flow !== undefined && row.flow !== flow) return false;
    if (state === undefined ? !ENDED.includes(row.state) : row.state !== state) return false;
    const newer = counts.get(row.flow) ?? 0;
    counts.set(row.flow, newer + 1);
    if (keep !== null && newer < keep) return false;
    const ended = row.finished_at ?? row.started_at ?? row.created_at;
    return age === null || (ended !== null && now - Date.parse(ended) > age);
  });
}

/**
 * A run with those that a `flowctl` in one of its steps began, at any depth: they go together. Those within stand before those around them.
 * @param rows of all top-level runs, see `inner` of `RunFilter`.
 */
export async function familyOf(state: StateLayout, root: RunId, rows: readonly RunRow[]): Promise<readonly RunId[]> {
  const found = new Set<RunId>();
  const inner = rows.filter(({ parent }) => parent !== null);
  const visit = async (id: RunId): Promise<void> => {
    if (found.has(id)) return;
    const members = inner.length === 0 ? [] : [id, ...(await subRunIdsOnDisk(state, id))];
    found.add(id);
    for (const row of inner) if (row.parent !== null && members.includes(row.parent)) await visit(row.id);
  };
  await visit(root);
  return [...found].reverse();
}

/** An index is made anew when it is larger than this, in lines of deleted runs, and these are most of it. */
const WORTH_LINES = 1_000;

/** Called when runs were deleted: makes the index anew without their lines, where that is worth it. Never rejects. */
export async function forgetDeleted(state: StateLayout, worth: number = WORTH_LINES): Promise<void> {
  try {
    await replaceIndex(state.index, async (old) => {
      if (old === null) return null;
      const there = new Set(await runIdsOnDisk(state));
      const rest = old.filter(({ id }) => there.has(id));
      const gone = old.length - rest.length;
      return gone > worth && gone > rest.length ? rest : null;
    });
  } catch {
    // Only a cache, which is read as it is.
  }
}

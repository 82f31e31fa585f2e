/** Deleting runs for whoever asked, by name or by age: each with what was begun inside of it, and with what its earlier life left running. */

import type { RunId } from '../base/ids.ts';
import { ok, type Result } from '../base/result.ts';
import type { RunRow } from '../model/view.ts';
import type { RunLayout, StateLayout } from '../store/layout.ts';
import { listRuns } from '../store/listing.ts';
import { type StateProblem, unwrap } from '../store/problem.ts';
import { prepareRemoval, removeRun } from '../store/removal.ts';
import type { Remover } from '../store/removals.ts';
import { familyOf } from '../store/retention.ts';
import { readRunFolder } from '../store/run-reading.ts';
import { thisUser } from './actor.ts';
import type { Session } from './session.ts';

/** What became of a run, and of those that were begun inside of it. */
export type RemovalEnd =
  | { readonly kind: 'removed'; readonly ids: readonly RunId[] }
  /** It is not over, or what was begun inside of it is not. */
  | { readonly kind: 'open' }
  /** Processes of its earlier life refuse to end: all is said, and the exit code is set (75). */
  | { readonly kind: 'refused' };

/** How runs are deleted. */
export interface RemovingOptions {
  readonly by: Remover['by'];
  /** How long somebody's lock is tried for, milliseconds; default 500. */
  readonly patienceMs?: number;
  /** True: what may be gone on with stays. Default: only what is going on does. */
  readonly onlyEnded?: boolean;
}

/** Deletes runs of one state directory. */
export class RunRemover {
  readonly #session: Session;
  readonly #state: StateLayout;
  readonly #options: RemovingOptions;
  readonly #remover: Remover;
  #rows: readonly RunRow[] | null = null;

  constructor(session: Session, state: StateLayout, options: RemovingOptions) {
    const { name, host } = thisUser();
    this.#session = session;
    this.#state = state;
    this.#options = options;
    this.#remover = { name, host, by: options.by };
  }

  /** Every top-level run, also those that were begun inside of others; looked at once. */
  async rows(): Promise<readonly RunRow[]> {
    this.#rows ??= unwrap(await listRuns(this.#state, { inner: true }, Date.now()));
    return this.#rows;
  }

  /** Deletes a run, and before it what was begun inside of it: all of that, or nothing where any of it is still going on. */
  async remove(root: RunId): Promise<Result<RemovalEnd, StateProblem>> {
    const rows = await this.rows();
    const family = await familyOf(this.#state, root, rows);
    const isOpen = rows.some(({ id, finished_at }) => finished_at === null && family.includes(id));
    if (isOpen && this.#options.onlyEnded === true) return ok({ kind: 'open' });
    const { patienceMs } = this.#options;
    const options = {
      remover: this.#remover,
      prepare: this.#endEarlierLife,
      ...(patienceMs === undefined ? {} : { patienceMs }),
    };
    const kept: RemovalEnd = { kind: this.#options.onlyEnded === true ? 'open' : 'refused' };
    for (const id of family.length > 1 ? family : []) {
      const ready = await prepareRemoval(this.#state, id, options);
      if (ready.ok ? ready.value : id !== root && ready.error.kind === 'not_found') continue;
      return ready.ok ? ok(kept) : ready;
    }
    const ids: RunId[] = [];
    for (const id of family) {
      const removed = await removeRun(this.#state, id, options);
      if (!removed.ok) {
        // Somebody else deleted it meanwhile.
        if (id !== root && removed.error.kind === 'not_found') continue;
        return removed;
      }
      if (removed.value.kind === 'kept') return ok(kept);
      ids.push(id);
      const { left } = removed.value;
      if (left !== null) {
        this.#session.mention(`warning: run ${id} is gone, but ${left.path} could not be removed: ${left.why}`);
      }
    }
    return ok({ kind: 'removed', ids });
  }

  readonly #endEarlierLife = async (layout: RunLayout): Promise<boolean> => {
    const { record } = await readRunFolder(layout);
    if (record !== null && record.ending !== null) return true;
    // Somebody has gone on with it since it was chosen.
    if (this.#options.onlyEnded === true) return false;
    const { endEarlierLife, endTagged } = await import('./earlier-life.ts');
    if (record === null) return endTagged(this.#session, layout.place.id);
    return (await endEarlierLife(this.#session, { record, layout })) !== null;
  };
}

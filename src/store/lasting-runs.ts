/** Top-level runs that have been going on since some time ago, whether somebody owns them or they wait for a person. */

import { lstat } from 'node:fs/promises';
import { decodeTime } from 'ulid';
import type { RunId } from '../base/ids.ts';
import type { RunRow } from '../model/view.ts';
import { readDefinition } from './definitions.ts';
import { runLayout, type StateLayout } from './layout.ts';
import { markedRuns, readWithLiveness } from './listing.ts';
import { observeOwners } from './liveness.ts';
import { rowOf } from './run-reading.ts';

/** One of them. */
export interface OldRun {
  readonly row: RunRow;
  /** The deployment that was run; null for a flow run from its file. */
  readonly deployment: string | null;
}

const GOES_ON: ReadonlySet<string> = new Set(['queued', 'running', 'waiting', 'cancelling']);

/** Finds them. Keep one where it is asked again and again: it reads the journal of a run only when that has grown, and nobody owns it. */
export class LastingRuns {
  readonly #state: StateLayout;
  /** By run: what it was when its journal was like this, and nobody owned it. */
  readonly #left = new Map<RunId, { readonly mark: string; readonly old: OldRun | null }>();
  /** Runs that are owned: what they run does not change. */
  readonly #live = new Map<RunId, OldRun>();

  constructor(state: StateLayout) {
    this.#state = state;
  }

  /** @param before milliseconds since the epoch: they began before it. @param passOver runs that nobody asks about. */
  async find(before: number, passOver: (run: RunId) => boolean): Promise<readonly OldRun[]> {
    const found: OldRun[] = [];
    const owners = observeOwners();
    const marked = new Set(await markedRuns(this.#state));
    for (const known of [this.#left, this.#live])
      for (const run of known.keys()) if (!marked.has(run)) known.delete(run);
    for (const run of marked) {
      // The id says when it was made, but for a clock that was set since; the record says it again.
      if (decodeTime(run.toUpperCase()) > before || passOver(run)) continue;
      const isLive = await owners.isLive(runLayout(this.#state, { id: run, root: run }).lock);
      const old = isLive ? (this.#live.get(run) ?? (await this.#read(run))) : await this.#readLeft(run);
      if (old === null) continue;
      if (isLive) this.#live.set(run, old);
      const { started_at, parent } = old.row;
      if (parent === null && started_at !== null && Date.parse(started_at) <= before) found.push(old);
    }
    return found;
  }

  async #readLeft(run: RunId): Promise<OldRun | null> {
    this.#live.delete(run);
    const { journal } = runLayout(this.#state, { id: run, root: run });
    const stats = await lstat(journal).catch(() => null);
    const mark = stats === null ? '' : `${stats.size} ${stats.mtimeMs}`;
    const known = this.#left.get(run);
    if (known?.mark === mark) return known.old;
    const old = await this.#read(run);
    this.#left.set(run, { mark, old });
    return old;
  }

  async #read(run: RunId): Promise<OldRun | null> {
    const place = { id: run, root: run };
    const { reading, live } = await readWithLiveness(this.#state, place);
    if (!reading.started || reading.problem !== null) return null;
    const row = rowOf(reading, live, Date.now());
    if (!GOES_ON.has(row.state)) return null;
    const frozen = row.version === null ? null : await readDefinition(reading.layout, 1);
    return { row, deployment: frozen?.ok === true ? (frozen.value.definition.deployed?.name ?? null) : null };
  }
}

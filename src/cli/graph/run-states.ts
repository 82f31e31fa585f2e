/** Where the steps of a graph stand in a run: a step in a map stands for all its items. */

import type { StepState } from '../../model/view.ts';

/** The steps of a run, those of its sub-runs too, by their keys. */
export type StatesByKey = ReadonlyMap<string, StepState>;

/** How many items of a map stand where. */
export type ItemCounts = { readonly total: number } & { readonly [State in StepState]?: number };

/** Finds the states of what a graph shows. */
export class RunStates {
  readonly #byKey: StatesByKey;
  /** States by key without the items of maps. */
  readonly #merged = new Map<string, StepState[]>();

  constructor(byKey: StatesByKey) {
    this.#byKey = byKey;
    for (const [key, state] of byKey) {
      const id = withoutItems(key);
      const known = this.#merged.get(id);
      if (known === undefined) this.#merged.set(id, [state]);
      else known.push(state);
    }
  }

  /** The state of a step; undefined where the run has none of it yet. */
  of(id: string): StepState | undefined {
    const own = this.#byKey.get(id);
    if (own !== undefined) return own;
    const states = this.#merged.get(id) ?? [];
    return WORST_FIRST.find((state) => states.includes(state));
  }

  /** The items of a map; null when it has none yet. */
  itemsOf(id: string): ItemCounts | null {
    const own = this.#byKey.has(id) ? 1 : 0;
    const states = this.#merged.get(id) ?? [];
    if (states.length === own) return null;
    const counts: { total: number } & { [State in StepState]?: number } = { total: states.length - own };
    let isOwn = own === 1;
    for (const state of states) {
      // The map itself stands before its items.
      if (!isOwn) counts[state] = (counts[state] ?? 0) + 1;
      isOwn = false;
    }
    return counts;
  }
}

const WORST_FIRST: readonly StepState[] = [
  'failed',
  'running',
  'retrying',
  'waiting',
  'queued',
  'cancelled',
  'pending',
  'succeeded',
  'skipped',
];

/** The place of a handler stands in brackets as well, and stays. */
const withoutItems = (key: string): string =>
  key.replace(/([^/[\]]+)\[[^\]]*\]/g, (whole, name: string) =>
    /^(?:on_success|on_failure|on_cancel|finally)$/.test(name) ? whole : name,
  );

/** The newest rows out of many that come in any order. */

import type { RunRow } from '../model/view.ts';

/** Keeps at most `limit` rows, newest first; ids sort by the time they were minted. */
export class NewestRows {
  readonly #limit: number;
  readonly #rows: RunRow[] = [];

  /** @param limit default: all are kept. */
  constructor(limit: number = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  /** Adds a row, unless there are `limit` newer ones. */
  add(row: RunRow): void {
    let place = 0;
    for (let end = this.#rows.length; place < end; ) {
      const middle = (place + end) >> 1;
      if (isNewer(row, this.#rows[middle])) end = middle;
      else place = middle + 1;
    }
    if (place >= this.#limit) return;
    this.#rows.splice(place, 0, row);
    if (this.#rows.length > this.#limit) this.#rows.pop();
  }

  /** The rows that are kept. */
  get rows(): readonly RunRow[] {
    return this.#rows;
  }

  /** The row that the next newer one pushes out; null while there is room. With a limit of 0 there is neither. */
  get last(): RunRow | null {
    return this.#rows.length < this.#limit ? null : (this.#rows.at(-1) ?? null);
  }
}

const isNewer = (one: RunRow, other: RunRow | undefined): boolean => other !== undefined && one.id > other.id;

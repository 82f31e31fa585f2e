/** The seats of all runs of one tree: one ledger for them, which is opened by the first claim. */

import type { RunId, StepKey } from '../../base/ids.ts';
import { Bug } from '../../base/result.ts';
import { Ledger, type LedgerOptions } from './ledger.ts';
import { type OuterStep, Seat } from './seat.ts';

/** Who sits where. */
export class TreeSeats {
  readonly #ledger: Ledger;
  readonly #outer: readonly OuterStep[];
  readonly #seats = new Map<RunId, Seat>();

  /** @param outer the steps of other processes that this program was started in, the outermost first. */
  constructor(options: LedgerOptions, outer: readonly OuterStep[]) {
    this.#ledger = new Ledger(options);
    this.#outer = outer;
  }

  /**
   * The seat of a run.
   * @param parent the step it belongs to, of a run of the same tree that has a seat; null for the top-level run.
   */
  seatOf(run: RunId, parent: { readonly run: RunId; readonly step: StepKey } | null): Seat {
    const around = parent === null ? null : this.#seats.get(parent.run);
    if (around === undefined) throw new Bug(`run ${run} belongs to a run that is not there`);
    const within = parent === null || around === null ? null : { seat: around, step: parent.step };
    const seat = new Seat({ ledger: this.#ledger, run, within, outer: within === null ? this.#outer : [] });
    this.#seats.set(run, seat);
    return seat;
  }

  /** Gives everything back. Never rejects. */
  close(): Promise<void> {
    return this.#ledger.close();
  }
}

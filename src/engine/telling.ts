/** How a caller hears of ends one after the other, also where outputs have to be read from disk first. */

import type { Json } from '../base/json.ts';
import type { StepRecord } from '../model/run.ts';
import type { Inbox } from './inbox.ts';
import { recordedValue, type ScopeSource } from './scope.ts';
import { itemEnds } from './script-items.ts';
import { outcomeOf } from './script-outcome.ts';
import type { CallOutcome, ItemOutcome } from './script-ports.ts';

/** One line of ends. */
export class Telling {
  private readonly source: ScopeSource;
  private readonly inbox: Inbox;
  /** Ends that are being read hold back those behind them. */
  private last: Promise<void> | null = null;

  constructor(source: ScopeSource, inbox: Inbox) {
    this.source = source;
    this.inbox = inbox;
  }

  /** True while something is still to be told. */
  get isReading(): boolean {
    return this.last !== null;
  }

  /** Tells how a step ended: at once, unless something has to be read. */
  tell(record: StepRecord, hear: (outcome: CallOutcome) => void): void {
    const outputs = recordedValue(this.source, record.outputs);
    const items = itemEnds(this.source, record);
    const all = (ends: readonly ItemOutcome[] | undefined) => (ends === undefined ? {} : { items: ends });
    if (!(outputs instanceof Promise) && !(items instanceof Promise) && this.last === null) {
      hear({ ...outcomeOf(record, outputs), ...all(items) });
      return;
    }
    // The step may begin anew while its end is read.
    const ended = { ...record };
    this.follow(async (before) => {
      const value: Json = await outputs;
      const ends = await items;
      await before;
      hear({ ...outcomeOf(ended, value), ...all(ends) });
    });
  }

  /** Calls back when everything is told. */
  afterwards(call: () => void): void {
    if (this.last === null) call();
    else
      this.follow(async (before) => {
        await before;
        call();
      });
  }

  private follow(next: (before: Promise<void> | null) => Promise<void>): void {
    const following = next(this.last)
      .catch((error: unknown) => this.inbox.put({ kind: 'journal_failed', error }))
      .then(() => {
        if (this.last === following) this.last = null;
      });
    this.last = following;
  }
}

/** Everything that is to happen later in a life of a run: messages to the loop, taken back when it ends. */

import type { RunRecord } from '../model/run.ts';
import type { Inbox, Message } from './inbox.ts';
import type { Clock } from './ports.ts';

/** The timers of one life. */
export class Deadlines {
  private readonly clock: Clock;
  private readonly inbox: Inbox;
  private readonly timers = new Set<() => void>();

  constructor(clock: Clock, inbox: Inbox) {
    this.clock = clock;
    this.inbox = inbox;
  }

  /** Sends a message after at least `delayMs`. */
  after(delayMs: number, message: Message): void {
    const takeBack = this.clock.after(delayMs, () => {
      this.timers.delete(takeBack);
      this.inbox.put(message);
    });
    this.timers.add(takeBack);
  }

  /** What an earlier life left waiting: the rest of the delay, never more than the whole of it, whatever the clock says. */
  takeOver(run: RunRecord): void {
    const now = this.clock.wall();
    for (const { key, phase } of run.steps.values()) {
      if (phase.kind !== 'retrying') continue;
      const restMs = Math.min(Math.max(Date.parse(phase.due) - now, 0), phase.delay_ms);
      this.after(restMs, { kind: 'retry_due', step: key });
    }
  }

  /** Takes every timer back: one that is left would keep the program alive. */
  clear(): void {
    for (const takeBack of this.timers) takeBack();
    this.timers.clear();
  }
}

/** Everything that is to happen later in a life of a run: messages to the loop, taken back when it ends. */

import type { RunEvent } from '../model/event.ts';
import type { RunRecord } from '../model/run.ts';
import type { Inbox, Message } from './inbox.ts';
import type { Clock } from './ports.ts';

const restOf = (due: string, now: number): number => Math.max(Date.parse(due) - now, 0);

type Delaying = 'retry.scheduled' | 'iteration.scheduled' | 'wait.started' | 'approval.requested' | 'run.retried';

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

  /** Sends a message when what was decided, or asked, comes to be due. */
  follow(event: Extract<RunEvent, { type: Delaying }>): void {
    const step = event.type === 'run.retried' ? null : event.step;
    const due = 'due' in event ? event.due : 'until' in event ? event.until : event.expires;
    if (due === null) return;
    const delayMs = 'delay_ms' in event ? event.delay_ms : undefined;
    this.after(delayMs ?? restOf(due, this.clock.wall()), { kind: 'due', step, due });
  }

  /** What an earlier life left waiting: the rest of the delay, never more than the whole of it, whatever the clock says. */
  takeOver(run: RunRecord): void {
    const now = this.clock.wall();
    for (const { key, phase } of run.steps.values()) {
      if (phase.kind === 'retrying') {
        this.after(Math.min(restOf(phase.due, now), phase.delay_ms), { kind: 'due', step: key, due: phase.due });
      } else if (phase.kind === 'waiting' && phase.due !== null) {
        const rest = Math.min(restOf(phase.due, now), phase.longest_ms ?? Number.POSITIVE_INFINITY);
        const message: Message = { kind: 'due', step: key, due: phase.due };
        // Before the run can look as if it only waited, and be left as it was found.
        if (rest === 0) this.inbox.put(message);
        else this.after(rest, message);
      }
    }
    const { retry_due: due } = run;
    if (due !== null) this.after(Math.min(restOf(due, now), run.retry_delay_ms), { kind: 'due', step: null, due });
  }

  /** Takes every timer back: one that is left would keep the program alive. */
  clear(): void {
    for (const takeBack of this.timers) takeBack();
    this.timers.clear();
  }
}

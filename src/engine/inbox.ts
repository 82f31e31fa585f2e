/** The one way into the loop: whoever has something to tell puts a message here, and never waits. */

import type { StepKey } from '../base/ids.ts';
import type { WarningRaised } from '../model/event.ts';
import type { Judgement } from './frontier.ts';
import type { WoundUp } from './wind-up.ts';
import type { Actor, EndingSignal, Outcome } from '../model/outcome.ts';

/** Everything that can reach a running engine. */
export type Message =
  | {
      readonly kind: 'attempt_ended';
      readonly step: StepKey;
      readonly attempt: number;
      readonly outcome: Outcome;
      readonly duration_ms: number;
    }
  /** The delay before an attempt is over. */
  | { readonly kind: 'retry_due'; readonly step: StepKey }
  | { readonly kind: 'signalled'; readonly signal: EndingSignal }
  | { readonly kind: 'cancel_requested'; readonly by: Actor; readonly reason: string | null }
  | {
      readonly kind: 'processes_reaped';
      readonly step: StepKey | null;
      readonly attempt: number | null;
      readonly pids: readonly number[];
    }
  | {
      readonly kind: 'warned';
      readonly step: StepKey;
      readonly attempt: number;
      readonly code: WarningRaised['code'];
      readonly message: string;
    }
  /** A condition could be evaluated after outputs were read. */
  | { readonly kind: 'condition_judged'; readonly index: number; readonly judgement: Judgement }
  /** What cleans up after a cancellation has had its time. */
  | { readonly kind: 'cleanup_over' }
  /** All steps are settled, nothing of the run is left running, and its outputs are known. */
  | { readonly kind: 'wound_up'; readonly end: WoundUp }
  /** `run.finished` is on disk. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'journal_failed'; readonly error: unknown }
  /** A bug of ours came to light outside the loop; the loop throws it. */
  | { readonly kind: 'broke'; readonly error: unknown };

/** A queue with one reader. */
export class Inbox {
  private messages: Message[] = [];
  private wake: (() => void) | null = null;

  /** Adds a message; never blocks, never fails. */
  put(message: Message): void {
    this.messages.push(message);
    this.wake?.();
    this.wake = null;
  }

  /** Waits for at least one message and takes all there are, oldest first. */
  async take(): Promise<readonly Message[]> {
    if (this.messages.length === 0) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const taken = this.messages;
    this.messages = [];
    return taken;
  }
}

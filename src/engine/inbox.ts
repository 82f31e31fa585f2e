/** The one way into the loop: whoever has something to tell puts a message here, and never waits. */

import type { StepKey } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import type { WarningRaised } from '../model/event.ts';
import type { Answer, Node, Question } from './node.ts';
import type { FamilyMessage } from './relatives.ts';
import type { ScriptMessage } from './script-news.ts';
import type { WoundUp } from './wind-up.ts';
import type { Actor, EndingSignal, Outcome } from '../model/outcome.ts';

/** What a person answered. */
export interface ApprovalGiven {
  readonly approved: boolean;
  readonly by: Actor;
  readonly params: JsonObject;
  readonly comment: string | null;
}

/** Everything that can reach a running engine. */
export type Message =
  | {
      readonly kind: 'attempt_ended';
      readonly step: StepKey;
      readonly attempt: number;
      readonly outcome: Outcome;
      readonly duration_ms: number;
    }
  /** A delay is over: of a retry, an iteration, a wait or an approval; null: before another try of the run. */
  | { readonly kind: 'due'; readonly step: StepKey | null; readonly due: string }
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
  /** Something was found out about a step that had to be read, or waited for. */
  | { readonly kind: 'answered'; readonly node: Node; readonly question: Question; readonly answer: Answer }
  /** Others hold the capacities that a step needs. */
  | { readonly kind: 'claim_queued'; readonly step: StepKey; readonly resources: readonly string[] }
  | FamilyMessage
  | ScriptMessage
  /** A person answered. */
  | { readonly kind: 'approval_answered'; readonly step: StepKey; readonly answer: ApprovalGiven }
  /** What came of asking the run's concurrency group. */
  | { readonly kind: 'run_queued' }
  | { readonly kind: 'run_admitted' }
  | { readonly kind: 'run_refused'; readonly message: string }
  /** A group has not ended within its time. */
  | { readonly kind: 'group_timed_out'; readonly step: StepKey; readonly failures: number; readonly after_ms: number }
  /** The run has been executing for as long as it may. */
  | { readonly kind: 'run_timed_out' }
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

  /** True while nothing waits here to be taken. */
  get isEmpty(): boolean {
    return this.messages.length === 0;
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

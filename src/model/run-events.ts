/** What happens to a run as a whole; part of the journal's events, see `event.ts`. */

import type { ContentHash, RunId, StepId, StepKey } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import type { Actor, EndingSignal, Failure, OutputsRef } from './outcome.ts';

/** The state a run ends in. */
export type FinalRunState = 'succeeded' | 'failed' | 'cancelled' | 'skipped';

/** The settings of a run that are fixed when it starts. */
export interface RunSettings {
  readonly max_parallel: number;
  readonly fail_fast: boolean;
  readonly grace_ms: number;
  readonly durability: 'full' | 'process';
}

/** What made a run begin. */
export type Trigger = 'manual' | 'schedule' | 'event' | 'parent' | 'rerun' | 'backfill' | 'automation';

/** The first event of every journal: everything about the run that its definition does not say. */
export type RunStarted = {
  readonly type: 'run.started';
  readonly flow: string;
  /** What the flow calls this run; absent where it gives its runs no names. */
  readonly name?: string;
  /** Version of the deployment; null for a flow run from its file. */
  readonly version: number | null;
  readonly flow_hash: ContentHash;
  readonly params: JsonObject;
  readonly tags: readonly string[];
  readonly trigger: Trigger;
  /** The step of another run that this run belongs to. */
  readonly parent: { readonly run: RunId; readonly step: StepKey } | null;
  readonly scheduled_for: string;
  /** The instant before, of a run that a schedule began; absent where there is none. */
  readonly previous_scheduled_for?: string;
  /** Values that were kept across runs when this one began; absent: none. */
  readonly vars?: JsonObject;
  readonly settings: RunSettings;
  /** The steps of the definition with what they need, so that a reader can show them before they begin. */
  readonly steps: readonly { readonly id: StepId; readonly needs: readonly StepId[] }[];
};

/** A new life of a run that had ended without success, or whose owner died. */
export type RunResumed = {
  readonly type: 'run.resumed';
  readonly by: Actor;
  /** Number of the definition that holds from here: 1 is `flow.json`, 2 is `flow.2.json`. */
  readonly revision: number;
  readonly flow_hash: ContentHash;
  readonly settings: RunSettings;
  /** Those of the start, and the defaults of params that a new definition added. */
  readonly params: JsonObject;
  readonly steps: RunStarted['steps'];
  /** Settled steps that are to run again though they had succeeded: asked for by name, edited, or downstream of those. */
  readonly reset: readonly StepKey[];
};

/** The run waits until others of its concurrency group have ended. */
export type RunQueued = { readonly type: 'run.queued'; readonly group: string; readonly limit: number };

/** The run waits no longer for others of its group. */
export type RunAdmitted = { readonly type: 'run.admitted'; readonly group: string };

/** Nothing is left to do but to wait for a person or an instant, and nobody stays for it: `approve` or `resume` goes on. */
export type RunParked = { readonly type: 'run.parked'; readonly exit_code: number };

/** The run failed and is tried again: what failed, and what was skipped for it, is decided anew. Handlers have not begun. */
export type RunRetried = {
  readonly type: 'run.retried';
  /** Counted from 1. */
  readonly retry: number;
  readonly delay_ms: number;
  readonly due: string;
  /** As in `run.finished`. */
  readonly caught?: readonly StepKey[];
};

/** Somebody outside asked for the end of the run. */
export type CancelRequested = {
  readonly type: 'run.cancel_requested';
  readonly by: Actor;
  readonly reason: string | null;
};

/** flowctl received a signal. The first asks the steps to end, a second one kills them. */
export type RunSignalled = { readonly type: 'run.signalled'; readonly signal: EndingSignal };

/** The last event of a life of the run. */
export type RunFinished = {
  readonly type: 'run.finished';
  readonly state: FinalRunState;
  readonly exit_code: number;
  readonly outputs: OutputsRef | null;
  readonly timed_out: boolean;
  readonly error: Failure | null;
  /** Calls of a flow function that failed, and from which it went on: they stand. */
  readonly caught?: readonly StepKey[];
  /** How long this life of the run took, by the monotonic clock; lives before a resume are not counted in. */
  readonly duration_ms: number;
};

/**
 * A run as its events tell it: the fold's result. Pure data; `fold.ts` is the only writer. Every reader (the engine, `show`,
 * the snapshot, the reports) looks at this and nothing else. States that people see are derived in `view.ts`, never stored.
 */

import type { ContentHash, RunId, StepId, StepKey } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import type { FinalRunState, ProcessIdentity, RunSettings, SkipReason, Trigger } from './event.ts';
import type { Actor, EndingSignal, Failure, OutcomeKind, OutputsRef } from './outcome.ts';

/** One try of a step. `outcome` is null while it is open. */
export interface AttemptRecord {
  readonly number: number;
  readonly iteration: number;
  readonly started_at: string;
  process: ProcessIdentity | null;
  outcome: OutcomeKind | null;
  exit_code: number | null;
  signal: string | null;
  error: Failure | null;
  finished_at: string | null;
  duration_ms: number | null;
}

/**
 * Where a step stands. The moves between these are listed in `moves.ts`:
 *
 *     pending --> running --> succeeded
 *        ^  \        |
 *        |   \       v
 *        |    \   undecided --> failed | cancelled
 *        |     \     |  ^
 *        |      \    v  |
 *        |       `> retrying --> running
 *        `-- (resume) -- failed, skipped, cancelled
 */
export type StepPhase =
  | { readonly kind: 'pending' }
  | { readonly kind: 'running'; readonly attempt: AttemptRecord }
  /** An attempt ended without closing the step; the next decision says what follows. */
  | { readonly kind: 'undecided'; readonly attempt: AttemptRecord }
  | { readonly kind: 'retrying'; readonly attempt: number; readonly due: string; readonly delay_ms: number }
  | { readonly kind: 'waiting'; readonly for: 'time' | 'condition' | 'approval' }
  | { readonly kind: 'succeeded'; readonly reused: boolean }
  | { readonly kind: 'failed'; readonly tolerated: boolean; readonly error: Failure | null }
  | { readonly kind: 'skipped'; readonly reason: SkipReason }
  | { readonly kind: 'cancelled' };

/** One step of a run, or one item of a map. */
export interface StepRecord {
  readonly id: StepId;
  readonly key: StepKey;
  needs: readonly StepKey[];
  phase: StepPhase;
  readonly attempts: AttemptRecord[];
  /** Attempts that failed or timed out since the step last had a fresh budget. */
  failures: number;
  outputs: OutputsRef | null;
  why: string | null;
  started_at: string | null;
  finished_at: string | null;
  /** Child run of a sub-flow step. */
  child: RunId | null;
}

/** Why a run is being ended before its steps are done. */
export interface Cancellation {
  readonly by: Actor;
  /** When it was recorded first: RFC 3339. */
  readonly at: string;
  readonly reason: string | null;
  /** The first signal that came, if one did; it decides the exit code. */
  readonly signal: EndingSignal | null;
  /** How many signals came; from the second on nothing is waited for. */
  readonly signals: number;
}

/** How a run ended. */
export interface RunEnding {
  readonly state: FinalRunState;
  readonly exit_code: number;
  readonly outputs: OutputsRef | null;
  readonly timed_out: boolean;
  readonly error: Failure | null;
}

/** A warning that was recorded. */
export interface RunWarning {
  readonly step: StepKey | null;
  readonly attempt: number | null;
  readonly code: string;
  readonly message: string;
}

/** A whole run. */
export interface RunRecord {
  readonly id: RunId;
  /** The last event that is folded in. */
  seq: number;
  readonly flow: string;
  readonly version: number | null;
  flow_hash: ContentHash;
  params: JsonObject;
  readonly tags: readonly string[];
  readonly trigger: Trigger;
  readonly parent: { readonly run: RunId; readonly step: StepKey } | null;
  readonly scheduled_for: string;
  settings: RunSettings;
  /** Number of the definition in force: 1 is `flow.json`. */
  revision: number;
  /** Times the run was resumed. */
  resumes: number;
  readonly started_at: string;
  /** When the present life began: the start, or the last resume. */
  life_began_at: string;
  /** When anything was last recorded. */
  last_event_at: string;
  finished_at: string | null;
  /** Sum over the lives that are over; one that was cut short counts up to its last record. */
  duration_ms: number;
  readonly steps: Map<StepKey, StepRecord>;
  cancellation: Cancellation | null;
  ending: RunEnding | null;
  readonly warnings: RunWarning[];
  readonly reaped: number[];
}

/** True when nothing more happens to a step in this life of the run. */
export function isSettled(phase: StepPhase): boolean {
  switch (phase.kind) {
    case 'succeeded':
    case 'failed':
    case 'skipped':
    case 'cancelled':
      return true;
    case 'pending':
    case 'running':
    case 'undecided':
    case 'retrying':
    case 'waiting':
      return false;
  }
}

/** True when what needs this step may start: it succeeded, or failed and was allowed to. */
export const isSatisfied = (phase: StepPhase): boolean =>
  phase.kind === 'succeeded' || (phase.kind === 'failed' && phase.tolerated);

/**
 * Everything that can happen in a run, as it stands in the journal. The journal is the truth; screens, reports and states are
 * folds of it. Names are past tense; members are written as in `show --json`. Two kinds of event exist: observations (what the
 * world did) and decisions (what flowctl chose, where the choice cannot be derived again). Output bytes are never events.
 */

import type { ContentHash, RunId, StepId, StepKey } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { Actor, EndingSignal, Failure, OutcomeKind, OutputsRef } from './outcome.ts';

/** The journal's format: readers take any minor version of their major and ignore event types they do not know. */
export const JOURNAL_FORMAT = '1.0';

/** Line 0 of a journal; no event. */
export interface JournalHeader {
  readonly journal: string;
  readonly run: RunId;
  readonly flow_hash: ContentHash;
  readonly flowctl: string;
}

/** A process that can be told from any later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** The process group; equal to `pid` for a group leader. */
  readonly group: number;
  /** Field 22 of /proc/PID/stat; null where there is no /proc. */
  readonly start_ticks: number | null;
  readonly boot_id: string | null;
  /** Inode of the pid namespace; null where there is no /proc. */
  readonly pid_namespace: string | null;
}

/** What made a run begin. */
export type Trigger = 'manual' | 'schedule' | 'event' | 'parent' | 'rerun' | 'backfill';

/** Why a step was skipped. */
export type SkipReason =
  | 'condition'
  | 'upstream_failed'
  | 'upstream_skipped'
  | 'not_selected'
  | 'cancelled'
  | 'skip_code';

/** The settings of a run that are fixed when it starts. */
export interface RunSettings {
  readonly max_parallel: number;
  readonly fail_fast: boolean;
  readonly grace_ms: number;
  readonly durability: 'full' | 'process';
}

/** The state a run ends in. */
export type FinalRunState = 'succeeded' | 'failed' | 'cancelled' | 'skipped';

interface AttemptEvent {
  readonly step: StepKey;
  readonly attempt: number;
}

/** The first event of every journal: everything about the run that its definition does not say. */
export type RunStarted = {
  readonly type: 'run.started';
  readonly flow: string;
  /** Version of the deployment; null for a flow run from its file. */
  readonly version: number | null;
  readonly flow_hash: ContentHash;
  readonly params: JsonObject;
  readonly tags: readonly string[];
  readonly trigger: Trigger;
  /** The step of another run that this run belongs to. */
  readonly parent: { readonly run: RunId; readonly step: StepKey } | null;
  readonly scheduled_for: string;
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

/** On disk before the process of the attempt may do anything. */
export type AttemptStarted = AttemptEvent & {
  readonly type: 'attempt.started';
  /** Counted from 0; above 0 only in a step that repeats. */
  readonly iteration: number;
};

/** The process exists and waits at its gate. */
export type AttemptSpawned = AttemptEvent & { readonly type: 'attempt.spawned'; readonly process: ProcessIdentity };

/** An attempt ended, whichever way. */
export type AttemptFinished = AttemptEvent & {
  readonly type: 'attempt.finished';
  readonly outcome: OutcomeKind;
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly error: Failure | null;
  readonly outputs: OutputsRef | null;
  /** Measured by the monotonic clock; null for a lost attempt. */
  readonly duration_ms: number | null;
  /** True when the step goes on with another iteration in spite of a success. */
  readonly continues?: boolean;
  /** True when the exit code of a success says that there was nothing to do. */
  readonly skips?: boolean;
};

/** A decision, for it has a random part in it. */
export type RetryScheduled = {
  readonly type: 'retry.scheduled';
  readonly step: StepKey;
  /** The number the next attempt will have. */
  readonly attempt: number;
  readonly delay_ms: number;
  readonly due: string;
};

/**
 * Closes a step that no attempt's success closed: given up after a failure, cancelled, or a group or map whose members ended.
 * `tolerated`: failed, but allowed to.
 */
export type StepSettled = {
  readonly type: 'step.settled';
  readonly step: StepKey;
  readonly state: 'succeeded' | 'failed' | 'cancelled';
  readonly tolerated: boolean;
  readonly error: Failure | null;
  readonly outputs: OutputsRef | null;
};

/** The step will not run in this life of the run. */
export type StepSkipped = { readonly type: 'step.skipped'; readonly step: StepKey; readonly reason: SkipReason };

/** A recorded result was taken instead of running the step. */
export type StepReused = {
  readonly type: 'step.reused';
  readonly step: StepKey;
  readonly from: { readonly run: RunId; readonly step: StepKey } | null;
  readonly fingerprint: ContentHash | null;
  readonly why: string;
  readonly outputs: OutputsRef | null;
};

/** A map's list became known: one child step per key. */
export type StepExpanded = {
  readonly type: 'step.expanded';
  readonly step: StepKey;
  readonly items: readonly { readonly key: StepKey; readonly item: Json }[];
};

/** A flow function called a task; its key was taken before any await. */
export type StepRequested = {
  readonly type: 'step.requested';
  readonly step: StepKey;
  readonly name: StepId;
  readonly arguments_hash: ContentHash;
  readonly needs: readonly StepKey[];
};

/** Clock, random and ids of a flow function, so that a replay sees the same. */
export type ValueRecorded = {
  readonly type: 'value.recorded';
  readonly kind: 'now' | 'random' | 'uuid' | 'sleep';
  readonly value: Json;
};

/** A sub-flow's run was created under this run's `children/`. */
export type ChildStarted = { readonly type: 'child.started'; readonly step: StepKey; readonly child: RunId };

/** A step waits for an instant, a condition or a person. */
export type WaitStarted = {
  readonly type: 'wait.started';
  readonly step: StepKey;
  readonly until: string | null;
  readonly for: JsonObject | null;
};

/** A step waits for a person. */
export type ApprovalRequested = {
  readonly type: 'approval.requested';
  readonly step: StepKey;
  readonly message: string;
  readonly params: JsonObject;
  readonly expires: string | null;
};

/** A person answered. */
export type ApprovalAnswered = {
  readonly type: 'approval.answered';
  readonly step: StepKey;
  readonly approved: boolean;
  readonly by: Actor;
  readonly params: JsonObject;
  readonly comment: string | null;
};

/** Somebody outside asked for the end of the run. */
export type CancelRequested = {
  readonly type: 'run.cancel_requested';
  readonly by: Actor;
  readonly reason: string | null;
};

/** flowctl received a signal. The first asks the steps to end, a second one kills them. */
export type RunSignalled = { readonly type: 'run.signalled'; readonly signal: EndingSignal };

/** Processes that outlived their attempt, or their orchestrator, were ended. */
export type ProcessesReaped = {
  readonly type: 'processes.reaped';
  readonly when: 'attempt_end' | 'run_end' | 'resume';
  readonly step: StepKey | null;
  readonly attempt: number | null;
  readonly pids: readonly number[];
};

/** Handlers of one kind begin; their steps are keyed `on_failure[0]` and so on. */
export type HandlersStarted = {
  readonly type: 'handlers.started';
  readonly step: StepKey | null;
  readonly phase: 'on_success' | 'on_failure' | 'on_cancel' | 'finally';
};

/** A step published something for people to look at. */
export type ArtifactPublished = AttemptEvent & {
  readonly type: 'artifact.published';
  readonly name: string;
  readonly kind: 'file' | 'table' | 'markdown' | 'link' | 'image';
  readonly file: string | null;
};

/** Something a person should know that changes nothing. */
export type WarningRaised = {
  readonly type: 'warning.raised';
  readonly step: StepKey | null;
  readonly attempt: number | null;
  readonly code: 'log_truncated' | 'journal_tail_torn' | 'processes_left';
  readonly message: string;
};

/** The last event of a life of the run. */
export type RunFinished = {
  readonly type: 'run.finished';
  readonly state: FinalRunState;
  readonly exit_code: number;
  readonly outputs: OutputsRef | null;
  readonly timed_out: boolean;
  readonly error: Failure | null;
  /** How long this life of the run took, by the monotonic clock; lives before a resume are not counted in. */
  readonly duration_ms: number;
};

/** What happened, without its place in the journal. */
export type EventBody =
  | RunStarted
  | RunResumed
  | AttemptStarted
  | AttemptSpawned
  | AttemptFinished
  | RetryScheduled
  | StepSettled
  | StepSkipped
  | StepReused
  | StepExpanded
  | StepRequested
  | ValueRecorded
  | ChildStarted
  | WaitStarted
  | ApprovalRequested
  | ApprovalAnswered
  | CancelRequested
  | RunSignalled
  | ProcessesReaped
  | HandlersStarted
  | ArtifactPublished
  | WarningRaised
  | RunFinished;

/** The name of an event. */
export type EventType = EventBody['type'];

/** An event with its place: `seq` counts from 1 without gaps, `time` is RFC 3339 UTC with milliseconds (wall clock). */
export type RunEvent = EventBody & { readonly seq: number; readonly time: string };

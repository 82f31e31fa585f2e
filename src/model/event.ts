/**
 * Everything that can happen in a run, as it stands in the journal. The journal is the truth; screens, reports and states are
 * folds of it. Names are past tense; members are written as in `show --json`. Two kinds of event exist: observations (what the
 * world did) and decisions (what flowctl chose, where the choice cannot be derived again). Output bytes are never events.
 */

import type { ContentHash, RunId, StepId, StepKey } from '../base/ids.ts';
import type { Json } from '../base/json.ts';
import type { StepRequested, ValueRecorded } from './call-events.ts';
import type { Failure, Judgement, OutcomeKind, OutputsRef } from './outcome.ts';
import type { HandlerPhase } from './policies.ts';
import type {
  CancelRequested,
  RunAdmitted,
  RunFinished,
  RunParked,
  RunQueued,
  RunResumed,
  RunRetried,
  RunSignalled,
  RunStarted,
} from './run-events.ts';
import type { ApprovalAnswered, ApprovalRequested, WaitStarted } from './wait-events.ts';

export type { CallKind, StepRequested, ValueRecorded } from './call-events.ts';
export type { ApprovalAnswered, ApprovalRequested, WaitStarted } from './wait-events.ts';
export type {
  CancelRequested,
  FinalRunState,
  RunAdmitted,
  RunFinished,
  RunParked,
  RunQueued,
  RunResumed,
  RunRetried,
  RunSettings,
  RunSignalled,
  RunStarted,
  Trigger,
} from './run-events.ts';

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

/** Why a step was skipped. */
export type SkipReason =
  | 'condition'
  | 'upstream_failed'
  | 'upstream_skipped'
  | 'not_selected'
  | 'cancelled'
  | 'skip_code';

interface AttemptEvent {
  readonly step: StepKey;
  readonly attempt: number;
}

/** On disk before the process of the attempt may do anything. */
export type AttemptStarted = AttemptEvent & {
  readonly type: 'attempt.started';
  /** Counted from 0; above 0 only in a step that repeats. */
  readonly iteration: number;
  /** Why it runs and no recorded result stands for it; absent where nothing could have stood for it. */
  readonly why?: string;
  /** What a later run has to match in order to reuse the result. */
  readonly fingerprint?: ContentHash;
  /** Named units of resources that the attempt was given. */
  readonly units?: { readonly [resource: string]: readonly string[] };
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
  /** True in a step that repeats: whether this was its last iteration is decided next. */
  readonly continues?: boolean;
  /** Of a step with `generates`: what it made, as a list of `{path, hash, bytes, mode, link}`, the path relative to the flow's folder. */
  readonly generated?: OutputsRef;
  /** True when the exit code of a success says that there was nothing to do. */
  readonly skips?: boolean;
  /** What the task's own functions say about trying again. */
  readonly judged?: Judgement;
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

/** A group has not ended within its time: what is under way in it is ended, and nothing more of it begins. */
export type StepTimedOut = {
  readonly type: 'step.timed_out';
  readonly step: StepKey;
  readonly after_ms: number;
};

/** A step that repeats goes on with another iteration. */
export type IterationScheduled = {
  readonly type: 'iteration.scheduled';
  readonly step: StepKey;
  /** The number that the iteration will have, from 1. */
  readonly iteration: number;
  readonly delay_ms: number;
  readonly due: string;
};

/** A step could start, but for capacities that others hold. */
export type StepQueued = {
  readonly type: 'step.queued';
  readonly step: StepKey;
  readonly resources: readonly string[];
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
  /** What the step had made, as in `attempt.finished`. */
  readonly generated?: OutputsRef;
};

/** A map's list became known, or a group began: these are its children from now on, in this order. */
export type StepExpanded = {
  readonly type: 'step.expanded';
  readonly step: StepKey;
  /** Of a map: one child per item. */
  readonly items: readonly { readonly key: StepKey; readonly item: Json }[];
  /** Of a group (an item of a map, too): one child per member, keyed `group/member`. */
  readonly members?: readonly { readonly id: StepId; readonly needs: readonly StepId[] }[];
};

/** A sub-flow's run was created under this run's `children/`. */
export type ChildStarted = { readonly type: 'child.started'; readonly step: StepKey; readonly child: RunId };

/** Processes that outlived their attempt, or their orchestrator, were ended. */
export type ProcessesReaped = {
  readonly type: 'processes.reaped';
  readonly when: 'attempt_end' | 'run_end' | 'resume';
  readonly step: StepKey | null;
  readonly attempt: number | null;
  readonly pids: readonly number[];
};

/** Handlers of one phase begin; their steps are keyed `on_failure[0]`, or `load/on_failure[0]` for those of a step. */
export type HandlersStarted = {
  readonly type: 'handlers.started';
  readonly step: StepKey | null;
  readonly phase: HandlerPhase;
  readonly count: number;
};

/** A step published something for people to look at. */
export type ArtifactPublished = AttemptEvent & {
  readonly type: 'artifact.published';
  readonly name: string;
  readonly kind: 'file' | 'table' | 'markdown' | 'link' | 'image';
  /** Relative to the run's `artifacts/`; null for what is a value. */
  readonly file: string | null;
  /** The text of markdown, the rows of a table, `{url, title}` of a link; null for files. */
  readonly value?: Json;
};

/** Something a person should know that changes nothing. */
export type WarningRaised = {
  readonly type: 'warning.raised';
  readonly step: StepKey | null;
  readonly attempt: number | null;
  readonly code:
    | 'log_truncated'
    | 'journal_tail_torn'
    | 'processes_left'
    | 'artifacts'
    | 'result_not_kept'
    | 'calls_not_made';
  readonly message: string;
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
  | IterationScheduled
  | StepTimedOut
  | StepQueued
  | RunQueued
  | RunAdmitted
  | RunParked
  | RunRetried
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

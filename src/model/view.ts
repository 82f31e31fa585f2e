/**
 * What people and scripts see of a run: the rows of `runs --json` and the document of `show --json`. Derived on every look from
 * the record and from whether a live process owns the run; nothing of it is stored as a state.
 */

import type { ContentHash, RunId, StepKey } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { ProcessIdentity, SkipReason, Trigger } from './event.ts';
import type { Actor, Failure, OutcomeKind, OutputsRef } from './outcome.ts';
import type { AttemptRecord, RunRecord, RunWarning, StepPhase, StepRecord } from './run.ts';
import { runDuration, stepDuration } from './spans.ts';

/** States of a run as shown. `crashed`: it did not end and nobody owns it. */
export const RUN_STATES = [
  'scheduled',
  'queued',
  'running',
  'waiting',
  'cancelling',
  'succeeded',
  'failed',
  'cancelled',
  'skipped',
  'crashed',
] as const;

/** One of them. */
export type RunState = (typeof RUN_STATES)[number];

/** States of a step as shown. */
export type StepState =
  | 'pending'
  | 'queued'
  | 'running'
  | 'retrying'
  | 'waiting'
  | 'succeeded'
  | 'failed'
  | 'skipped'
  | 'cancelled';

/** Damage of a run's record, as listings show it. */
export interface RunProblem {
  readonly code: string;
  readonly message: string;
  readonly file: string;
  readonly offset: number | null;
}

/** How many steps of a run stand where; items of maps are counted, the maps themselves too. */
export interface StepCounts {
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly skipped: number;
  readonly cached: number;
}

/** One row of `runs --json`. */
export interface RunRow {
  readonly id: RunId;
  readonly flow: string | null;
  readonly version: number | null;
  readonly state: RunState;
  readonly exit_code: number | null;
  readonly trigger: Trigger | null;
  readonly params: JsonObject;
  readonly tags: readonly string[];
  readonly parent: RunId | null;
  readonly scheduled_for: string | null;
  readonly created_at: string | null;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly duration_ms: number | null;
  readonly steps: StepCounts;
  readonly timed_out: boolean;
  readonly resumes: number;
  readonly durability: 'full' | 'process';
  readonly problem?: RunProblem;
}

/** One attempt of `show --json`. */
export interface AttemptView {
  readonly number: number;
  readonly outcome: OutcomeKind | null;
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly error: Failure | null;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly duration_ms: number | null;
  readonly process: ProcessIdentity | null;
  readonly log: string;
}

/** One step of `show --json`. Outputs too large for the journal are filled in by the reader. */
export interface StepView {
  readonly id: string;
  readonly key: StepKey;
  readonly state: StepState;
  readonly cached: boolean;
  readonly timed_out: boolean;
  readonly tolerated: boolean;
  readonly flaky: boolean;
  readonly skip_reason: SkipReason | null;
  readonly why: string | null;
  readonly error: Failure | null;
  readonly needs: readonly StepKey[];
  readonly retry_due: string | null;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly duration_ms: number | null;
  readonly outputs: Json;
  readonly attempts: readonly AttemptView[];
}

/** Who asked for the end of a run, when, and why; `reason` is null where nobody said. */
export interface CancellationView {
  readonly by: Actor;
  readonly at: string;
  readonly reason: string | null;
}

/** The document of `show --json`. */
export interface RunDetail extends Omit<RunRow, 'steps'> {
  readonly counts: StepCounts;
  /** Null for a run that nobody wanted ended. */
  readonly cancellation: CancellationView | null;
  readonly outputs: Json;
  readonly error: Failure | null;
  readonly flow_hash: ContentHash;
  readonly warnings: readonly RunWarning[];
  readonly steps: readonly StepView[];
}

/** What a view needs beside the record. */
export interface ViewContext {
  /** True while a live process owns the run. */
  readonly live: boolean;
  /** Wall clock, milliseconds since the epoch; durations of what is still going on count up to it. */
  readonly now: number;
}

/** The state of a run as shown. */
export function runState(run: RunRecord, live: boolean): RunState {
  if (run.ending !== null) return run.ending.state;
  if (!live) return 'crashed';
  if (run.cancellation !== null) return 'cancelling';
  let waiting = false;
  for (const { phase } of run.steps.values()) {
    if (phase.kind === 'running' || phase.kind === 'undecided' || phase.kind === 'retrying') return 'running';
    if (phase.kind === 'waiting') waiting = true;
  }
  return waiting ? 'waiting' : 'running';
}

/** The row of a run. */
export function runRow(run: RunRecord, { live, now }: ViewContext): RunRow {
  return {
    id: run.id,
    flow: run.flow,
    version: run.version,
    state: runState(run, live),
    exit_code: run.ending?.exit_code ?? null,
    trigger: run.trigger,
    params: run.params,
    tags: run.tags,
    parent: run.parent?.run ?? null,
    scheduled_for: run.scheduled_for,
    created_at: run.started_at,
    started_at: run.started_at,
    finished_at: run.finished_at,
    duration_ms: runDuration(run, live, now),
    steps: countSteps(run),
    timed_out: run.ending?.timed_out ?? false,
    resumes: run.resumes,
    durability: run.settings.durability,
  };
}

/** Counts the steps of a run by where they stand; a failure that is tolerated counts as succeeded. */
export function countSteps(run: RunRecord): StepCounts {
  const counts = { total: run.steps.size, succeeded: 0, failed: 0, skipped: 0, cached: 0 };
  for (const { phase } of run.steps.values()) {
    if (phase.kind === 'succeeded') {
      counts.succeeded += 1;
      if (phase.reused) counts.cached += 1;
    } else if (phase.kind === 'failed') counts[phase.tolerated ? 'succeeded' : 'failed'] += 1;
    else if (phase.kind === 'skipped') counts.skipped += 1;
  }
  return counts;
}

/** The state of a step as shown; what a dead owner left open is `pending` again, for a resume will start it. */
export function stepState(run: RunRecord, phase: StepPhase, live: boolean): StepState {
  switch (phase.kind) {
    case 'running':
    case 'undecided':
      return live ? 'running' : 'pending';
    case 'pending':
      return 'pending';
    case 'retrying':
    case 'waiting':
      return run.ending === null ? phase.kind : 'pending';
    case 'succeeded':
    case 'failed':
    case 'skipped':
    case 'cancelled':
      return phase.kind;
  }
}

/**
 * The document of a run.
 * @param logPath gives the path of an attempt's log.
 * @param outputs gives the value of outputs; those that are stored apart were read before.
 */
export function runDetail(
  run: RunRecord,
  context: ViewContext,
  logPath: (step: StepKey, attempt: number) => string,
  outputs: (ref: OutputsRef) => Json,
): RunDetail {
  const { steps: counts, ...row } = runRow(run, context);
  return {
    ...row,
    counts,
    cancellation: cancellationView(run),
    outputs: run.ending === null || run.ending.outputs === null ? null : outputs(run.ending.outputs),
    error: run.ending?.error ?? null,
    flow_hash: run.flow_hash,
    warnings: run.warnings,
    steps: [...run.steps.values()].map((step) => stepView(run, step, context, logPath, outputs)),
  };
}

function cancellationView({ cancellation }: RunRecord): CancellationView | null {
  if (cancellation === null) return null;
  const { by, at, reason } = cancellation;
  return { by, at, reason };
}

function stepView(
  run: RunRecord,
  step: StepRecord,
  { live, now }: ViewContext,
  logPath: (step: StepKey, attempt: number) => string,
  outputs: (ref: OutputsRef) => Json,
): StepView {
  const { phase } = step;
  const last = step.attempts.at(-1);
  return {
    id: step.id,
    key: step.key,
    state: stepState(run, phase, live),
    cached: phase.kind === 'succeeded' && phase.reused,
    timed_out: phase.kind === 'failed' && last?.outcome === 'timed_out',
    tolerated: phase.kind === 'failed' && phase.tolerated,
    flaky: phase.kind === 'succeeded' && step.failures > 0,
    skip_reason: phase.kind === 'skipped' ? phase.reason : null,
    why: step.why,
    error: phase.kind === 'failed' ? phase.error : null,
    needs: step.needs,
    retry_due: phase.kind === 'retrying' ? phase.due : null,
    started_at: step.started_at,
    finished_at: step.finished_at,
    duration_ms: stepDuration(step, live, now),
    outputs: step.outputs === null ? null : outputs(step.outputs),
    attempts: step.attempts.map((attempt) => attemptView(step.key, attempt, live, logPath)),
  };
}

function attemptView(
  step: StepKey,
  attempt: AttemptRecord,
  live: boolean,
  logPath: (step: StepKey, attempt: number) => string,
): AttemptView {
  return {
    number: attempt.number,
    outcome: attempt.outcome ?? (live ? null : 'lost'),
    exit_code: attempt.exit_code,
    signal: attempt.signal,
    error: attempt.error,
    started_at: attempt.started_at,
    finished_at: attempt.finished_at,
    duration_ms: attempt.duration_ms,
    process: attempt.process,
    log: logPath(step, attempt.number),
  };
}

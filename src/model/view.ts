/**
 * What people and scripts see of a run: the rows of `runs --json` and the document of `show --json`. Derived on every look from
 * the record and from whether a live process owns the run; nothing of it is stored as a state.
 */

import { madeUpon } from './call-order.ts';
import type { ContentHash, RunId, StepKey } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { Trigger } from './event.ts';
import { stepsInOrder } from './order.ts';
import type { Actor, Failure, OutputsRef } from './outcome.ts';
import type { RunArtifact, RunRecord, RunWarning, StepRecord } from './run.ts';
import { runDuration } from './spans.ts';
import { type StepView, stepView } from './view-step.ts';

export { type AttemptView, type StepState, stepState, type StepView } from './view-step.ts';

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
  /** What the flow calls this run, see `run_name`. */
  readonly name: string | null;
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
  readonly artifacts: readonly RunArtifact[];
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
  if (!live) return run.parked ? 'waiting' : 'crashed';
  if (run.cancellation !== null) return 'cancelling';
  if (run.queued_for !== null) return 'queued';
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
    name: run.name,
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

/** Where the files of a run lie, for whoever looks at it. */
export interface RunPaths {
  /** The log of an attempt. */
  log(step: StepKey, attempt: number): string;
  /** A published file, named as it is on record. */
  artifact(file: string): string;
}

/**
 * The document of a run.
 * @param outputs gives the value of outputs; those that are stored apart were read before.
 * @param shown the steps that stand in it. Default: all of them, as people read them.
 */
export function runDetail(
  run: RunRecord,
  context: ViewContext,
  paths: RunPaths,
  outputs: (ref: OutputsRef) => Json,
  shown: readonly StepRecord[] = [...stepsInOrder(run)],
): RunDetail {
  const { steps: counts, ...row } = runRow(run, context);
  const upon = shown.some(({ call }) => call !== null) ? madeUpon(run) : NOTHING;
  return {
    ...row,
    counts,
    cancellation: cancellationView(run),
    outputs: run.ending === null || run.ending.outputs === null ? null : outputs(run.ending.outputs),
    error: run.ending?.error ?? null,
    flow_hash: run.flow_hash,
    warnings: run.warnings,
    artifacts: run.artifacts.map((artifact) =>
      artifact.file === null ? artifact : { ...artifact, file: paths.artifact(artifact.file) },
    ),
    steps: shown.map((step) =>
      stepView(run, step, { ...context, upon }, (key, attempt) => paths.log(key, attempt), outputs),
    ),
  };
}

const NOTHING: ReadonlyMap<StepKey, StepKey> = new Map();

function cancellationView({ cancellation }: RunRecord): CancellationView | null {
  if (cancellation === null) return null;
  const { by, at, reason } = cancellation;
  return { by, at, reason };
}

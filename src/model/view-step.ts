/** What people and scripts see of a step: the rows of `show --json`, and the one word for where it stands. */

import type { StepKey } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { CallKind, ProcessIdentity, SkipReason } from './event.ts';
import type { Failure, OutcomeKind, OutputsRef } from './outcome.ts';
import type { ApprovalAnswer, AttemptRecord, RunRecord, StepPhase, StepRecord, StepRole } from './run.ts';
import { stepDuration } from './spans.ts';
import type { ViewContext } from './view.ts';

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
  readonly role: StepRole;
  /** The group or map it belongs to, or the step whose handler it is. */
  readonly parent: StepKey | null;
  /** Of an item: its place in the map and what it stands for. */
  readonly index: number | null;
  readonly item: Json;
  /** Of a step that waits for a person or for something outside: what for. */
  readonly question: JsonObject | null;
  readonly answer: ApprovalAnswer | null;
  /** The run of a sub-flow. */
  readonly child: string | null;
  /** Of a step that a flow function called: what was called, by which step, and how people know it; null for others. */
  readonly call: {
    readonly kind: CallKind;
    readonly caller: StepKey | null;
    /** The call by the same caller whose end it was made upon; null: it waited for none. */
    readonly after: StepKey | null;
    readonly run_name: string | null;
    readonly tags: readonly string[];
  } | null;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly duration_ms: number | null;
  readonly outputs: Json;
  readonly attempts: readonly AttemptView[];
}

/** The state of a step as shown; what a dead owner left open is `pending` again, for a resume will start it. */
export function stepState(run: RunRecord, phase: StepPhase, live: boolean): StepState {
  switch (phase.kind) {
    case 'running':
    case 'undecided':
    case 'open':
      if (live) return 'running';
      // What a parked run has under way are sub-flows that wait, and maps and groups around what waits.
      return isLeftWaiting(run) ? 'waiting' : 'pending';
    case 'queued':
      return live ? 'queued' : 'pending';
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

/** The row of a step in `show --json`. */
export function stepView(
  run: RunRecord,
  step: StepRecord,
  { live, now, upon }: ViewContext & { readonly upon: ReadonlyMap<StepKey, StepKey> },
  logPath: (step: StepKey, attempt: number) => string,
  outputs: (ref: OutputsRef) => Json,
): StepView {
  const { phase } = step;
  const last = step.attempts.at(-1);
  const calledMap = step.role === 'item' && step.parent !== null ? (run.steps.get(step.parent)?.call ?? null) : null;
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
    retry_due: phase.kind === 'retrying' || phase.kind === 'waiting' ? phase.due : null,
    role: step.role,
    parent: step.parent,
    index: step.index,
    item: calledMap === null ? step.item : null,
    question: step.question,
    answer: step.answer,
    child: step.child,
    call:
      step.call !== null
        ? callView(step.call, upon.get(step.key) ?? null)
        : calledMap === null
          ? null
          : itemView(calledMap, step.item),
    started_at: step.started_at,
    finished_at: step.finished_at,
    duration_ms: stepDuration(step, live, now),
    outputs: step.outputs === null ? null : outputs(step.outputs),
    attempts: step.attempts.map((attempt) => attemptView(step.key, attempt, live || isLeftWaiting(run), logPath)),
  };
}

const isLeftWaiting = (run: RunRecord): boolean => run.parked && run.ending === null;

/** @param goesOn false where an attempt without an end has lost its owner. */
function attemptView(
  step: StepKey,
  attempt: AttemptRecord,
  goesOn: boolean,
  logPath: (step: StepKey, attempt: number) => string,
): AttemptView {
  return {
    number: attempt.number,
    outcome: attempt.outcome ?? (goesOn ? null : 'lost'),
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

function callView(
  { kind, caller, run_name, tags }: NonNullable<StepRecord['call']>,
  after: StepKey | null,
): StepView['call'] {
  return { kind, caller, after, run_name, tags };
}

/** An item of a map that was called. @param name what people know it by, where it has a name of its own. */
const itemView = ({ caller, tags }: NonNullable<StepRecord['call']>, name: Json): StepView['call'] => ({
  kind: 'task',
  caller,
  after: null,
  run_name: typeof name === 'string' ? name : null,
  tags,
});

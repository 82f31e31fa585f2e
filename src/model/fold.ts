/**
 * Events to run: the only code that changes a `RunRecord`. One event costs constant time (a resume: one walk over the steps).
 * An event that cannot follow what came before is reported, not applied: in the engine that is a bug, in a reader a damaged run.
 */

import type { RunId, StepKey } from '../base/ids.ts';
import { assertNever } from '../base/result.ts';
import type { RunEvent } from './event.ts';
import { isLegalMove } from './moves.ts';
import { addStep, beginNewLife } from './new-life.ts';
import type { Actor } from './outcome.ts';
import type { AttemptRecord, RunRecord, StepRecord } from './run.ts';

/** An event that cannot stand where it stands. */
export interface IllegalMove {
  readonly seq: number;
  readonly message: string;
}

type At<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

/** Makes the record of a run from its first event. */
export function beginRun(id: RunId, event: At<'run.started'>): RunRecord {
  const steps = new Map<StepKey, StepRecord>();
  for (const step of event.steps) addStep(steps, step);
  return {
    id,
    seq: event.seq,
    flow: event.flow,
    version: event.version,
    flow_hash: event.flow_hash,
    params: event.params,
    tags: event.tags,
    trigger: event.trigger,
    parent: event.parent,
    scheduled_for: event.scheduled_for,
    settings: event.settings,
    revision: 1,
    resumes: 0,
    started_at: event.time,
    life_began_at: event.time,
    last_event_at: event.time,
    finished_at: null,
    duration_ms: 0,
    steps,
    cancellation: null,
    ending: null,
    warnings: [],
    reaped: [],
  };
}

/**
 * Folds one more event into a run, in place.
 * @returns null, or why the event cannot follow; the run is unchanged then.
 */
export function applyEvent(run: RunRecord, event: RunEvent): IllegalMove | null {
  const illegal = (message: string): IllegalMove => ({ seq: event.seq, message: `${event.type}: ${message}` });
  if (event.seq !== run.seq + 1) return illegal(`follows event ${run.seq}`);
  if (run.ending !== null && event.type !== 'run.resumed') return illegal('the run had ended');
  const subject = 'step' in event && event.step !== null ? event.step : null;
  const step = subject === null ? null : run.steps.get(subject);
  if (step === undefined && event.type !== 'step.requested') return illegal(`unknown step ${subject}`);
  if (step && !isLegalMove(step.phase.kind, event.type)) return illegal(`step ${step.key} is ${step.phase.kind}`);
  const problem = step ? applyToStep(run, step, event) : applyToRun(run, event);
  if (problem !== null) return illegal(problem);
  run.seq = event.seq;
  if (!isAboutEarlierLife(event)) run.last_event_at = event.time;
  return null;
}

/** What a resume records of the life before it: recorded later than it happened. */
const isAboutEarlierLife = (event: RunEvent): boolean =>
  (event.type === 'attempt.finished' && event.outcome === 'lost') ||
  (event.type === 'processes.reaped' && event.when === 'resume');

/** Folds a whole journal. Stops at the first event that cannot follow. */
export function foldRun(
  id: RunId,
  events: readonly RunEvent[],
): { readonly run: RunRecord | null; readonly problem: IllegalMove | null } {
  const [first, ...rest] = events;
  if (first === undefined) return { run: null, problem: null };
  if (first.type !== 'run.started' || first.seq !== 1) {
    return { run: null, problem: { seq: first.seq, message: `${first.type}: stands first` } };
  }
  const run = beginRun(id, first);
  for (const event of rest) {
    const problem = applyEvent(run, event);
    if (problem !== null) return { run, problem };
  }
  return { run, problem: null };
}

function applyToRun(run: RunRecord, event: RunEvent): string | null {
  switch (event.type) {
    case 'run.started':
      return 'stands twice';
    case 'run.resumed':
      beginNewLife(run, event);
      return null;
    case 'run.cancel_requested':
      run.cancellation ??= { by: event.by, at: event.time, reason: event.reason, signal: null, signals: 0 };
      return null;
    case 'run.signalled': {
      const { signal } = event;
      const by: Actor = { kind: 'signal', signal };
      const before = run.cancellation ?? { by, at: event.time, reason: null, signal, signals: 0 };
      run.cancellation = { ...before, signal: before.signal ?? signal, signals: before.signals + 1 };
      return null;
    }
    case 'run.finished': {
      const { state, exit_code, outputs, timed_out, error } = event;
      run.ending = { state, exit_code, outputs, timed_out, error };
      run.finished_at = event.time;
      run.duration_ms += event.duration_ms;
      return null;
    }
    case 'warning.raised':
      run.warnings.push({ step: event.step, attempt: event.attempt, code: event.code, message: event.message });
      return null;
    case 'processes.reaped':
      run.reaped.push(...event.pids);
      return null;
    case 'step.requested':
      if (run.steps.has(event.step)) return `step ${event.step} stands twice`;
      addStep(run.steps, { id: event.name, needs: [] }, event.step);
      return null;
    case 'value.recorded':
    case 'handlers.started':
    case 'run.queued':
    case 'run.admitted':
    case 'run.parked':
    case 'run.retried':
      return null;
    default:
      return 'names no step';
  }
}

function applyToStep(run: RunRecord, step: StepRecord, event: RunEvent): string | null {
  switch (event.type) {
    case 'attempt.started':
      return startAttempt(step, event);
    case 'attempt.spawned':
    case 'attempt.finished': {
      const open = step.phase.kind === 'running' ? step.phase.attempt : null;
      if (open === null || open.number !== event.attempt) return `attempt ${event.attempt} is not open`;
      if (event.type === 'attempt.spawned') open.process = event.process;
      else finishAttempt(step, open, event);
      return null;
    }
    case 'retry.scheduled':
      step.phase = { kind: 'retrying', attempt: event.attempt, due: event.due, delay_ms: event.delay_ms };
      return null;
    case 'step.settled':
      step.outputs = event.outputs;
      step.finished_at = event.time;
      if (event.state === 'failed') step.phase = { kind: 'failed', tolerated: event.tolerated, error: event.error };
      else step.phase = event.state === 'succeeded' ? { kind: 'succeeded', reused: false } : { kind: 'cancelled' };
      return null;
    case 'step.skipped':
      step.phase = { kind: 'skipped', reason: event.reason };
      step.finished_at = event.time;
      return null;
    case 'step.reused':
      step.phase = { kind: 'succeeded', reused: true };
      step.outputs = event.outputs;
      step.why = event.why;
      step.started_at = event.time;
      step.finished_at = event.time;
      return null;
    case 'step.expanded':
      for (const { key } of event.items) addStep(run.steps, { id: step.id, needs: [] }, key);
      return null;
    case 'child.started':
      step.child = event.child;
      return null;
    case 'wait.started':
      step.phase = { kind: 'waiting', for: event.until === null ? 'condition' : 'time' };
      return null;
    case 'approval.requested':
      step.phase = { kind: 'waiting', for: 'approval' };
      return null;
    case 'approval.answered':
    case 'iteration.scheduled':
    case 'step.queued':
    case 'handlers.started':
    case 'artifact.published':
      return null;
    case 'processes.reaped':
    case 'warning.raised':
      return applyToRun(run, event);
    case 'run.started':
    case 'run.resumed':
    case 'run.cancel_requested':
    case 'run.signalled':
    case 'run.finished':
    case 'run.queued':
    case 'run.admitted':
    case 'run.parked':
    case 'run.retried':
    case 'value.recorded':
    case 'step.requested':
      return `names step ${step.key}`;
    default:
      return assertNever(event, 'event');
  }
}

function startAttempt(step: StepRecord, event: At<'attempt.started'>): string | null {
  if (event.attempt !== step.attempts.length + 1) return `attempt ${event.attempt} follows ${step.attempts.length}`;
  const attempt: AttemptRecord = {
    number: event.attempt,
    iteration: event.iteration,
    started_at: event.time,
    process: null,
    outcome: null,
    exit_code: null,
    signal: null,
    error: null,
    finished_at: null,
    duration_ms: null,
  };
  step.attempts.push(attempt);
  step.started_at ??= event.time;
  step.finished_at = null;
  step.phase = { kind: 'running', attempt };
  return null;
}

function finishAttempt(step: StepRecord, attempt: AttemptRecord, event: At<'attempt.finished'>): void {
  attempt.outcome = event.outcome;
  attempt.exit_code = event.exit_code;
  attempt.signal = event.signal;
  attempt.error = event.error;
  attempt.finished_at = event.time;
  attempt.duration_ms = event.duration_ms;
  if (event.outcome === 'failed' || event.outcome === 'timed_out') step.failures += 1;
  if (event.outcome === 'succeeded' && event.continues !== true && event.skips !== true) {
    step.phase = { kind: 'succeeded', reused: false };
    step.outputs = event.outputs;
    step.finished_at = event.time;
  } else {
    step.phase = { kind: 'undecided', attempt };
  }
}

/**
 * Events to run: the only code that changes a `RunRecord`. One event costs constant time (a resume: one walk over the steps).
 * An event that cannot follow what came before is reported, not applied: in the engine that is a bug, in a reader a damaged run.
 */

import { type RunId, type StepKey, stepKeyOf, stepKeysOf } from '../base/ids.ts';
import type { RunEvent } from './event.ts';
import { isLegalMove } from './moves.ts';
import { addHandlers, applyToStep } from './fold-step.ts';
import { beginNewLife, decideAnew } from './new-life.ts';
import type { Actor } from './outcome.ts';
import { isSettled, type RunRecord, type StepRecord } from './run.ts';
import { addStep } from './steps.ts';

/** An event that cannot stand where it stands. */
export interface IllegalMove {
  readonly seq: number;
  readonly message: string;
}

type At<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

/** Makes the record of a run from its first event. */
export function beginRun(id: RunId, event: At<'run.started'>): RunRecord {
  const steps = new Map<StepKey, StepRecord>();
  const made = new Map<StepKey, number>();
  for (const { id, needs } of event.steps) {
    addStep({ steps, made }, { id, key: stepKeyOf(id), needs: stepKeysOf(needs) });
  }
  return {
    id,
    seq: event.seq,
    flow: event.flow,
    name: event.name ?? null,
    version: event.version,
    flow_hash: event.flow_hash,
    params: event.params,
    tags: event.tags,
    trigger: event.trigger,
    parent: event.parent,
    scheduled_for: event.scheduled_for,
    previous_scheduled_for: event.previous_scheduled_for ?? null,
    vars: event.vars ?? {},
    settings: event.settings,
    revision: 1,
    resumes: 0,
    started_at: event.time,
    life_began_at: event.time,
    last_event_at: event.time,
    finished_at: null,
    duration_ms: 0,
    steps,
    made,
    cancellation: null,
    ending: null,
    warnings: [],
    artifacts: [],
    retries: 0,
    retry_due: null,
    retry_delay_ms: 0,
    handlers: [],
    queued_for: null,
    parked: false,
    reaped: [],
    values: { now: [], random: [], uuid: [] },
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
  if (run.parked && !UNPARKING.has(event.type)) return illegal('the run was parked');
  const subject = 'step' in event && event.step !== null ? event.step : null;
  const step = subject === null ? null : run.steps.get(subject);
  if (step === undefined && event.type !== 'step.requested') return illegal(`unknown step ${subject}`);
  if (step && !isLegalMove(step.phase.kind, event.type)) return illegal(`step ${step.key} is ${step.phase.kind}`);
  const problem = step ? applyToStep(run, step, event) : applyToRun(run, event);
  if (problem !== null) return illegal(problem);
  if (step && step.settled_at === null && isSettled(step.phase)) step.settled_at = event.seq;
  if (step?.call != null) step.call.made_at ??= event.seq;
  run.seq = event.seq;
  if (!isAboutEarlierLife(event)) run.last_event_at = event.time;
  return null;
}

/** What can follow when nobody stays with a run: a new life, or its end. What was lost is told before. */
const UNPARKING: ReadonlySet<RunEvent['type']> = new Set([
  'run.resumed',
  'run.cancel_requested',
  'processes.reaped',
  'attempt.finished',
]);

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

function noteCaught(run: RunRecord, keys: readonly StepKey[]): void {
  for (const key of keys) {
    const call = run.steps.get(key)?.call ?? null;
    if (call !== null) call.wasCaught = true;
  }
}

function addCall(run: RunRecord, event: At<'step.requested'>): void {
  const { step, name, needs, kind = 'task', caller = null, arguments_hash, seq, run_name = null, tags = [] } = event;
  const call = { kind, caller, arguments_hash, seq, made_at: seq, run_name, tags, wasCaught: false };
  addStep(run, { id: name, key: step, needs, call });
}

function applyToRun(run: RunRecord, event: RunEvent): string | null {
  switch (event.type) {
    case 'run.started':
      return 'stands twice';
    case 'run.resumed':
      beginNewLife(run, event);
      return null;
    case 'run.cancel_requested':
      run.parked = false;
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
      noteCaught(run, event.caught ?? []);
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
      addCall(run, event);
      return null;
    case 'handlers.started':
      if (run.handlers.includes(event.phase)) return `${event.phase} began before`;
      run.handlers = [...run.handlers, event.phase];
      addHandlers(run, null, event);
      return null;
    case 'run.queued':
      run.queued_for = event.group;
      return null;
    case 'run.admitted':
      run.queued_for = null;
      return null;
    case 'run.parked':
      run.parked = true;
      return null;
    case 'run.retried':
      run.retries = event.retry;
      run.retry_due = event.due;
      run.retry_delay_ms = event.delay_ms;
      noteCaught(run, event.caught ?? []);
      decideAnew(run, new Set(), true);
      return null;
    case 'value.recorded':
      run.values[event.kind].push(event.value);
      return null;
    default:
      return 'names no step';
  }
}

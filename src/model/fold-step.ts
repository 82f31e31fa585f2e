/** What an event makes of the step that it is about. Part of the fold: `fold.ts` has asked before whether it may stand there. */

import { handlerKeyOf, memberKeyOf, type StepId, type StepKey } from '../base/ids.ts';
import { assertNever } from '../base/result.ts';
import type { RunEvent } from './event.ts';
import { forget, restartBelow } from './new-life.ts';
import { addStep, removeOrphans, removeStep } from './steps.ts';
import { type AttemptRecord, attemptsMade, type RunRecord, type StepPhase, type StepRecord } from './run.ts';

type At<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

/**
 * Folds an event into the step that it names.
 * @returns null, or why it cannot follow; nothing has changed then.
 */
export function applyToStep(run: RunRecord, step: StepRecord, event: RunEvent): string | null {
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
      if (step.children !== null) step.failures += 1;
      step.phase = { kind: 'retrying', attempt: event.attempt, due: event.due, delay_ms: event.delay_ms };
      return null;
    case 'step.timed_out':
      step.timed_out_after_ms = event.after_ms;
      return null;
    case 'iteration.scheduled':
      step.phase = { kind: 'waiting', for: 'iteration', due: event.due, longest_ms: event.delay_ms };
      step.iteration = event.iteration;
      step.previous = step.outputs;
      // Each iteration has the whole budget of tries, and a sub-run of its own.
      step.failures = 0;
      step.child = null;
      return null;
    case 'step.settled':
      step.outputs = event.outputs;
      step.finished_at = event.time;
      if (event.state === 'failed') step.phase = { kind: 'failed', tolerated: event.tolerated, error: event.error };
      else step.phase = event.state === 'succeeded' ? { kind: 'succeeded', reused: false } : { kind: 'cancelled' };
      return null;
    case 'step.requested':
      return callAgain(run, step, event);
    case 'step.skipped':
      step.phase = { kind: 'skipped', reason: event.reason };
      step.finished_at = event.time;
      return null;
    case 'step.queued':
      step.phase = { kind: 'queued', resources: event.resources };
      return null;
    case 'step.reused':
      step.phase = { kind: 'succeeded', reused: true };
      step.outputs = event.outputs;
      step.generated = event.generated ?? null;
      step.why = event.why;
      step.started_at = event.time;
      step.finished_at = event.time;
      return null;
    case 'step.expanded':
      return expand(run, step, event);
    case 'child.started':
      step.child = event.child;
      return null;
    case 'wait.started':
      step.phase = {
        kind: 'waiting',
        for: event.until === null ? 'condition' : 'time',
        due: event.until,
        longest_ms: event.delay_ms ?? null,
      };
      step.question = event.for;
      step.started_at ??= event.time;
      return null;
    case 'approval.requested':
      step.phase = { kind: 'waiting', for: 'approval', due: event.expires, longest_ms: timeUntil(event) };
      step.question = { message: event.message, params: event.params };
      step.started_at ??= event.time;
      return null;
    case 'approval.answered': {
      if (step.answer !== null) return 'it was answered before';
      const { approved, by, params, comment, time } = event;
      step.answer = { approved, by, params, comment, at: time };
      return null;
    }
    case 'handlers.started':
      if (step.handlers.includes(event.phase)) return `its ${event.phase} began before`;
      step.handlers = [...step.handlers, event.phase];
      addHandlers(run, step.key, event);
      return null;
    case 'artifact.published': {
      const { type: _type, seq: _seq, time: _time, ...artifact } = event;
      run.artifacts.push(artifact);
      return null;
    }
    case 'processes.reaped':
      run.reaped.push(...event.pids);
      return null;
    case 'warning.raised':
      run.warnings.push({ step: event.step, attempt: event.attempt, code: event.code, message: event.message });
      return null;
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
      return `names step ${step.key}`;
    default:
      return assertNever(event, 'event');
  }
}

const timeUntil = ({ time, expires }: At<'approval.requested'>): number | null =>
  expires === null ? null : Math.max(0, Date.parse(expires) - Date.parse(time));

function callAgain(run: RunRecord, step: StepRecord, { name, arguments_hash }: At<'step.requested'>): string | null {
  if (step.call === null) return 'it is no call';
  if (step.id !== name) return `it is a call of ${step.id}`;
  step.call.arguments_hash = arguments_hash;
  step.call.wasCaught = false;
  const hadChildren = step.children !== null;
  for (const key of step.children ?? []) {
    const child = run.steps.get(key);
    if (child !== undefined) removeStep(run, child);
  }
  forget(step);
  if (hadChildren) removeOrphans(run);
  return null;
}

/** Adds the steps of a phase of handlers; each needs the one before. */
export function addHandlers(run: RunRecord, owner: StepKey | null, { phase, count }: At<'handlers.started'>): void {
  for (let index = 0; index < count; index += 1) {
    const key = handlerKeyOf(owner, phase, index);
    const needs = index === 0 ? [] : [handlerKeyOf(owner, phase, index - 1)];
    addStep(run, { id: `${phase}[${index}]` as StepId, key, role: 'handler', parent: owner, index, needs });
  }
}

function expand(run: RunRecord, step: StepRecord, { items, members, time }: At<'step.expanded'>): string | null {
  // A group that is tried again has its members already, and those that succeeded keep what they did.
  if (step.children !== null) {
    restartBelow(run, step);
    step.phase = { kind: 'open' };
    return null;
  }
  const keys = [...items.map(({ key }) => key), ...(members ?? []).map(({ id }) => memberKeyOf(step.key, id))];
  const taken = keys.find((key) => run.steps.has(key));
  if (taken !== undefined) return `step ${taken} stands twice`;
  items.forEach(({ key, item }, index) => {
    addStep(run, { id: step.id, key, role: 'item', parent: step.key, index, item, needs: [] });
  });
  for (const { id, needs } of members ?? []) {
    addStep(run, {
      id,
      key: memberKeyOf(step.key, id),
      role: 'step',
      parent: step.key,
      needs: needs.map((need) => memberKeyOf(step.key, need)),
    });
  }
  step.children = keys;
  step.phase = { kind: 'open' };
  step.started_at ??= time;
  step.finished_at = null;
  return null;
}

function startAttempt(step: StepRecord, event: At<'attempt.started'>): string | null {
  // Journals of flowctl 0.1 count those of a step that came again from 1.
  if (event.attempt === 1 && step.attempts.length === 0) step.earlier = 0;
  const made = attemptsMade(step);
  if (event.attempt !== made + 1) return `attempt ${event.attempt} follows ${made}`;
  const attempt: AttemptRecord = {
    number: event.attempt,
    iteration: event.iteration,
    started_at: event.time,
    process: null,
    outcome: null,
    skips: false,
    exit_code: null,
    signal: null,
    error: null,
    finished_at: null,
    duration_ms: null,
  };
  // V8 gives a list that something is pushed to room for sixteen more.
  if (step.attempts.length === 0) step.attempts = [attempt];
  else step.attempts.push(attempt);
  step.iteration = event.iteration;
  step.started_at ??= event.time;
  step.finished_at = null;
  if (event.why !== undefined) step.why = event.why;
  step.phase = { kind: 'running', attempt };
  return null;
}

/** Nothing of it is a step's own. */
const SUCCEEDED: StepPhase = { kind: 'succeeded', reused: false };

function finishAttempt(step: StepRecord, attempt: AttemptRecord, event: At<'attempt.finished'>): void {
  attempt.outcome = event.outcome;
  attempt.skips = event.skips === true;
  attempt.exit_code = event.exit_code;
  attempt.signal = event.signal;
  attempt.error = event.error;
  attempt.finished_at = event.time;
  attempt.duration_ms = event.duration_ms;
  if (event.judged !== undefined) attempt.judged = event.judged;
  if (event.outcome === 'failed' || event.outcome === 'timed_out') step.failures += 1;
  if (event.outcome === 'succeeded' && event.skips !== true) {
    step.outputs = event.outputs;
    step.generated = event.generated ?? null;
  }
  if (event.outcome === 'succeeded' && event.continues !== true && event.skips !== true) {
    step.phase = SUCCEEDED;
    step.finished_at = event.time;
  } else {
    step.phase = { kind: 'undecided', attempt };
  }
}

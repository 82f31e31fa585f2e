/** What a resume makes of a run, or its own `retry`: which steps are decided anew, and with what budget. Part of the fold. */

import { type StepKey, stepKeyOf, stepKeysOf } from '../base/ids.ts';
import type { RunResumed } from './event.ts';
import { handlersOf } from './order.ts';
import { isSettled, type RunRecord, type StepRecord } from './run.ts';
import { addStep, removeOrphans, removeStep } from './steps.ts';

/**
 * A new life of the run. Had it ended, everything that did not succeed has a fresh budget and is decided anew, but for failures
 * that were tolerated: what needed them has used that result. Had it not, the arithmetic of failed steps goes on, and only
 * what the dying run skipped or cancelled is decided anew.
 */
export function beginNewLife(run: RunRecord, event: RunResumed & { readonly time: string }): void {
  const ended = run.ending !== null;
  for (const { id, needs } of event.steps) {
    const key = stepKeyOf(id);
    const step = run.steps.get(key);
    if (step) step.needs = stepKeysOf(needs);
    else addStep(run, { id, key, needs: stepKeysOf(needs) });
  }
  const kept = new Set(event.steps.map(({ id }) => stepKeyOf(id)));
  for (const step of run.steps.values()) {
    const isOwn = step.parent === null && step.role === 'step' && step.call === null;
    if (isOwn && !kept.has(step.key)) removeStep(run, step);
  }
  removeOrphans(run);
  decideAnew(run, new Set(event.reset), ended, event.revision !== run.revision);
  if (!ended) run.duration_ms += Math.max(0, Date.parse(run.last_event_at) - Date.parse(run.life_began_at));
  run.life_began_at = event.time;
  run.settings = event.settings;
  run.params = event.params;
  run.revision = event.revision;
  run.flow_hash = event.flow_hash;
  run.resumes += 1;
  run.cancellation = null;
  run.ending = null;
  run.finished_at = null;
  run.parked = false;
  run.queued_for = null;
  if (ended) {
    run.retries = 0;
    run.retry_due = null;
  }
}

/**
 * Sends back to the start what is to be decided again. A map or a group that did not succeed is opened again, with those of its
 * children that did; one that is reset begins with none.
 * @param ended true when the run had come to an end of its own.
 * @param isEdited true when steps may mean something else than before. Default: false.
 */
export function decideAnew(run: RunRecord, reset: ReadonlySet<StepKey>, ended: boolean, isEdited = false): void {
  const reopened = ancestorsOf(run, reset);
  const stands = !ended && !isEdited && isHandledAsItIs(run, reset);
  let isHandled = true;
  // Every step stands behind its parent, so that a parent's fate is known before its children's.
  for (const step of run.steps.values()) {
    const parent = step.parent === null ? null : run.steps.get(step.parent);
    if (parent === undefined || (parent?.children === null && step.role !== 'handler')) removeStep(run, step);
    else if (step.role === 'handler') keepHandler(run, step, parent, ended);
    else if (reset.has(step.key)) {
      isHandled = false;
      forget(step);
    } else if (
      reopened.has(step.key) ||
      (!isOver(parent) && !(stands && step.phase.kind === 'skipped') && isDecidedAnew(step, parent, ended))
    ) {
      isHandled = false;
      restart(step);
    } else if (step.phase.kind === 'queued') step.phase = { kind: 'pending' };
  }
  if (ended || !isHandled) {
    run.handlers = [];
    for (const step of run.steps.values()) {
      if (step.role === 'handler' && step.parent === null) removeStep(run, step);
    }
  }
  removeOrphans(run);
}

/**
 * True when the handlers of the run had begun and nothing but skipped steps could be decided anew: they would be skipped again, and what
 * handlers have done by then was done for the same end.
 */
function isHandledAsItIs(run: RunRecord, reset: ReadonlySet<StepKey>): boolean {
  if (run.handlers.length === 0 || reset.size > 0) return false;
  return [...run.steps.values()].every((step) => {
    if (step.role === 'handler' || step.phase.kind === 'skipped') return true;
    const parent = step.parent === null ? null : (run.steps.get(step.parent) ?? null);
    return isOver(parent) || !isDecidedAnew(step, parent, false);
  });
}

/** Nothing is opened again of what belongs to a map or a group that stands. */
const isInsideOfWhatIsOver = (run: RunRecord, owner: StepRecord | null): boolean =>
  owner !== null && owner.parent !== null && isOver(run.steps.get(owner.parent) ?? null);

const isOver = (parent: StepRecord | null): boolean => parent !== null && isSettled(parent.phase);

function ancestorsOf(run: RunRecord, keys: ReadonlySet<StepKey>): ReadonlySet<StepKey> {
  const found = new Set<StepKey>();
  for (const key of keys) {
    for (let step = run.steps.get(key); step?.parent != null; step = run.steps.get(step.parent)) found.add(step.parent);
  }
  return found;
}

/** The handlers of a step that begins again are gone with its end; those of a step that stands are decided as steps are. */
function keepHandler(run: RunRecord, step: StepRecord, owner: StepRecord | null, ended: boolean): void {
  if (owner !== null && owner.handlers.length === 0) removeStep(run, step);
  else if (!isInsideOfWhatIsOver(run, owner) && isDecidedAnew(step, null, ended)) restart(step);
}

function isDecidedAnew(step: StepRecord, parent: StepRecord | null, ended: boolean): boolean {
  switch (step.phase.kind) {
    case 'succeeded':
    case 'running':
    case 'waiting':
    case 'open':
    case 'queued':
      return false;
    case 'skipped':
      return step.phase.reason !== 'not_selected';
    case 'cancelled':
      return true;
    case 'undecided':
      return ended || step.phase.attempt.outcome === 'cancelled';
    case 'pending':
    case 'retrying':
      return ended;
    case 'failed':
      // `if_lost: fail`: only a person who names the step may start it again.
      if (!ended || step.phase.error?.code === 'lost_attempt' || step.call?.wasCaught === true) return false;
      // What a map tolerated has served nobody when the map itself did not succeed.
      return !step.phase.tolerated || (step.role === 'item' && parent !== null);
  }
}

/** A group is tried again: what did not succeed in it goes back to the start, at any depth. */
export function restartBelow(run: RunRecord, group: StepRecord): void {
  group.timed_out_after_ms = null;
  for (const key of group.children ?? []) {
    const child = run.steps.get(key);
    if (child === undefined || !isDecidedAnew(child, group, true)) continue;
    for (const handler of handlersOf(run, child.key, child.handlers)) removeStep(run, handler);
    if (child.children !== null) restartBelow(run, child);
    restart(child);
  }
}

/** Back to the start with a fresh budget; children that it has stay. */
function restart(step: StepRecord): void {
  step.phase = step.children === null ? { kind: 'pending' } : { kind: 'open' };
  step.failures = 0;
  step.outputs = null;
  step.previous = null;
  step.iteration = 0;
  step.handlers = [];
  step.timed_out_after_ms = null;
  step.answer = null;
  step.generated = null;
  step.finished_at = null;
  step.settled_at = null;
  if (step.call === null) return;
  step.call.wasCaught = false;
  step.call.made_at = null;
}

/** Back to the start, without children and without a run of its own. */
export function forget(step: StepRecord): void {
  restart(step);
  step.phase = { kind: 'pending' };
  step.children = null;
  step.child = null;
}

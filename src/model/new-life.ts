/** What a resume makes of a run: which steps are decided anew, and with what budget. Part of the fold. */

import { stepKeyOf, type StepKey } from '../base/ids.ts';
import type { RunResumed, RunStarted } from './event.ts';
import type { RunRecord, StepRecord } from './run.ts';

/** Adds a step to a run; nothing has happened to it. */
export function addStep(
  steps: Map<StepKey, StepRecord>,
  step: RunStarted['steps'][number],
  key = stepKeyOf(step.id),
): void {
  steps.set(key, {
    id: step.id,
    key,
    needs: step.needs.map(stepKeyOf),
    phase: { kind: 'pending' },
    attempts: [],
    failures: 0,
    outputs: null,
    why: null,
    started_at: null,
    finished_at: null,
    child: null,
  });
}

/**
 * A new life of the run. Had it ended, everything that did not succeed has a fresh budget and is decided anew, but for failures
 * that were tolerated: what needed them has used that result. Had it not, the arithmetic of failed steps goes on, and only
 * what the dying run skipped or cancelled is decided anew.
 */
export function beginNewLife(run: RunRecord, event: RunResumed & { readonly time: string }): void {
  const ended = run.ending !== null;
  const reset = new Set(event.reset);
  for (const { id, needs } of event.steps) {
    const step = run.steps.get(stepKeyOf(id));
    if (step) step.needs = needs.map(stepKeyOf);
    else addStep(run.steps, { id, needs });
  }
  const kept = new Set(event.steps.map(({ id }) => stepKeyOf(id)));
  for (const step of run.steps.values()) {
    if (!kept.has(step.key)) run.steps.delete(step.key);
    else if (reset.has(step.key) || isDecidedAnew(step, ended)) restart(step);
  }
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
}

function isDecidedAnew(step: StepRecord, ended: boolean): boolean {
  switch (step.phase.kind) {
    case 'succeeded':
    case 'running':
    case 'waiting':
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
      return ended && !step.phase.tolerated && step.phase.error?.code !== 'lost_attempt';
  }
}

function restart(step: StepRecord): void {
  step.phase = { kind: 'pending' };
  step.failures = 0;
  step.outputs = null;
  step.finished_at = null;
}

/**
 * A new life of a run whose owner is gone, or that had ended without success. Says which events open it; called under the run's
 * lock, after every process of the earlier life was ended. What was lost is recorded first, as an observation; then the resume.
 */

import type { ContentHash, StepId, StepKey } from '../base/ids.ts';
import { stepKeyOf } from '../base/ids.ts';
import { withDownstream } from '../model/graph.ts';
import type { JsonObject } from '../base/json.ts';
import type { EventBody, RunSettings } from '../model/event.ts';
import type { Actor } from '../model/outcome.ts';
import { isSatisfied, type RunRecord, type StepRecord } from '../model/run.ts';
import type { Plan } from './plan.ts';

/** What a resume asks for. */
export interface ResumeRequest {
  readonly by: Actor;
  readonly settings: RunSettings;
  readonly params: JsonObject;
  /** Number and hash of the definition that holds from now on. */
  readonly revision: number;
  readonly flow_hash: ContentHash;
  /** Steps that are to run again with all that follows from them, whatever their record says. */
  readonly again: readonly StepId[];
  /** Processes of the earlier life that were ended. */
  readonly reaped: readonly number[];
}

/** The events that open a new life. Cut after any of them, the next resume comes to the same end. */
export function recover(run: RunRecord, plan: Plan, request: ResumeRequest): readonly EventBody[] {
  const { by, settings, params, revision, flow_hash, again, reaped } = request;
  const events: EventBody[] = [];
  // An ended run takes no event but its resume, so what was ended for it is told afterwards.
  const reapedEvents: EventBody[] =
    reaped.length === 0 ? [] : [{ type: 'processes.reaped', when: 'resume', step: null, attempt: null, pids: reaped }];
  if (run.ending === null) events.push(...reapedEvents, ...lostAttempts(run));
  const steps = plan.flow.steps.map(({ id, needs }) => ({ id, needs }));
  const reset = resetSteps(run, plan, again);
  events.push({ type: 'run.resumed', by, revision, flow_hash, settings, params, steps, reset });
  if (run.ending !== null) events.push(...reapedEvents);
  return events;
}

/**
 * The events that open the last life of a run that nobody owns, and that somebody wants ended: what was lost, then the request. It
 * is no resume: nothing is decided anew, and the decider settles whatever is open as it does in every run that is being ended.
 */
export function cancelUnowned(
  run: RunRecord,
  { by, reason, reaped }: { readonly by: Actor; readonly reason: string | null; readonly reaped: readonly number[] },
): readonly EventBody[] {
  const events: EventBody[] =
    reaped.length === 0 ? [] : [{ type: 'processes.reaped', when: 'resume', step: null, attempt: null, pids: reaped }];
  return [...events, ...lostAttempts(run), { type: 'run.cancel_requested', by, reason }];
}

function lostAttempts(run: RunRecord): EventBody[] {
  const events: EventBody[] = [];
  for (const { key, phase } of run.steps.values()) {
    if (phase.kind !== 'running') continue;
    const detail = 'flowctl ended before this attempt was recorded as ended';
    events.push({
      type: 'attempt.finished',
      step: key,
      attempt: phase.attempt.number,
      outcome: 'lost',
      exit_code: null,
      signal: null,
      error: { code: 'lost_attempt', message: detail },
      outputs: null,
      duration_ms: null,
    });
  }
  return events;
}

function resetSteps(run: RunRecord, plan: Plan, again: readonly StepId[]): readonly StepKey[] {
  if (again.length === 0) return [];
  const reset: StepKey[] = [];
  for (const index of withDownstream(plan.graph, again)) {
    const key = plan.keys[index];
    if (key !== undefined && run.steps.has(key)) reset.push(key);
  }
  return reset;
}

/** Succeeded, or failed and allowed to: what needs it has used its result. */
const isDone = (step: StepRecord | undefined): boolean => step !== undefined && isSatisfied(step.phase);

/** How the steps of a new definition stand to what a run has already done. */
export interface RevisionComparison {
  /** Steps that differ, were added or removed; empty when the definitions mean the same. */
  readonly changed: readonly StepId[];
  /** Those of them that had succeeded: taking them over would contradict what is recorded. */
  readonly contradicting: readonly StepId[];
}

/**
 * Compares two definitions of a run's flow, step by step.
 * @param before fingerprints of the steps as the run knows them.
 * @param after fingerprints of the steps as they are now.
 */
export function compareRevisions(
  run: RunRecord,
  before: ReadonlyMap<StepId, ContentHash>,
  after: ReadonlyMap<StepId, ContentHash>,
): RevisionComparison {
  const ids = new Set([...before.keys(), ...after.keys()]);
  const changed = [...ids].filter((id) => before.get(id) !== after.get(id));
  const contradicting = changed.filter((id) => isDone(run.steps.get(stepKeyOf(id))));
  return { changed, contradicting };
}

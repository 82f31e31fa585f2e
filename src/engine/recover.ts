/**
 * A new life of a run whose owner is gone, or that had ended without success. Says which events open it; called under the run's
 * lock, after every process of the earlier life was ended. What was lost is recorded first, as an observation; then the resume.
 */

import type { ContentHash } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import type { EventBody, RunSettings } from '../model/event.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { Actor, Failure } from '../model/outcome.ts';
import type { RunRecord } from '../model/run.ts';
import type { Plan } from './plan.ts';
import { resetSteps, restructured } from './revisions.ts';

/** What a resume asks for. */
export interface ResumeRequest {
  readonly by: Actor;
  readonly settings: RunSettings;
  readonly params: JsonObject;
  /** Number and hash of the definition that holds from now on. */
  readonly revision: number;
  readonly flow_hash: ContentHash;
  /** Steps that are to run again with all that follows from them, whatever their record says; also by the keys of members and items. */
  readonly again: readonly string[];
  /** The definition that held until now, where it is another one. */
  readonly before?: FlowDefinition;
  /** Processes of the earlier life that were ended. */
  readonly reaped: readonly number[];
}

/** The events that open a new life. Cut after any of them, the next resume comes to the same end. */
export function recover(run: RunRecord, plan: Plan, request: ResumeRequest): readonly EventBody[] {
  const { by, settings, params, revision, flow_hash, again, reaped, before } = request;
  const events: EventBody[] = [];
  // An ended run takes no event but its resume, so what was ended for it is told afterwards.
  const reapedEvents: EventBody[] =
    reaped.length === 0 ? [] : [{ type: 'processes.reaped', when: 'resume', step: null, attempt: null, pids: reaped }];
  if (run.ending === null) events.push(...reapedEvents, ...lostAttempts(run));
  const steps = plan.flow.steps.map(({ id, needs }) => ({ id, needs }));
  const reset = [...new Set([...resetSteps(run, plan, again), ...restructured(run, plan, before ?? null)])];
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
    const error: Failure = run.parked
      ? { code: 'left_waiting', message: 'its sub-flow was left waiting' }
      : { code: 'lost_attempt', message: 'flowctl ended before this attempt was recorded as ended' };
    events.push({
      type: 'attempt.finished',
      step: key,
      attempt: phase.attempt.number,
      outcome: 'lost',
      exit_code: null,
      signal: null,
      error,
      outputs: null,
      duration_ms: null,
    });
  }
  return events;
}

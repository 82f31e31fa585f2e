/** What becomes of recorded calls that a flow function makes no more. */

import type { StepKey } from '../base/ids.ts';
import type { EventBody } from '../model/event.ts';
import { isSettled, type RunRecord, type StepRecord } from '../model/run.ts';

const NAMED = 5;

/**
 * The events that close the calls of earlier lives that were not made again: those that had not ended are given up, and where some had
 * ended, people are told.
 * @param made the calls of this life.
 */
export function unmadeCalls(run: RunRecord, made: ReadonlySet<StepKey>): readonly EventBody[] {
  const unmade = [...run.steps.values()].filter(
    ({ key, call }) => call !== null && call.caller === null && !made.has(key),
  );
  if (unmade.length === 0) return [];
  const events = [...run.steps.values()].filter((step) => isPartOf(run, step, unmade)).map(givenUp);
  const ended = unmade.filter(({ phase }) => phase.kind === 'succeeded').map(({ key }) => key);
  if (ended.length === 0) return events;
  const more = ended.length > NAMED ? ` and ${ended.length - NAMED} more` : '';
  const message = `calls that are recorded were not made any more: ${ended.slice(0, NAMED).join(', ')}${more}`;
  return [...events, { type: 'warning.raised', step: null, attempt: null, code: 'calls_not_made', message }];
}

/** True for an open step that is such a call, or belongs to one. */
function isPartOf(run: RunRecord, step: StepRecord, unmade: readonly StepRecord[]): boolean {
  if (isSettled(step.phase)) return false;
  const gone = new Set(unmade);
  for (let at: StepRecord | undefined = step; at !== undefined; ) {
    if (gone.has(at)) return true;
    const above: StepKey | null = at.parent ?? at.call?.caller ?? null;
    at = above === null ? undefined : run.steps.get(above);
  }
  return false;
}

const givenUp = ({ key, phase }: StepRecord): EventBody =>
  phase.kind === 'pending' || phase.kind === 'queued' || phase.kind === 'undecided'
    ? { type: 'step.skipped', step: key, reason: 'condition' }
    : { type: 'step.settled', step: key, state: 'cancelled', tolerated: false, error: null, outputs: null };

/** How long a run and its steps were executed. */

import type { RunRecord, StepRecord } from './run.ts';

const span = (from: string | null, to: number | string | null): number | null => {
  if (from === null || to === null) return null;
  return Math.max(0, (typeof to === 'number' ? to : Date.parse(to)) - Date.parse(from));
};

/** The time a run was executed: what lay between its lives is not counted in. */
export function runDuration(run: RunRecord, live: boolean, now: number): number {
  if (run.ending !== null) return run.duration_ms;
  return run.duration_ms + (span(run.life_began_at, live ? now : run.last_event_at) ?? 0);
}

/** The time a step was executed: the sum of its attempts. Of one that was lost nothing is known. */
export function stepDuration({ attempts }: StepRecord, live: boolean, now: number): number | null {
  if (attempts.length === 0) return null;
  return attempts.reduce((sum, { started_at, outcome, duration_ms }) => {
    const open = outcome === null && live ? span(started_at, now) : 0;
    return sum + (duration_ms ?? open ?? 0);
  }, 0);
}

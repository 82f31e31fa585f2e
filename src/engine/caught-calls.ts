/** Which failures of a flow function's calls stand when its run is resumed, and which calls are made again. */

import type { StepKey } from '../base/ids.ts';
import type { RunRecord, StepRecord } from '../model/run.ts';

/** What is known of the function's way. */
export interface ScriptCourse {
  /** The calls whose failures it failed of. */
  readonly blamed: readonly string[];
  /** The last event by which it asked for anything. */
  readonly lastAsked: number;
  /** The last event before it settled. */
  readonly settledAt: number;
}

/**
 * The calls that failed, and from which the function went on: it asked for something afterwards, and it is not of them that it failed. They
 * stand, for what follows rests on them; every other failure is what a resume is there to mend.
 */
export function caughtCalls(run: RunRecord, { blamed, lastAsked, settledAt }: ScriptCourse): readonly StepKey[] {
  const causes = new Set(blamed);
  const stands = ({ key, phase, call, settled_at }: StepRecord): boolean => {
    if (phase.kind !== 'failed' || call === null || call.caller !== null || causes.has(key)) return false;
    return call.wasCaught || (settled_at !== null && settled_at < lastAsked && settled_at <= settledAt);
  };
  return [...run.steps.values()].filter(stands).map(({ key }) => key);
}

/** The last event by which an earlier life of the function made a call; 0 where there is none. */
export function lastRequest(run: RunRecord): number {
  let last = 0;
  for (const { call } of run.steps.values()) if (call !== null && call.caller === null) last = Math.max(last, call.seq);
  return last;
}

/** What a flow function itself printed: one log for each life of its run. */

import { existsSync } from 'node:fs';
import type { RunRecord } from '../model/run.ts';
import { SCRIPT_KEY } from '../runners/script-key.ts';
import { logPath, type RunLayout } from '../store/layout.ts';

/** A log, as `flowctl logs` lists it. */
interface FlowLog {
  readonly step: string;
  readonly attempt: number;
  readonly started_at: string;
  readonly log: string;
}

/** The logs of a run's flow function; none for a run without one, and none that is empty. @param life only this one; absent: all. */
export function flowLogs(layout: RunLayout, record: RunRecord, life: number | undefined): readonly FlowLog[] {
  const { resumes, retries, started_at } = record;
  const lives = Array.from({ length: resumes + retries + 1 }, (_, index) => index + 1);
  return lives
    .filter((each) => life === undefined || each === life)
    .map((attempt) => ({ step: SCRIPT_KEY, attempt, started_at, log: logPath(layout, SCRIPT_KEY, attempt) }))
    .filter(({ log }) => existsSync(log));
}

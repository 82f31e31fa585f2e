/**
 * When old runs were last looked for: the time of an empty file. A wall clock that is years ahead would make every run an old one, so
 * nothing is done when the last look lies further back than anybody's clock would be right about, or in the future: only the time is noted.
 */

import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { FILE_MODE } from './durable-files.ts';
import type { StateLayout } from './layout.ts';

const DAY_MS = 86_400_000;
/** A project whose last run is older than this has no run that has to go today. */
const LONGEST_PAUSE_MS = 366 * DAY_MS;

/**
 * Called when a run has ended. True at most once a day: then old runs are to be looked for, and the next time is noted.
 * @param now milliseconds since the epoch.
 */
export async function isRetentionDue(state: StateLayout, now: number): Promise<boolean> {
  const stats = await lstat(state.retained).catch(() => null);
  const age = stats === null ? Number.POSITIVE_INFINITY : now - stats.mtimeMs;
  if (age >= 0 && age < DAY_MS) return false;
  await noteRetention(state, now);
  return age >= DAY_MS && age < LONGEST_PAUSE_MS;
}

/** Says that there is more to do than could be done now: the next run to end goes on with it. */
export const postponeRetention = (state: StateLayout, now: number): Promise<void> => noteRetention(state, now - DAY_MS);

async function noteRetention(state: StateLayout, at: number): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
  const file = await open(state.retained, flags, FILE_MODE);
  try {
    await file.utimes(at / 1_000, at / 1_000);
  } finally {
    await file.close();
  }
}

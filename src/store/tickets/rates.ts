/**
 * Limits of starts: at most `max` within any span of `per_ms`. Starts are kept as a log over that span, those close together in one
 * entry, which counts until its last start is too old: never too few are counted, and a thousand entries are enough for any limit.
 */

import type { Capacity } from '../../model/project.ts';
import type { Starts } from './book.ts';

/** A capacity that is a rate. */
export type Rate = Extract<Capacity, { kind: 'rate' }>;

const ENTRIES_PER_SPAN = 1_000;

/** The starts that still count. */
export const recentStarts = (starts: readonly Starts[], rate: Rate, now: number): readonly Starts[] =>
  starts.filter(([, last]) => now - last <= rate.per_ms);

/** How many may start now. */
export function freeStarts(starts: readonly Starts[], rate: Rate, now: number): number {
  return rate.max - recentStarts(starts, rate, now).reduce((sum, [, , units]) => sum + units, 0);
}

/** The log with a start more. */
export function withStart(starts: readonly Starts[], rate: Rate, now: number, units: number): readonly Starts[] {
  const recent = recentStarts(starts, rate, now);
  const newest = recent.at(-1);
  if (newest === undefined || now - newest[0] >= rate.per_ms / ENTRIES_PER_SPAN) return [...recent, [now, now, units]];
  return [...recent.slice(0, -1), [newest[0], Math.max(now, newest[1]), newest[2] + units]];
}

/** When so many may start, if nothing else starts before: ms of the same clock; `now` when they may already. */
export function whenFree(starts: readonly Starts[], rate: Rate, now: number, units: number): number {
  let free = freeStarts(starts, rate, now);
  for (const [, last, count] of recentStarts(starts, rate, now)) {
    if (free >= units) break;
    free += count;
    if (free >= units) return last + rate.per_ms + 1;
  }
  return now;
}

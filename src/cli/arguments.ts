/** Values of options, read strictly. */

import { UsageError } from './session.ts';

/** Reads a whole number of at least 1. @param flag the option that takes it. */
export const positiveInteger =
  (flag: string) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= 1) return value;
    throw new UsageError(`\`${flag} ${text}\`: expected a whole number of at least 1`);
  };

/** The value of `--since`: an instant: RFC 3339 or a date, or a duration that reaches back from now (`2d`). Milliseconds since the epoch. */
export function instantOrAge(text: string, now: number, durationOf: (text: string) => number | null): number {
  const age = durationOf(text);
  if (age !== null) return now - age;
  const instant = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(instant))
    throw new UsageError(`\`--since ${text}\`: expected an instant (2026-03-01T06:00:00Z) or an age (2d)`);
  return instant;
}

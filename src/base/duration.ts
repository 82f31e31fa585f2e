/** Durations as people write them: `250ms`, `10s`, `1h30m`, `2d`. A day is always 24 hours. */

import { err, ok, type Result } from './result.ts';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
]);

/** The longest duration that is accepted: ten years of 365 days, in milliseconds. */
export const MAX_DURATION_MS = 10 * 365 * 86_400_000;

/** Why a text is no duration. */
export type DurationProblem = 'syntax' | 'too_long';

/**
 * Reads a duration: one or more numbers with a unit of `ms s m h d w`, largest unit first, each unit once.
 * Fractions are allowed (`1.5h`); `0` may stand without a unit.
 * @returns whole milliseconds, or what is wrong.
 */
export function parseDuration(text: string): Result<number, DurationProblem> {
  const source = text.trim();
  if (source === '0') return ok(0);
  const parts = [...source.matchAll(/(\d+(?:\.\d+)?)(ms|w|d|h|m|s)/gy)];
  const read = parts.reduce((length, part) => length + part[0].length, 0);
  if (parts.length === 0 || read !== source.length) return err('syntax');
  let total = 0;
  let previous = Number.POSITIVE_INFINITY;
  for (const [, amount = '0', unit = ''] of parts) {
    const size = UNITS.get(unit) ?? 0;
    if (size >= previous) return err('syntax');
    previous = size;
    total += Number(amount) * size;
  }
  const rounded = Math.round(total);
  return rounded > MAX_DURATION_MS ? err('too_long') : ok(rounded);
}

/**
 * Writes a duration for people: `0ms`, `250ms`, `1.5s`, `2m03s`, `1h02m`, `3d04h`.
 * @param durationMs milliseconds, not negative.
 */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)}ms`;
  if (durationMs < 59_950) return `${(durationMs / 1_000).toFixed(1)}s`;
  const two = (value: number) => String(value).padStart(2, '0');
  const seconds = Math.round(durationMs / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

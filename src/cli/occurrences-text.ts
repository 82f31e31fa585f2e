/** Instants of schedules, as a terminal shows them. */

import { formatDuration } from '../base/duration.ts';
import type { Zone } from '../schedules/zone.ts';
import type { Style } from './style.ts';

/** One schedule with what comes next. */
export interface UpcomingInstants {
  /** What the schedule says, in words. */
  readonly title: string;
  readonly zone: Zone;
  /** Milliseconds since the epoch. */
  readonly instants: readonly number[];
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

function clock(instant: number, zone: Zone): string {
  const offsetMs = zone.offsetAt(instant);
  const shown = new Date(instant + offsetMs);
  const minutes = Math.abs(offsetMs) / 60_000;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const offset = `${offsetMs < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
  const text = shown.toISOString();
  return `${DAYS[shown.getUTCDay()]} ${text.slice(0, 10)} ${text.slice(11, 19)} ${offset}`;
}

function distance(instant: number, now: number): string {
  const words = formatDuration(Math.abs(instant - now));
  return instant >= now ? `in ${words}` : `${words} ago`;
}

/** Every schedule with its instants: by its own clock, in UTC, and how far away. */
export function occurrencesText(groups: readonly UpcomingInstants[], now: number, style: Style): string {
  const parts = groups.map(({ title, zone, instants }) => {
    const rows = instants.map((instant) => {
      const utc = new Date(instant).toISOString().replace('.000Z', 'Z');
      return `  ${clock(instant, zone)}  ${style.faint(`${utc}  ${distance(instant, now)}`)}\n`;
    });
    return `${style.strong(title)} ${style.faint(`(${zone.name})`)}\n${rows.length > 0 ? rows.join('') : '  never\n'}`;
  });
  return parts.join('\n');
}

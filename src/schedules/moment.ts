/** Points in time as people write them in schedules: instants with their offset, or times of the zone's clock. */

import { type WallTime, wallTime, type Zone } from './zone.ts';

const MOMENT = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?([Zz]|[+-]\d\d:?\d\d)?)?$/;

/** A point in time, read. */
export type Moment =
  | { readonly kind: 'instant'; readonly instant: number }
  | { readonly kind: 'wall'; readonly wall: WallTime };

/**
 * Reads `2026-01-31` (midnight), `2026-01-31T06:00`, `2026-01-31 06:00:30`, and with `Z` or an offset an instant (RFC 3339).
 * @returns null when it is none of these, or a date that no calendar has.
 */
export function readMoment(text: string): Moment | null {
  const match = MOMENT.exec(text.trim());
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part: string | undefined) => Number(part ?? 0));
  const ms = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  const wall = wallTime(year, month, day, hour, minute, second, ms);
  const date = new Date(wall);
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!exists || hour > 23 || minute > 59 || second > 59) return null;
  const offset = match[8];
  if (offset === undefined) return { kind: 'wall', wall };
  if (/^[Zz]$/.test(offset)) return { kind: 'instant', instant: wall };
  const [hours, minutes] = [Number(offset.slice(1, 3)), Number(offset.slice(-2))];
  if (hours > 23 || minutes > 59) return null;
  const east = (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
  return { kind: 'instant', instant: wall - east };
}

/** The instant: a time that is passed over comes later by the gap, of one that comes twice it is the first. */
export function instantOf(moment: Moment, zone: Zone): number {
  if (moment.kind === 'instant') return moment.instant;
  const resolved = zone.resolve(moment.wall);
  switch (resolved.kind) {
    case 'once':
      return resolved.instant;
    case 'gap':
      return resolved.forward;
    case 'fold':
      return resolved.first;
  }
}

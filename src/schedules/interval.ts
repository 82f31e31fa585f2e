/** Equal steps of time. Whole days are counted by the calendar, at the same time of the zone's clock; everything else is absolute. */

import { err, ok } from '../base/result.ts';
import { DEFAULT_ANCHOR } from '../model/schedule.ts';
import { instantOf, type Moment, readMoment } from './moment.ts';
import type { RuleResult } from './rule.ts';
import { HORIZON, type WallTime, wallOf, type Zone } from './zone.ts';

const DAY_MS = 86_400_000;
/** The shortest interval. */
const SHORTEST_MS = 1_000;

function* absolute(everyMs: number, anchor: number, from: number): Generator<number, void, undefined> {
  const steps = Math.ceil((from - anchor) / everyMs);
  for (let instant = anchor + steps * everyMs; instant < HORIZON; instant += everyMs) yield instant;
}

function* daily(everyMs: number, anchor: Moment, from: number, zone: Zone): Generator<number, void, undefined> {
  const clock = anchor.kind === 'wall' ? anchor.wall : wallOf(anchor.instant, zone.offsetAt(anchor.instant));
  // Two days early: what a clock shows and UTC are never further apart, nor is a gap longer.
  const steps = Math.floor((from - 2 * DAY_MS - clock) / everyMs);
  let last = Number.NEGATIVE_INFINITY;
  for (let wall = clock + steps * everyMs; wall < HORIZON; wall += everyMs) {
    const instant = instantOf({ kind: 'wall', wall: wall as WallTime }, zone);
    if (instant >= from && instant > last) yield instant;
    last = Math.max(last, instant);
  }
}

/**
 * Reads an interval.
 * @param everyMs its length in milliseconds; whole seconds, at least one.
 * @param anchor a moment that it is counted from, in both directions; null: 2020-01-01T00:00 by the zone's clock.
 */
export function readInterval(everyMs: number, anchor: string | null): RuleResult {
  if (everyMs < SHORTEST_MS || everyMs % 1_000 !== 0)
    return err({ message: 'an interval is made of whole seconds, at least one', help: 'such as `interval: 15m`' });
  const moment = readMoment(anchor ?? DEFAULT_ANCHOR);
  if (moment === null)
    return err({
      message: `\`${anchor}\` is no time`,
      help: 'write `2026-01-31T06:00`, or an instant with its offset',
    });
  return ok({
    occurrences: (from, zone) =>
      everyMs % DAY_MS === 0 ? daily(everyMs, moment, from, zone) : absolute(everyMs, instantOf(moment, zone), from),
  });
}

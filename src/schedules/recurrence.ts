/**
 * Recurrence rules (RFC 5545, section 3.3.10), expanded by rrule-temporal. The library runs on UTC here, as a calendar only. A time that the
 * clock passes over is no occurrence and is not counted (section 3.3.10); of one that comes twice the first counts (section 3.3.5).
 */

import { RRuleTemporal } from 'rrule-temporal';
import { err, ok } from '../base/result.ts';
import { type RecurrenceText, readRecurrenceText } from './recurrence-text.ts';
import type { RuleResult } from './rule.ts';
import { instantOf, type Moment } from './moment.ts';
import { HORIZON, type WallTime, wallOf, type Zone } from './zone.ts';

/** More than any rule that comes within the years that are looked at needs, and soon tried. */
const MOST_STEPS = 20_000;

const basic = (wall: number): string => new Date(wall).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');

const wallIn = (moment: Moment, zone: Zone): WallTime =>
  moment.kind === 'wall' ? moment.wall : wallOf(moment.instant, zone.offsetAt(moment.instant));

/** The wall times of a rule without its COUNT and UNTIL, from one on. */
function* wallTimes(parts: string, begin: WallTime, from: WallTime): Generator<WallTime, void, undefined> {
  const rule = new RRuleTemporal({ rruleString: `DTSTART:${basic(begin)}\nRRULE:${parts}`, maxIterations: MOST_STEPS });
  let after = new Date(Math.max(from, begin));
  let isFirst = true;
  for (;;) {
    let next: number | undefined;
    try {
      next = rule.next(after, isFirst)?.epochMilliseconds;
    } catch {
      return;
    }
    if (next === undefined || next >= HORIZON) return;
    yield next as WallTime;
    after = new Date(next);
    isFirst = false;
  }
}

function* expand(text: RecurrenceText, begin: WallTime, from: number, zone: Zone): Generator<number, void, undefined> {
  // What is counted is counted from the beginning; a day early otherwise, for the clock's distance from UTC.
  const early = text.count === null ? wallOf(from, -2 * 86_400_000) : begin;
  let counted = 0;
  for (const wall of wallTimes(text.parts, begin, early)) {
    const resolved = zone.resolve(wall);
    if (resolved.kind === 'gap') continue;
    const instant = resolved.kind === 'fold' ? resolved.first : resolved.instant;
    counted += 1;
    if (text.count !== null && counted > text.count) return;
    if (text.until?.kind === 'instant' && instant > text.until.instant) return;
    if (text.until?.kind === 'wall' && wall > text.until.wall) return;
    if (instant >= from) yield instant;
  }
}

/** Two ascending sequences as one, each value once. */
function* merged(one: Iterable<number>, others: readonly number[]): Generator<number, void, undefined> {
  let next = 0;
  for (const value of one) {
    for (; (others[next] ?? value) < value; next += 1) yield others[next] ?? value;
    if (others[next] === value) next += 1;
    yield value;
  }
  yield* others.slice(next);
}

/**
 * Reads a recurrence rule.
 * @param rule `FREQ=...`, with or without `RRULE:`; DTSTART, RDATE and EXDATE may stand on lines of their own.
 * @param start where it begins when it has no DTSTART; null: at the instant that is asked from.
 */
export function readRecurrence(rule: string, start: string | null): RuleResult {
  const read = readRecurrenceText(rule, start);
  if (!read.ok) return read;
  const text = read.value;
  const never = err({ message: `\`${text.parts}\` names no day that ever comes`, help: null });
  const trial = text.start?.kind === 'wall' ? text.start.wall : (Date.UTC(2020, 0, 1) as WallTime);
  try {
    if (wallTimes(text.parts, trial, trial).next().done === true) return never;
  } catch (error) {
    return err({
      message: `the rule is not understood: ${error instanceof Error ? error.message : String(error)}`,
      help: null,
    });
  }
  return ok({
    *occurrences(from: number, zone: Zone) {
      const begin = wallIn(text.start ?? { kind: 'instant', instant: Math.ceil(from / 1_000) * 1_000 }, zone);
      const left = new Set(text.excluded.map((moment) => instantOf(moment, zone)));
      const added = text.added.map((moment) => instantOf(moment, zone)).filter((instant) => instant >= from);
      for (const instant of merged(
        expand(text, begin, from, zone),
        added.sort((a, b) => a - b),
      ))
        if (!left.has(instant)) yield instant;
    },
  });
}

/**
 * Which instants have had their run, once and for all. Kept as spans of a timetable, so that years of nightly runs are one line; the
 * timetable is kept with them, so that an instant between two nights is not taken for one that ran when the schedule becomes hourly.
 */

import { canonicalJson, type Json, type JsonObject } from '../base/json.ts';
import type { RanInstants } from '../model/deployment.ts';
import type { Occurrences, Timetable } from './occurrences.ts';

/** Reads a timetable; null when it cannot be read any more. */
export type ReadTimetable = (timetable: Timetable) => Occurrences | null;

/** Of more spans than these the oldest two become one: what lies between them counts as run. */
export const MOST_SPANS = 2_000;

const textOf = (instant: number): string => new Date(instant).toISOString();
const same = (one: unknown, other: unknown): boolean => canonicalJson(one as Json) === canonicalJson(other as Json);
/** The first instant from one on; infinity when there is none. */
export const firstFrom = (occurrences: Occurrences, from: number): number => {
  for (const instant of occurrences.from(from)) return instant;
  return Number.POSITIVE_INFINITY;
};

type Spans = RanInstants['spans'];

/** The place of the first span that ends at an instant or after it. Spans are in order. */
function placeIn(spans: Spans, instant: number): number {
  let low = 0;
  for (let high = spans.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (Date.parse(spans[middle]?.[1] ?? '') < instant) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isWithin(spans: Spans, instant: number): boolean {
  const span = spans[placeIn(spans, instant)];
  return span !== undefined && Date.parse(span[0]) <= instant;
}

/**
 * True when a run was started for an instant, whatever the schedule that named it looked like then.
 * @param params of the schedule.
 */
export function hasRun(ran: readonly RanInstants[], params: JsonObject, instant: number, read: ReadTimetable): boolean {
  return ran.some((each) => {
    if (!isWithin(each.spans, instant) || !same(each.params, params)) return false;
    const occurrences = read(each.timetable);
    return occurrences !== null && firstFrom(occurrences, instant) === instant;
  });
}

/** What was run, with one instant more. */
export function withRun(
  ran: readonly RanInstants[],
  { timetable, params }: Pick<RanInstants, 'timetable' | 'params'>,
  instant: number,
  read: ReadTimetable,
): readonly RanInstants[] {
  const place = ran.findIndex((each) => same(each.timetable, timetable) && same(each.params, params));
  const old = ran[place];
  if (old === undefined) return [...ran, { timetable, params, spans: [[textOf(instant), textOf(instant)]] }];
  const spans = spansWith(old.spans, instant, read(timetable));
  return spans === old.spans ? ran : ran.map((each) => (each === old ? { ...old, spans } : each));
}

function spansWith(spans: Spans, instant: number, occurrences: Occurrences | null): Spans {
  if (isWithin(spans, instant)) return spans;
  const place = placeIn(spans, instant);
  const [before, after] = [spans[place - 1], spans[place]];
  const follows = (one: number, other: number): boolean =>
    occurrences !== null && firstFrom(occurrences, one + 1) === other;
  const joinsBefore = before !== undefined && follows(Date.parse(before[1]), instant);
  const joinsAfter = after !== undefined && follows(instant, Date.parse(after[0]));
  const text = textOf(instant);
  const joined = [joinsBefore ? before[0] : text, joinsAfter ? after[1] : text] as const;
  const list = [
    ...spans.slice(0, joinsBefore ? place - 1 : place),
    joined,
    ...spans.slice(joinsAfter ? place + 1 : place),
  ];
  const [first, second, ...rest] = list;
  if (list.length <= MOST_SPANS || first === undefined || second === undefined) return list;
  return [[first[0], second[1]], ...rest];
}

/** The instants that a schedule names. */

import { nearestWord } from '../base/suggestion.ts';
import { assertNever, err, ok, type Result } from '../base/result.ts';
import type { ScheduleDefinition } from '../model/schedule.ts';
import { readCron } from './cron.ts';
import { readInterval } from './interval.ts';
import { instantOf, readMoment } from './moment.ts';
import { readRecurrence } from './recurrence.ts';
import type { RuleProblem, RuleResult } from './rule.ts';
import { Zone } from './zone.ts';

/** What of a definition names instants. */
export type Timetable = Pick<ScheduleDefinition, 'timing' | 'timezone' | 'start' | 'end'>;

/** What is wrong with a schedule, and under which of its keys. */
export interface TimetableProblem extends RuleProblem {
  readonly key: 'cron' | 'interval' | 'anchor' | 'rrule' | 'at' | 'timezone' | 'start' | 'end';
}

/** A schedule that was read. */
export interface Occurrences {
  readonly zone: Zone;
  /**
   * The instants at or after one, in order, each once, within `start` (inclusive) and `end` (exclusive).
   * @param from milliseconds since the epoch.
   */
  from(from: number): Iterable<number>;
}

const NO_TIME = 'write `2026-01-31`, `2026-01-31T06:00`, or an instant such as `2026-01-31T06:00:00Z`';

function readRule(timetable: Timetable): RuleResult {
  const { timing, start } = timetable;
  switch (timing.kind) {
    case 'cron':
      return readCron(timing.expression);
    case 'interval':
      return readInterval(timing.every_ms, timing.anchor);
    case 'rrule':
      return readRecurrence(timing.rule, start);
    case 'at': {
      const moment = readMoment(timing.time);
      if (moment === null) return err({ message: `\`${timing.time}\` is no time`, help: NO_TIME });
      return ok({
        *occurrences(from: number, zone: Zone) {
          const instant = instantOf(moment, zone);
          if (instant >= from) yield instant;
        },
      });
    }
    default:
      return assertNever(timing, 'timing');
  }
}

function keyOfRule({ timing }: Timetable): TimetableProblem['key'] {
  if (timing.kind !== 'interval') return timing.kind;
  return timing.anchor !== null && readMoment(timing.anchor) === null ? 'anchor' : 'interval';
}

/** Reads a schedule. @returns everything that is wrong with it, or its instants. */
export function readTimetable(timetable: Timetable): Result<Occurrences, readonly TimetableProblem[]> {
  const problems: TimetableProblem[] = [];
  const zone = Zone.named(timetable.timezone);
  if (zone === null) {
    const near = nearestWord(timetable.timezone, Intl.supportedValuesOf('timeZone'));
    const help =
      near === null
        ? 'write a name of the IANA database, such as `Europe/Berlin` or `UTC`'
        : `did you mean \`${near}\`?`;
    problems.push({ key: 'timezone', message: `there is no time zone \`${timetable.timezone}\``, help });
  }
  const [start, end] = (['start', 'end'] as const).map((key) => {
    const text = timetable[key];
    const moment = text === null ? null : readMoment(text);
    if (text !== null && moment === null) problems.push({ key, message: `\`${text}\` is no time`, help: NO_TIME });
    return moment;
  });
  const rule = readRule(timetable);
  if (!rule.ok) problems.push({ key: keyOfRule(timetable), ...rule.error });
  if (zone === null || !rule.ok || problems.length > 0) return err(problems);
  const first = start == null ? Number.NEGATIVE_INFINITY : instantOf(start, zone);
  const last = end == null ? Number.POSITIVE_INFINITY : instantOf(end, zone);
  if (last <= first)
    return err([{ key: 'end', message: '`end` is not after `start`', help: 'nothing is run from `end` on' }]);
  return ok({
    zone,
    *from(from: number) {
      for (const instant of rule.value.occurrences(Math.max(from, first), zone)) {
        if (instant >= last) return;
        yield instant;
      }
    },
  });
}

/** The next instants of several schedules together, each once. */
export function nextOf(schedules: readonly Occurrences[], from: number, count: number): readonly number[] {
  const all = new Set<number>();
  for (const schedule of schedules) {
    let taken = 0;
    for (const instant of schedule.from(from)) {
      all.add(instant);
      taken += 1;
      if (taken >= count) break;
    }
  }
  return [...all].sort((one, other) => one - other).slice(0, count);
}

/** Timetables that were read before, so that ten thousand deployments with the same few schedules are read once. */

import type { Deployment, RanInstants } from '../model/deployment.ts';
import type { ScheduleDefinition } from '../model/schedule.ts';
import { type Occurrences, readTimetable, type Timetable } from './occurrences.ts';

/**
 * What names the instants of one schedule of a deployment.
 * @param begin where a recurrence rule begins that does not say it itself; default: when the deployment was made.
 */
export function timetableOf(
  { versions }: Pick<Deployment, 'versions'>,
  { timing, timezone, start, end }: ScheduleDefinition,
  begin: string | null = versions[0]?.deployed_at ?? null,
): Timetable {
  return { timing, timezone, start: timing.kind === 'rrule' ? (start ?? begin) : start, end };
}

/**
 * The same instants, with the last answer kept: whoever looks again and again asks for the first instant after one that stays the same for
 * hours, and a calendar takes a tenth of a millisecond to say it.
 */
function keepingFirst(occurrences: Occurrences): Occurrences {
  let [asked, first] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return {
    zone: occurrences.zone,
    *from(from) {
      if (asked <= from && from <= first) {
        yield first;
        if (Number.isFinite(first)) yield* occurrences.from(first + 1);
        return;
      }
      let isFirst = true;
      for (const instant of occurrences.from(from)) {
        if (isFirst) [asked, first] = [from, instant];
        isFirst = false;
        yield instant;
      }
    },
  };
}

/** A recurrence rule without a beginning begins wherever it is asked from. */
const isSteady = ({ timing, start }: Timetable): boolean => timing.kind !== 'rrule' || start !== null;

/** Reads timetables, each once. */
export class Timetables {
  readonly #ofSchedules = new WeakMap<Deployment['schedules'], readonly (Occurrences | null)[]>();
  readonly #ofTimetable = new WeakMap<RanInstants['timetable'], Occurrences | null>();
  readonly #byText = new Map<string, Occurrences | null>();

  /** Of a deployment's schedules; null for one that cannot be read any more. */
  of(deployment: Deployment): readonly (Occurrences | null)[] {
    const known = this.#ofSchedules.get(deployment.schedules);
    if (known !== undefined) return known;
    const read = deployment.schedules.map((schedule) => this.read(timetableOf(deployment, schedule)));
    this.#ofSchedules.set(deployment.schedules, read);
    return read;
  }

  /** Of one timetable; null when it cannot be read. */
  read(timetable: Timetable): Occurrences | null {
    const known = this.#ofTimetable.get(timetable);
    if (known !== undefined) return known;
    const { timing, timezone, start, end } = timetable;
    const key = JSON.stringify([timing, timezone, start, end]);
    let found = this.#byText.get(key);
    if (found === undefined) {
      const result = readTimetable(timetable);
      found = !result.ok ? null : isSteady(timetable) ? keepingFirst(result.value) : result.value;
      this.#byText.set(key, found);
    }
    this.#ofTimetable.set(timetable, found);
    return found;
  }
}

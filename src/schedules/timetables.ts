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
      found = result.ok ? result.value : null;
      this.#byText.set(key, found);
    }
    this.#ofTimetable.set(timetable, found);
    return found;
  }
}

/** Which instants a backfill is about: those that the active schedules of a deployment name from one time up to, not including, another. */

import type { Deployment, DueTick, RanInstants } from '../model/deployment.ts';
import type { ScheduleDefinition } from '../model/schedule.ts';
import { instantOf, type Moment } from '../schedules/moment.ts';
import type { Occurrences } from '../schedules/occurrences.ts';
import { firstFrom } from '../schedules/ran.ts';
import { timetableOf, type Timetables } from '../schedules/timetables.ts';

/** One instant to be run. */
export interface BackfillTick extends DueTick {
  /** The one before it of the same schedule, within the span or before; RFC 3339. Null: there is none. */
  readonly previous_scheduled_for: string | null;
  /** What its run is remembered by. */
  readonly remembered: Pick<RanInstants, 'timetable' | 'params'>;
}

/** What is asked for. A time without an offset is one of each schedule's own zone. */
export interface BackfillSpan {
  readonly from: Moment;
  /** Exclusive. */
  readonly to: Moment;
  /** Nothing after now is run ahead of its time; milliseconds since the epoch. */
  readonly now: number;
}

/** The instants in order; null: there are too many. */
export interface BackfillPlan {
  readonly ticks: readonly BackfillTick[] | null;
  /** True where instants of the span are still to come. */
  readonly isCut: boolean;
}

/** The most instants of one backfill. */
export const MOST_INSTANTS = 100_000;
/** How far it is looked back for the instant before the first one. */
const LONGEST_LOOK_BACK_MS = 9 * 366 * 86_400_000;
const SHORTEST_LOOK_BACK_MS = 60_000;

const textOf = (instant: number): string => new Date(instant).toISOString();

/** The last occurrence before an instant; null when there is none within nine years. */
export function lastBefore(occurrences: Occurrences, instant: number): number | null {
  for (let back = SHORTEST_LOOK_BACK_MS; back < LONGEST_LOOK_BACK_MS * 4; back *= 4) {
    let last: number | null = null;
    for (const each of occurrences.from(instant - Math.min(back, LONGEST_LOOK_BACK_MS))) {
      if (each >= instant) break;
      last = each;
    }
    if (last !== null) return last;
  }
  return null;
}

/** A timetable, and from where to where its instants are meant. */
interface Part {
  readonly timetable: RanInstants['timetable'];
  readonly first: number;
  readonly last: number;
}

/** A recurrence rule that does not say where it begins has one beginning for what was before the deployment, and that one's for the rest. */
function partsOf(deployment: Deployment, schedule: ScheduleDefinition, from: number, to: number): readonly Part[] {
  const whole = { timetable: timetableOf(deployment, schedule), first: from, last: to };
  const deployedAt = Date.parse(deployment.versions[0]?.deployed_at ?? '');
  if (schedule.timing.kind !== 'rrule' || schedule.start !== null || !(from < deployedAt)) return [whole];
  const before = timetableOf(deployment, schedule, textOf(from));
  return [
    { timetable: before, first: from, last: Math.min(to, deployedAt) },
    { ...whole, first: deployedAt },
  ];
}

/** Lists the instants. */
export function planBackfill(deployment: Deployment, span: BackfillSpan, timetables: Timetables): BackfillPlan {
  const ticks: BackfillTick[] = [];
  let isCut = false;
  for (const [schedule, definition] of deployment.schedules.entries()) {
    const zone = timetables.of(deployment)[schedule]?.zone;
    if (!definition.active || zone === undefined) continue;
    const [from, to] = [instantOf(span.from, zone), instantOf(span.to, zone)];
    for (const { timetable, first, last } of partsOf(deployment, definition, from, to)) {
      const occurrences = timetables.read(timetable);
      if (occurrences === null || first >= last) continue;
      const remembered = { timetable, params: definition.params };
      const begin = firstFrom(occurrences, first);
      let previous = Number.isFinite(begin) ? lastBefore(occurrences, begin) : null;
      for (const instant of occurrences.from(first)) {
        if (instant >= last) break;
        if (instant > span.now) {
          isCut = true;
          break;
        }
        if (ticks.length === MOST_INSTANTS) return { ticks: null, isCut };
        const previous_scheduled_for = previous === null ? null : textOf(previous);
        ticks.push({ schedule, scheduled_for: textOf(instant), previous_scheduled_for, remembered });
        previous = instant;
      }
    }
  }
  ticks.sort((one, other) => Date.parse(one.scheduled_for) - Date.parse(other.scheduled_for));
  return { ticks, isCut };
}

/** Schedules in the normal form. */

import { isJsonObject } from '../base/json.ts';
import {
  CATCH_UP_WINDOW_MS,
  CATCH_UPS,
  DEFAULT_ZONE,
  OVERLAPS,
  type ScheduleDefinition,
  type ScheduleTiming,
} from '../model/schedule.ts';
import { type DocumentNode, entryOf, textOf } from './document.ts';
import { durationOf, itemsOf, jsonOf, type Node } from './node-values.ts';

/** How a schedule names its instants; null where none of the keys is written that say so. */
export function timingOf(schedule: DocumentNode): ScheduleTiming | null {
  const text = (key: string): string | undefined => textOf(entryOf(schedule, key)?.value);
  const [expression, rule, time] = [text('cron'), text('rrule'), text('at')];
  if (expression !== undefined) return { kind: 'cron', expression };
  if (rule !== undefined) return { kind: 'rrule', rule };
  if (time !== undefined) return { kind: 'at', time };
  const every_ms = durationOf(entryOf(schedule, 'interval')?.value);
  return every_ms === null ? null : { kind: 'interval', every_ms, anchor: text('anchor') ?? null };
}

function scheduleOf(schedule: DocumentNode): readonly ScheduleDefinition[] {
  const timing = timingOf(schedule);
  if (timing === null) return [];
  const value = (key: string): Node => entryOf(schedule, key)?.value;
  const params = jsonOf(value('params'));
  const active = value('active');
  const oneOf = <T extends string>(known: readonly T[], key: string): T | undefined =>
    known.find((each) => each === textOf(value(key)));
  return [
    {
      timing,
      timezone: textOf(value('timezone')) ?? DEFAULT_ZONE,
      start: textOf(value('start')) ?? null,
      end: textOf(value('end')) ?? null,
      params: isJsonObject(params) ? params : {},
      jitter_ms: durationOf(value('jitter')) ?? 0,
      active: !(active?.kind === 'scalar' && active.value === false),
      overlap: oneOf(OVERLAPS, 'overlap') ?? 'skip',
      catch_up: oneOf(CATCH_UPS, 'catch_up') ?? 'none',
      catch_up_window_ms: durationOf(value('catch_up_window')) ?? CATCH_UP_WINDOW_MS,
    },
  ];
}

/** The schedules under `schedules`. */
export const schedulesOf = (node: Node): readonly ScheduleDefinition[] => itemsOf(node).flatMap(scheduleOf);

/** Schedules: that each names instants that come, and that its runs have a value for every param. */

import { hasExpression } from '../expressions/expressions.ts';
import { DEFAULT_ZONE } from '../model/schedule.ts';
import { checkGivenParams } from './check-given-params.ts';
import { checkDuration } from './check-values.ts';
import { checkOneOf } from './check-waits.ts';
import { type DocumentNode, entriesOf, entryOf, type MapEntry, textOf } from './document.ts';
import { itemsOf } from './node-values.ts';
import { timingOf } from './normal-schedules.ts';
import type { FlowOutline } from './outline.ts';
import type { Problems } from './problems.ts';

const TIMINGS = ['cron', 'interval', 'rrule', 'at'] as const;
/** Texts that say when, and so are read before any run is there to evaluate them. */
const PLAIN = [...TIMINGS, 'timezone', 'anchor', 'start', 'end'] as const;

const entry = (schedule: DocumentNode, key: string): MapEntry | undefined => entryOf(schedule, key);

/** Checks all schedules of a flow. */
export async function checkSchedules(flow: FlowOutline, problems: Problems): Promise<void> {
  for (const schedule of itemsOf(entryOf(flow.root, 'schedules')?.value)) {
    if (schedule.kind !== 'map') continue;
    const first = entriesOf(schedule)[0];
    const whole = { key: 'schedules', keySpan: first?.keySpan ?? schedule, value: schedule };
    checkOneOf(whole, TIMINGS, 'a schedule', problems);
    for (const key of ['interval', 'jitter', 'catch_up_window']) checkDuration(entry(schedule, key)?.value, problems);
    const anchor = entry(schedule, 'anchor');
    if (anchor !== undefined && entry(schedule, 'interval') === undefined) {
      const remedy = 'an anchor is what an `interval` is counted from';
      problems.at('invalid_schedule', anchor.keySpan, { key: 'anchor', problem: 'there is no `interval`', remedy });
    }
    if (isPlain(schedule, problems)) await checkTimetable(schedule, problems);
    await checkGivenParams(schedule, flow, problems);
  }
}

function isPlain(schedule: DocumentNode, problems: Problems): boolean {
  let plain = true;
  for (const key of PLAIN) {
    const node = entry(schedule, key)?.value;
    if (node === undefined || !hasExpression(textOf(node) ?? '')) continue;
    problems.at('expression_not_allowed', node, { what: `\`${key}\` of a schedule` });
    plain = false;
  }
  return plain;
}

async function checkTimetable(schedule: DocumentNode, problems: Problems): Promise<void> {
  const timing = timingOf(schedule);
  if (timing === null || problems.isBlamedWithin(schedule)) return;
  // Calendars are loaded where somebody has a schedule.
  const { readTimetable } = await import('../schedules/occurrences.ts');
  const text = (key: string): string | null => textOf(entry(schedule, key)?.value) ?? null;
  const timezone = text('timezone') ?? DEFAULT_ZONE;
  const read = readTimetable({ timing, timezone, start: text('start'), end: text('end') });
  for (const { key, message, help } of read.ok ? [] : read.error) {
    const node = entry(schedule, key)?.value ?? schedule;
    problems.at('invalid_schedule', node, { key, problem: message, remedy: help });
  }
}

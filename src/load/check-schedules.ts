/** Schedules: that each names instants that come, and that its runs have a value for every param. */

import { suggest } from '../diagnostics/suggest.ts';
import { hasExpression } from '../expressions/expressions.ts';
import { DEFAULT_ZONE } from '../model/schedule.ts';
import { isTemplate } from './check-params.ts';
import { checkDuration } from './check-values.ts';
import { checkOneOf } from './check-waits.ts';
import { type DocumentNode, entriesOf, entryOf, type MapEntry, textOf, toJsonValue } from './document.ts';
import { itemsOf } from './node-values.ts';
import { timingOf } from './normal-schedules.ts';
import type { FlowOutline } from './outline.ts';
import { findMismatch, findSchemaProblem, paramOf } from './param-schema.ts';
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
    await checkValuesOf(schedule, flow, problems);
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

/** Checks what the runs of a schedule are given. */
async function checkValuesOf(schedule: DocumentNode, flow: FlowOutline, problems: Problems): Promise<void> {
  const given = entry(schedule, 'params');
  const names = flow.params.map(({ name }) => name);
  const file = problems.source.file;
  for (const { key, keySpan, value } of entriesOf(given?.value)) {
    const param = flow.params.find(({ name }) => name === key);
    if (param === undefined) {
      const known = problems.hasRoom ? names : [];
      problems.at('unknown_flow_param', keySpan, { flow: file, name: key, known, suggestion: suggest(key, known) });
    } else if (!problems.isBlamedWithin(param.node)) {
      const { schema } = paramOf(param);
      const json = toJsonValue(value);
      if (isTemplate(json) || (await findSchemaProblem(schema)) !== null) continue;
      const problem = await findMismatch(schema, json);
      if (problem !== null) problems.at('flow_param_mismatch', value, { flow: file, param: key, problem });
    }
  }
  const has = new Set(entriesOf(given?.value).map(({ key }) => key));
  const missing = flow.params.filter((param) => {
    const isGiven = has.has(param.name) || Object.hasOwn(flow.project.params, param.name);
    return !isGiven && !problems.isBlamedWithin(param.node) && paramOf(param).required;
  });
  const span = given?.keySpan ?? entriesOf(schedule)[0]?.keySpan ?? schedule;
  if (missing.length > 0) problems.at('missing_schedule_param', span, { params: missing.map(({ name }) => name) });
}

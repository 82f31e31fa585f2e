/** Schedules in plain language. */

import cronstrue from 'cronstrue';
import { RRuleTemporal } from 'rrule-temporal';
import { toText } from 'rrule-temporal/totext';
import { formatDuration } from '../base/duration.ts';
import { assertNever } from '../base/result.ts';
import { DEFAULT_ANCHOR, type ScheduleDefinition } from '../model/schedule.ts';
import { readRecurrenceText } from './recurrence-text.ts';

const DAY_MS = 86_400_000;
const ANY_DAY = /^[*?](\/0*1)?$/;

function cronWords(expression: string): string {
  const text = cronstrue.toString(expression.trim(), { use24HourTimeFormat: true, throwExceptionOnParseError: false });
  const fields = expression.trim().split(/\s+/);
  const [day = '*', , weekday = '*'] = fields.slice(-3);
  // Day of the month and day of the week are either, which "and" hides.
  const isEither = fields.length >= 5 && !ANY_DAY.test(day) && !ANY_DAY.test(weekday);
  const said = isEither ? text.replace(/, and (on|only on) /, ', or on ') : text;
  return `${said.charAt(0).toLowerCase()}${said.slice(1)}`;
}

function intervalWords(everyMs: number, anchor: string | null): string {
  const days = everyMs / DAY_MS;
  const steps = !Number.isInteger(days)
    ? `every ${formatDuration(everyMs)}`
    : days === 1
      ? 'every day'
      : `every ${days} days`;
  return anchor === null && everyMs % 60_000 === 0 && DAY_MS % everyMs === 0
    ? steps
    : `${steps} from ${anchor ?? DEFAULT_ANCHOR}`;
}

function recurrenceWords(rule: string): string {
  const read = readRecurrenceText(rule, null);
  if (!read.ok) return rule;
  const { parts, count } = read.value;
  try {
    const start = 'DTSTART:20200101T000000Z';
    const words = toText(new RRuleTemporal({ rruleString: `${start}\nRRULE:${parts}` })).replace(/ UTC$/, '');
    return count === null ? words : `${words}, ${count === 1 ? 'once' : `${count} times`}`;
  } catch {
    return rule;
  }
}

/** What a schedule says, as a phrase without its zone: `at 06:00, Monday through Friday`, `every 15m00s`. */
export function describeTiming({ timing }: Pick<ScheduleDefinition, 'timing'>): string {
  switch (timing.kind) {
    case 'cron':
      return cronWords(timing.expression);
    case 'interval':
      return intervalWords(timing.every_ms, timing.anchor);
    case 'rrule':
      return recurrenceWords(timing.rule);
    case 'at':
      return `once, at ${timing.time}`;
    default:
      return assertNever(timing, 'timing');
  }
}

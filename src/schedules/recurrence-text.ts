/** The text of a recurrence rule (RFC 5545, sections 3.3.10 and 3.8.5), strictly: libraries pass over what they do not know. */

import { err, ok, type Result } from '../base/result.ts';
import { type Moment, readMoment } from './moment.ts';
import type { RuleProblem } from './rule.ts';

/** What a rule says. */
export interface RecurrenceText {
  /** `FREQ=...;...` without COUNT and UNTIL. */
  readonly parts: string;
  readonly count: number | null;
  /** The last instant or time that may be an occurrence. */
  readonly until: Moment | null;
  /** DTSTART, or what stands for it; null when nothing does. */
  readonly start: Moment | null;
  readonly added: readonly Moment[];
  readonly excluded: readonly Moment[];
}

const MOST_COUNTED = 100_000;
const FREQUENCIES = ['YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY', 'SECONDLY'];

/** A list of whole numbers within bounds; `signed`: counted from the end as well, and never zero. */
const numbers =
  (least: number, most: number, signed = false) =>
  (value: string): boolean =>
    value.split(',').every((text) => {
      if (!/^[+-]?\d{1,3}$/.test(text) || (!signed && /^[+-]/.test(text))) return false;
      const amount = signed ? Math.abs(Number(text)) : Number(text);
      return amount >= least && amount <= most;
    });

const PARTS: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['FREQ', (value: string) => FREQUENCIES.includes(value)],
  ['INTERVAL', (value: string) => /^[1-9]\d{0,5}$/.test(value)],
  ['COUNT', (value: string) => /^[1-9]\d{0,5}$/.test(value) && Number(value) <= MOST_COUNTED],
  ['UNTIL', (value: string) => readBasic(value) !== null],
  ['WKST', (value: string) => /^(MO|TU|WE|TH|FR|SA|SU)$/.test(value)],
  ['BYDAY', (value: string) => value.split(',').every((day) => /^([+-]?[1-9]\d?)?(MO|TU|WE|TH|FR|SA|SU)$/.test(day))],
  ['BYMONTH', numbers(1, 12)],
  ['BYMONTHDAY', numbers(1, 31, true)],
  ['BYYEARDAY', numbers(1, 366, true)],
  ['BYWEEKNO', numbers(1, 53, true)],
  ['BYHOUR', numbers(0, 23)],
  ['BYMINUTE', numbers(0, 59)],
  ['BYSECOND', numbers(0, 59)],
  ['BYSETPOS', numbers(1, 366, true)],
]);

/** `20260131T060000Z`, `20260131T060000`, `20260131`: RFC 5545, sections 3.3.4 and 3.3.5. */
function readBasic(text: string): Moment | null {
  const match = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?$/.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour = '00', minute = '00', second = '00', zone = ''] = match;
  return readMoment(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
}

const problem = (message: string, help: string | null = null): Result<never, RuleProblem> => err({ message, help });

function readParts(text: string): Result<Pick<RecurrenceText, 'parts' | 'count' | 'until'>, RuleProblem> {
  const found = new Map<string, string>();
  for (const part of text.toUpperCase().split(';')) {
    const [, name = '', value = ''] = /^([A-Z]+)=(.+)$/.exec(part.trim()) ?? [];
    const check = PARTS.get(name);
    if (check === undefined)
      return problem(`\`${part}\` is no part of a recurrence rule`, `the parts are ${[...PARTS.keys()].join(' ')}`);
    if (found.has(name)) return problem(`\`${name}\` stands twice in the rule`);
    if (!check(value)) return problem(`\`${value}\` is no value for \`${name}\``);
    found.set(name, value);
  }
  const [frequency, count, until] = ['FREQ', 'COUNT', 'UNTIL'].map((name) => found.get(name));
  if (frequency === undefined) return problem('the rule has no `FREQ`', 'such as `FREQ=WEEKLY;BYDAY=MO,TH`');
  if (count !== undefined && until !== undefined) return problem('`COUNT` and `UNTIL` exclude each other');
  if (/\d/.test(found.get('BYDAY') ?? '') && frequency !== 'MONTHLY' && frequency !== 'YEARLY')
    return problem('a number in `BYDAY` needs `FREQ=MONTHLY` or `FREQ=YEARLY`');
  const parts = [...found].filter(([name]) => name !== 'COUNT' && name !== 'UNTIL');
  // A date without a time is that whole day.
  const last = until === undefined ? null : readBasic(/^\d{8}$/.test(until) ? `${until}T235959` : until);
  return ok({
    parts: parts.map(([name, value]) => `${name}=${value}`).join(';'),
    count: count === undefined ? null : Number(count),
    until: last,
  });
}

/**
 * Reads a rule.
 * @param start a moment that it begins at when there is no DTSTART.
 */
export function readRecurrenceText(rule: string, start: string | null): Result<RecurrenceText, RuleProblem> {
  const lists: Record<'DTSTART' | 'RDATE' | 'EXDATE', Moment[]> = { DTSTART: [], RDATE: [], EXDATE: [] };
  let parts: string | null = null;
  for (const line of rule.split(/\r?\n/).map((text) => text.trim())) {
    if (line === '') continue;
    const [, name = 'RRULE', attributes = '', value = line] =
      /^([A-Za-z-]+)((?:;[^:=]+=[^:]*)*):(.*)$/.exec(line) ?? [];
    const property = name.toUpperCase();
    if (property === 'RRULE') {
      if (parts !== null) return problem('there is more than one rule', 'write two schedules');
      parts = value;
      continue;
    }
    if (property !== 'DTSTART' && property !== 'RDATE' && property !== 'EXDATE')
      return problem(`\`${name}\` is not understood`, 'a rule may have DTSTART, RRULE, RDATE and EXDATE');
    if (/;TZID=/i.test(attributes))
      return problem(`\`${name}\` names a zone of its own`, 'the zone is written `timezone:`');
    for (const text of value.toUpperCase().split(',')) {
      const moment = readBasic(text) ?? readMoment(text);
      if (moment === null)
        return problem(`\`${text}\` is no time`, 'times are written `20260131T060000`, or with a Z for UTC');
      lists[property].push(moment);
    }
  }
  if (parts === null) return problem('there is no rule', 'such as `FREQ=WEEKLY;BYDAY=MO,TH`');
  const read = readParts(parts);
  if (!read.ok) return read;
  const [written] = lists.DTSTART;
  const begin = written ?? (start === null ? null : readMoment(start));
  return ok({ ...read.value, start: begin, added: lists.RDATE, excluded: lists.EXDATE });
}

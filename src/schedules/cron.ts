/**
 * Cron expressions (crontab(5), POSIX crontab), read by cron-parser. The library runs on UTC here, as a calendar only: what a change of the
 * clock does to a time is decided below, by the rules of the documentation, the same on every version of Node.
 */

import { type CronExpression, CronExpressionParser } from 'cron-parser';
import { err, ok, type Result } from '../base/result.ts';
import type { RuleProblem, RuleResult } from './rule.ts';
import { type Stretch, type WallTime, wallOf, type Zone } from './zone.ts';

const WORDS: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

/** Names of the fields with seconds first, and the largest value a step may have. */
const FIELDS = [
  { name: 'second', range: '0 to 59', most: 59 },
  { name: 'minute', range: '0 to 59', most: 59 },
  { name: 'hour', range: '0 to 23', most: 23 },
  { name: 'day-of-month', range: '1 to 31, or L for the last', most: 31 },
  { name: 'month', range: '1 to 12, or JAN to DEC', most: 12 },
  { name: 'day-of-week', range: '0 to 7 (0 and 7 are Sunday), SUN to SAT, 5L, 5#2', most: 7 },
] as const;

/** The five or six fields with seconds first; `@daily` and its like are spelled out. */
function fieldsOf(text: string): readonly string[] | RuleProblem {
  const source = text.trim();
  if (source === '') return { message: 'the expression is empty', help: 'write five fields, such as `0 6 * * *`' };
  const spelled = WORDS.get(source.toLowerCase()) ?? source;
  if (/^@every\b/i.test(source))
    return { message: `\`${source}\` is no cron expression`, help: 'write `interval:` in place of `cron:`' };
  if (spelled.startsWith('@'))
    return { message: `\`${source}\` is no cron expression`, help: `the words are ${[...WORDS.keys()].join(' ')}` };
  const fields = spelled.split(/\s+/);
  if (fields.length === 5) return ['0', ...fields];
  if (fields.length === 6) return fields;
  return {
    message: `a cron expression has five fields, or six with seconds first; \`${source}\` has ${fields.length}`,
    help: 'minute hour day-of-month month day-of-week, such as `0 6 * * 1-5`',
  };
}

/** One field by itself, read by the library with all others free. @returns null when it refuses it. */
function valuesOf(written: string, index: number): readonly (number | string)[] | null {
  try {
    const text = FIELDS.map((_, at) => (at === index ? written : '*')).join(' ');
    const { second, minute, hour, dayOfMonth, month, dayOfWeek } = CronExpressionParser.parse(text, {
      tz: 'UTC',
    }).fields;
    return [second, minute, hour, dayOfMonth, month, dayOfWeek][index]?.values ?? null;
  } catch {
    return null;
  }
}

/** A field in which every value stands once, for the library refuses those that stand twice; or what is wrong with it. */
function readField(written: string, index: number): Result<string, RuleProblem> {
  const field = FIELDS[index] ?? FIELDS[0];
  const wrong = (message: string, help: string): Result<never, RuleProblem> => err({ message, help });
  if (/h/i.test(written.replaceAll(/thu|march|mar/gi, '')))
    return wrong(`\`${written}\` is no ${field.name}`, 'to spread runs write `jitter:`');
  const step = /\/(\d+)/.exec(written)?.[1];
  if (step !== undefined && Number(step) > field.most)
    return wrong(
      `a step of ${step} is wider than the ${field.name} field`,
      'for steps of any length write `interval:`',
    );
  if (/^[*?]\/0*1$/.test(written)) return ok('*');
  if (!written.includes(',')) {
    if (valuesOf(written, index) !== null) return ok(written);
    return wrong(`\`${written}\` is no ${field.name}`, `${field.name}: ${field.range}`);
  }
  const values = new Set<string>();
  for (const part of written.split(',')) {
    const read = part.includes('#') ? null : valuesOf(part, index);
    if (read === null) return wrong(`\`${part}\` is no ${field.name} of a list`, `${field.name}: ${field.range}`);
    for (const value of /[Ll]/.test(part) ? [part] : read)
      values.add(String(value === 7 && field.most === 7 ? 0 : value));
  }
  return ok([...values].join(','));
}

/** The wall times from one on, from a calendar without changes of the clock. */
function* wallTimes(expression: string, from: WallTime): Generator<WallTime, void, undefined> {
  // One millisecond before: the library then begins with the full second, which counts itself.
  let calendar: CronExpression;
  try {
    calendar = CronExpressionParser.parse(expression, {
      tz: 'UTC',
      currentDate: new Date(Math.ceil(from / 1_000) * 1_000 - 1),
    });
    for (;;) yield calendar.next().getTime() as WallTime;
  } catch {
    // No further day within centuries.
  }
}

/**
 * Those in a stretch, from an instant on. Times in the gap before it come later by the gap; of those that came before the clock was put
 * back none comes again, unless every hour is meant.
 * @returns the first wall time after the stretch's own.
 */
function* inStretch(
  expression: string,
  stretch: Stretch,
  from: number,
  isHourly: boolean,
): Generator<number, WallTime, undefined> {
  const { start, end, offsetMs, offsetBeforeMs } = stretch;
  const moved: number[] = [];
  const [begin, beginBefore] = [wallOf(start, offsetMs), wallOf(start, offsetBeforeMs)];
  if (beginBefore < begin) {
    for (const wall of wallTimes(expression, beginBefore)) {
      if (wall >= begin) break;
      moved.push(wall - offsetBeforeMs);
    }
  }
  const first = isHourly ? begin : Math.max(begin, beginBefore);
  let next = 0;
  for (const wall of wallTimes(expression, Math.max(first, wallOf(from, offsetMs)) as WallTime)) {
    const instant = Math.min(wall - offsetMs, end);
    for (; (moved[next] ?? end) < instant; next += 1) yield moved[next] ?? end;
    if (instant === end) return wall;
    yield instant;
  }
  yield* moved.slice(next).filter((instant) => instant < end);
  return Number.POSITIVE_INFINITY as WallTime;
}

/**
 * Reads a cron expression.
 *
 * Day-of-month and day-of-week both given: either of them. A time that the clock passes over comes later by the gap. Of a time
 * that comes twice the first counts, but both do where the hour field begins with `*`.
 */
export function readCron(text: string): RuleResult {
  const fields = fieldsOf(text);
  if (!Array.isArray(fields)) return err(fields as RuleProblem);
  const read = fields.map(readField);
  const wrong = read.find((field) => !field.ok);
  if (wrong !== undefined && !wrong.ok) return wrong;
  const expression = read.map((field) => (field.ok ? field.value : '*')).join(' ');
  try {
    // Also what is impossible as a whole: the 30th of February.
    CronExpressionParser.parse(expression, { tz: 'UTC', currentDate: new Date(0) }).next();
  } catch {
    return err({ message: `\`${text.trim()}\` names no day that ever comes`, help: null });
  }
  const isHourly = /^[*?]/.test(fields[2] ?? '');
  return ok({
    *occurrences(from: number, zone: Zone) {
      let last = Number.NEGATIVE_INFINITY;
      let upcoming = Number.NEGATIVE_INFINITY as WallTime;
      for (const stretch of zone.stretches(from)) {
        const { end, offsetMs, offsetBeforeMs } = stretch;
        const isRepeated = isHourly && offsetMs < offsetBeforeMs;
        // What is rare is looked for once, not again in each stretch that it is not in.
        if (!isRepeated && upcoming - Math.max(offsetMs, offsetBeforeMs) >= end) continue;
        const instants = inStretch(expression, stretch, from, isHourly);
        for (let next = instants.next(); ; next = instants.next()) {
          if (next.done === true) {
            upcoming = next.value;
            break;
          }
          if (next.value >= from && next.value > last) yield next.value;
          last = Math.max(last, next.value);
        }
        if (upcoming === Number.POSITIVE_INFINITY && !isRepeated) return;
      }
    },
  });
}

/**
 * Functions on instants, which are text by RFC 3339. The zone's rules come from Intl (the IANA database inside Node); the words of a
 * pattern are English whatever the machine's language, so that a file name means the same everywhere.
 */

import { parseDuration } from '../base/duration.ts';
import { err, ok, type Result } from '../base/result.ts';
import { define, failed, type FunctionDefinition, optional, text } from './definition.ts';

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d))?$/;
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

/** Milliseconds since the epoch; `dated` when the text was a date without a time of day, taken as midnight UTC. */
interface Instant {
  readonly epochMs: number;
  readonly dated: boolean;
}

/** A short form of a text for a message. */
const quote = (source: string): string => `\`${source.length > 40 ? `${source.slice(0, 40)}...` : source}\``;

function epochOf(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  // Date.UTC takes the years 0 to 99 for 1900 to 1999; setUTCFullYear does not.
  const date = new Date(Date.UTC(2000, 0, 1, hour, minute, second));
  return date.setUTCFullYear(year, month - 1, day);
}

function readInstant(source: string): Result<Instant, string> {
  const match = INSTANT.exec(source.trim());
  const wrong = `${quote(source)} is no instant as RFC 3339 writes it, such as \`2026-01-02T03:04:05Z\``;
  if (match === null) return err(wrong);
  const [, ...groups] = match;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = groups
    .slice(0, 6)
    .map((part) => Number(part ?? 0));
  const [fraction = '', offset = 'Z'] = [groups[6], groups[7]];
  const local = epochOf(year, month, day, hour, minute, second);
  const date = new Date(local);
  const exists =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  const [offsetHours = 0, offsetMinutes = 0] = offset.length === 1 ? [] : offset.slice(1).split(':').map(Number);
  if (!exists || offsetHours > 23 || offsetMinutes > 59) return err(wrong);
  const east = (offset.startsWith('-') ? -1 : 1) * (offsetHours * 60 + offsetMinutes) * 60_000;
  return ok({ epochMs: local - east + Number(fraction.padEnd(3, '0').slice(0, 3)), dated: groups[3] === undefined });
}

const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** The zone's wall clock as if it were UTC, in milliseconds; null when there is no such zone. */
function wallClock(epochMs: number, zone: string): number | null {
  let format = FORMATS.get(zone);
  if (format === undefined) {
    // Newer versions of Node take offsets such as `+01:00` as zones, older ones do not: refused everywhere.
    if (!/^[A-Za-z]/.test(zone)) return null;
    const field = 'numeric';
    const fields = { year: field, month: field, day: field, hour: field, minute: field, second: field } as const;
    try {
      format = new Intl.DateTimeFormat('en-US-u-ca-iso8601-nu-latn', { timeZone: zone, hourCycle: 'h23', ...fields });
    } catch {
      return null;
    }
    if (FORMATS.size < 100) FORMATS.set(zone, format);
  }
  const read = new Map(format.formatToParts(epochMs).map(({ type, value }) => [type, Number(value)]));
  const at = (type: Intl.DateTimeFormatPartTypes): number => read.get(type) ?? 0;
  const wall = epochOf(at('year'), at('month'), at('day'), at('hour'), at('minute'), at('second'));
  return wall + (((epochMs % 1_000) + 1_000) % 1_000);
}

function writeOffset(offsetMs: number): string {
  const minutes = Math.trunc(Math.abs(offsetMs) / 60_000);
  if (minutes === 0) return 'Z';
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

type Field = (wall: Date, offsetMs: number) => string;
const padded = (value: number, width: number): string => String(value).padStart(width, '0');

/** The letters of Unicode's LDML (UTS 35, date field symbols) that are understood. */
const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['yyyy', (wall) => padded(wall.getUTCFullYear(), 4)],
  ['yy', (wall) => padded(wall.getUTCFullYear() % 100, 2)],
  ['MMMM', (wall) => MONTHS[wall.getUTCMonth()] ?? ''],
  ['MMM', (wall) => (MONTHS[wall.getUTCMonth()] ?? '').slice(0, 3)],
  ['MM', (wall) => padded(wall.getUTCMonth() + 1, 2)],
  ['M', (wall) => String(wall.getUTCMonth() + 1)],
  ['dd', (wall) => padded(wall.getUTCDate(), 2)],
  ['d', (wall) => String(wall.getUTCDate())],
  ['EEEE', (wall) => DAYS[wall.getUTCDay()] ?? ''],
  ['EEE', (wall) => (DAYS[wall.getUTCDay()] ?? '').slice(0, 3)],
  ['HH', (wall) => padded(wall.getUTCHours(), 2)],
  ['H', (wall) => String(wall.getUTCHours())],
  ['mm', (wall) => padded(wall.getUTCMinutes(), 2)],
  ['ss', (wall) => padded(wall.getUTCSeconds(), 2)],
  ['SSS', (wall) => padded(wall.getUTCMilliseconds(), 3)],
  ['XXX', (_wall, offsetMs) => writeOffset(offsetMs)],
]);

function writePattern(pattern: string, wall: Date, offsetMs: number): Result<string, string> {
  let written = '';
  // A quoted text (two quotes inside stand for one), a run of one letter, or anything else as it is.
  for (const [part] of pattern.matchAll(/'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z]/g)) {
    if (part === "'") return err('a quote of the pattern is not closed');
    if (part.startsWith("'")) written += part === "''" ? "'" : part.slice(1, -1).replaceAll("''", "'");
    else if (/^[A-Za-z]/.test(part)) {
      const field = FIELDS.get(part);
      if (field === undefined) return err(`\`${part.slice(0, 10)}\` is no field of a date pattern`);
      written += field(wall, offsetMs);
    } else written += part;
  }
  return ok(written);
}

/** The functions on instants, in the order of the documentation. */
export const TIME_FUNCTIONS: readonly FunctionDefinition[] = [
  define({
    name: 'format_date',
    group: 'time',
    parameters: [text('instant'), text('pattern'), optional(text('zone'))],
    description:
      'An instant (RFC 3339) or a date written by a pattern, in an IANA time zone (UTC). Fields: `yyyy yy MMMM MMM MM M dd d EEEE EEE HH H mm ss SSS XXX`, other letters in quotes. A date without a time of day is in no zone.',
    example: {
      expression: "format_date('2026-07-01T02:30:00Z', 'yyyy-MM-dd HH:mm XXX', 'America/New_York')",
      result: '2026-06-30 22:30 -04:00',
    },
    compute: (source, pattern, zone = 'UTC') => {
      const instant = readInstant(source);
      if (!instant.ok) return failed(instant.error);
      const { epochMs, dated } = instant.value;
      if (dated && zone !== 'UTC') {
        return failed(
          `${quote(source)} has no time of day, so it cannot be moved to a time zone`,
          'leave the zone out',
        );
      }
      const wall = zone === 'UTC' ? epochMs : wallClock(epochMs, zone);
      if (wall === null) return failed(`there is no time zone ${quote(zone)}`, 'zones are named as in `Europe/Berlin`');
      const offsetMs = wall - epochMs;
      const written = writePattern(pattern, new Date(wall), offsetMs);
      if (written.ok) return written;
      return failed(
        written.error,
        `fields are \`${[...FIELDS.keys()].join(' ')}\`; other letters stand in single quotes`,
      );
    },
  }),
  define({
    name: 'add_duration',
    group: 'time',
    parameters: [text('instant'), text('duration')],
    description:
      'The instant that is later by a duration such as `1h30m`, or earlier by `-1h30m`, in UTC with milliseconds. A day is 24 hours.',
    example: { expression: "add_duration('2026-01-01T00:00:00Z', '-1d12h')", result: '2025-12-30T12:00:00.000Z' },
    compute: (source, duration) => {
      const instant = readInstant(source);
      if (!instant.ok) return failed(instant.error);
      const backwards = duration.trim().startsWith('-');
      const length = parseDuration(backwards ? duration.trim().slice(1) : duration);
      if (!length.ok)
        return failed(`${quote(duration)} is no duration`, 'durations are written as in `1h30m` or `250ms`');
      const result = new Date(instant.value.epochMs + (backwards ? -length.value : length.value));
      if (result.getUTCFullYear() < 0 || result.getUTCFullYear() > 9_999)
        return failed('the instant is outside the years 0 to 9999');
      return ok(result.toISOString());
    },
  }),
];

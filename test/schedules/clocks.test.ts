/** What a change of the clock does to each kind of schedule: the documented rules, with the days on which they matter. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ScheduleTiming } from '../../src/model/schedule.ts';
import { nextOf, readTimetable } from '../../src/schedules/occurrences.ts';
import { Zone } from '../../src/schedules/zone.ts';
import { ZONES } from './drawing.ts';

const NEW_YORK = 'America/New_York';

function next(
  timing: ScheduleTiming,
  timezone: string,
  from: string,
  count = 3,
  bounds: { start?: string; end?: string } = {},
) {
  const read = readTimetable({ timing, timezone, start: bounds.start ?? null, end: bounds.end ?? null });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return nextOf([read.value], Date.parse(from), count).map((instant) =>
    new Date(instant).toISOString().replace(/:00\.000Z$/, 'Z'),
  );
}
const cron = (expression: string, zone: string, from: string, count?: number) =>
  next({ kind: 'cron', expression }, zone, from, count);
const every = (every_ms: number, zone: string, from: string, count?: number, anchor: string | null = null) =>
  next({ kind: 'interval', every_ms, anchor }, zone, from, count);
const rrule = (rule: string, zone: string, from: string, count?: number) =>
  next({ kind: 'rrule', rule }, zone, from, count);
const HOUR = 3_600_000;

describe('a cron expression', () => {
  it('at a time that the clock passes over comes later by the gap', () => {
    const expected = ['2026-03-07T07:30Z', '2026-03-08T07:30Z', '2026-03-09T06:30Z'];
    expect(cron('30 2 * * *', NEW_YORK, '2026-03-07T00:00:00Z')).toEqual(expected);
    // Half an hour, on an island.
    expect(cron('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z', 2)).toEqual([
      '2026-10-03T15:45Z',
      '2026-10-04T15:15Z',
    ]);
    // A whole day, which is the next one then.
    expect(cron('0 12 * * *', 'Pacific/Apia', '2011-12-29T00:00:00Z', 2)).toEqual([
      '2011-12-29T22:00Z',
      '2011-12-30T22:00Z',
    ]);
  });

  it('does not come twice where the moved instant is one of its own', () => {
    const expected = ['2026-03-08T06:45Z', '2026-03-08T07:00Z', '2026-03-08T07:15Z'];
    expect(cron('*/15 * * * *', NEW_YORK, '2026-03-08T06:45:00Z')).toEqual(expected);
    expect(cron('0 2,3 * * *', NEW_YORK, '2026-03-08T05:00:00Z', 2)).toEqual([
      '2026-03-08T07:00Z',
      '2026-03-09T06:00Z',
    ]);
  });

  it('at a time that comes twice comes at the first', () => {
    const expected = ['2026-10-31T05:30Z', '2026-11-01T05:30Z', '2026-11-02T06:30Z'];
    expect(cron('30 1 * * *', NEW_YORK, '2026-10-31T00:00:00Z')).toEqual(expected);
    // Asked in between, the first is over.
    expect(cron('30 1 * * *', NEW_YORK, '2026-11-01T05:45:00Z', 1)).toEqual(['2026-11-02T06:30Z']);
    expect(cron('*/20 1 * * *', NEW_YORK, '2026-11-01T05:00:00Z', 4)).toEqual([
      '2026-11-01T05:00Z',
      '2026-11-01T05:20Z',
      '2026-11-01T05:40Z',
      '2026-11-02T06:00Z',
    ]);
  });

  it('of every hour comes in both', () => {
    const expected = ['2026-11-01T05:45Z', '2026-11-01T06:15Z', '2026-11-01T06:45Z', '2026-11-01T07:15Z'];
    expect(cron('15,45 * * * *', NEW_YORK, '2026-11-01T05:30:00Z', 4)).toEqual(expected);
  });

  it('takes either of day of the month and day of the week, names, L, # and words', () => {
    expect(cron('0 0 13 * FRI', 'UTC', '2026-02-07T00:00:00Z', 3)).toEqual([
      '2026-02-13T00:00Z',
      '2026-02-20T00:00Z',
      '2026-02-27T00:00Z',
    ]);
    expect(cron('0 0 L FEB *', 'UTC', '2027-01-01T00:00:00Z', 2)).toEqual(['2027-02-28T00:00Z', '2028-02-29T00:00Z']);
    expect(cron('0 0 * * 5L', 'UTC', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-30T00:00Z']);
    expect(cron('0 0 * * 5#2', 'UTC', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-09T00:00Z']);
    expect(cron('0 0 * * 0,7,sun', 'UTC', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-04T00:00Z']);
    expect(cron('@Daily', 'UTC', '2026-01-01T00:00:01Z', 1)).toEqual(['2026-01-02T00:00Z']);
    expect(cron('30 15 10 * * *', 'UTC', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-01T10:15:30.000Z']);
  });
});

describe('an interval', () => {
  it('of whole days keeps the time of the clock', () => {
    const expected = ['2026-03-07T07:30Z', '2026-03-08T07:30Z', '2026-03-09T06:30Z'];
    expect(every(24 * HOUR, NEW_YORK, '2026-03-07T00:00:00Z', 3, '2026-01-01T02:30')).toEqual(expected);
    expect(every(48 * HOUR, 'Europe/Berlin', '2026-03-27T00:00:00Z', 3, '2026-03-28')).toEqual([
      '2026-03-27T23:00Z',
      '2026-03-29T22:00Z',
      '2026-03-31T22:00Z',
    ]);
  });

  it('of anything else is absolute, and counted in both directions', () => {
    expect(every(6 * HOUR, NEW_YORK, '2026-03-08T04:00:00Z', 3)).toEqual([
      '2026-03-08T05:00Z',
      '2026-03-08T11:00Z',
      '2026-03-08T17:00Z',
    ]);
    expect(every(36 * HOUR, 'UTC', '2019-12-27T00:00:00Z', 3)).toEqual([
      '2019-12-27T12:00Z',
      '2019-12-29T00:00Z',
      '2019-12-30T12:00Z',
    ]);
  });
});

describe('a recurrence rule', () => {
  it('leaves out what the clock passes over, and does not count it', () => {
    const rule = 'DTSTART:20260307T023000\nRRULE:FREQ=DAILY;COUNT=2';
    expect(rrule(rule, NEW_YORK, '2026-01-01T00:00:00Z', 5)).toEqual(['2026-03-07T07:30Z', '2026-03-09T06:30Z']);
  });

  it('takes the first of what comes twice', () => {
    expect(rrule('DTSTART:20261101T013000\nFREQ=DAILY', NEW_YORK, '2026-10-01T00:00:00Z', 1)).toEqual([
      '2026-11-01T05:30Z',
    ]);
  });

  it('ends with UNTIL, at that instant or at the end of that day; leaves EXDATE out, and adds RDATE', () => {
    const weekly = 'DTSTART:20260105T090000\nRRULE:FREQ=WEEKLY';
    expect(rrule(`${weekly};UNTIL=20260119`, 'Europe/Berlin', '2026-01-01T00:00:00Z', 9)).toHaveLength(3);
    expect(rrule(`${weekly};UNTIL=20260119T080000Z`, 'Europe/Berlin', '2026-01-01T00:00:00Z', 9)).toHaveLength(3);
    expect(rrule(`${weekly};UNTIL=20260119T075959Z`, 'Europe/Berlin', '2026-01-01T00:00:00Z', 9)).toHaveLength(2);
    const other = `${weekly};COUNT=3\nEXDATE:20260112T090000\nRDATE:20260113T090000`;
    expect(rrule(other, 'UTC', '2026-01-01T00:00:00Z', 9)).toEqual([
      '2026-01-05T09:00Z',
      '2026-01-13T09:00Z',
      '2026-01-19T09:00Z',
    ]);
  });

  it('begins with `start` where it has no DTSTART', () => {
    const timing: ScheduleTiming = { kind: 'rrule', rule: 'FREQ=DAILY;INTERVAL=2' };
    expect(next(timing, 'UTC', '2026-01-02T00:00:00Z', 2, { start: '2026-01-01T06:00' })).toEqual([
      '2026-01-03T06:00Z',
      '2026-01-05T06:00Z',
    ]);
    expect(next(timing, 'UTC', '2026-01-02T07:00:00Z', 1)).toEqual(['2026-01-02T07:00Z']);
  });
});

it('a fixed time is moved by a gap, and is the first of two', () => {
  const at = (time: string) => next({ kind: 'at', time }, NEW_YORK, '2026-01-01T00:00:00Z', 9);
  expect(at('2026-03-08T02:30')).toEqual(['2026-03-08T07:30Z']);
  expect(at('2026-11-01 01:30')).toEqual(['2026-11-01T05:30Z']);
  expect(at('2026-11-01T01:30:00-05:00')).toEqual(['2026-11-01T06:30Z']);
});

it('`start` is the first instant that may be, `end` the first that may not', () => {
  const timing: ScheduleTiming = { kind: 'cron', expression: '0 0 * * *' };
  const bounds = { start: '2026-01-02', end: '2026-01-04' };
  expect(next(timing, 'UTC', '2020-01-01T00:00:00Z', 9, bounds)).toEqual(['2026-01-02T00:00Z', '2026-01-03T00:00Z']);
});

it('whatever the zone: instants ascend, none is before the first asked for, and asking from one names it again', () => {
  const timings: readonly ScheduleTiming[] = [
    { kind: 'cron', expression: '30 2 * * *' },
    { kind: 'cron', expression: '*/20 * * * *' },
    { kind: 'cron', expression: '5 1,2,3 * * 0' },
    { kind: 'interval', every_ms: 24 * HOUR, anchor: '2020-01-01T02:30' },
    { kind: 'interval', every_ms: 7 * HOUR, anchor: null },
    { kind: 'rrule', rule: 'DTSTART:20000101T013000\nRRULE:FREQ=DAILY;BYHOUR=1,2' },
  ];
  const instant = fc.integer({ min: Date.UTC(1971, 0, 1) / 1_000, max: Date.UTC(2099, 0, 1) / 1_000 });
  fc.assert(
    fc.property(fc.constantFrom(...timings), fc.constantFrom(...ZONES), instant, (timing, timezone, second) => {
      const read = readTimetable({ timing, timezone, start: null, end: null });
      if (!read.ok) throw new Error('not read');
      const from = second * 1_000;
      const found = nextOf([read.value], from, 6);
      expect(found.every((each, index) => each >= from && (index === 0 || each > (found[index - 1] ?? 0)))).toBe(true);
      const [first, ...later] = found;
      if (first !== undefined) expect(nextOf([read.value], first + 1, 5)).toEqual(later);
      if (first !== undefined) expect(nextOf([read.value], first, 1)).toEqual([first]);
    }),
    { numRuns: Number(process.env.SCHEDULE_CASES ?? 150) },
  );
});

it('a wall time and its instants agree, and stretches lie side by side', () => {
  const zone = fc.constantFrom(...ZONES).map((name) => Zone.named(name));
  const instant = fc.integer({ min: Date.UTC(1971, 0, 1) / 1_000, max: Date.UTC(2099, 0, 1) / 1_000 });
  fc.assert(
    fc.property(zone, instant, (place, second) => {
      if (place === null) throw new Error('no such zone');
      const at = second * 1_000;
      const resolved = place.resolve((at + place.offsetAt(at)) as never);
      const known =
        resolved.kind === 'fold'
          ? [resolved.first, resolved.second]
          : resolved.kind === 'once'
            ? [resolved.instant]
            : [];
      expect(known).toContain(at);
      let end = Number.NaN;
      let seen = 0;
      for (const stretch of place.stretches(at)) {
        if (seen > 0) expect(stretch.start).toBe(end);
        expect(place.offsetAt(stretch.end - 1_000)).toBe(stretch.offsetMs);
        end = stretch.end;
        seen += 1;
        if (seen === 4) break;
      }
    }),
  );
});

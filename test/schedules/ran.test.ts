/** What is remembered of instants that were run, and what of schedules goes over to other ones. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunId } from '../../src/base/ids.ts';
import type { RanInstants, RunClaim } from '../../src/model/deployment.ts';
import type { ScheduleDefinition } from '../../src/model/schedule.ts';
import { nextOf, type Occurrences, type Timetable } from '../../src/schedules/occurrences.ts';
import { hasRun, MOST_SPANS, withRun } from '../../src/schedules/ran.ts';
import { withSchedules } from '../../src/schedules/redeploy.ts';
import { Timetables } from '../../src/schedules/timetables.ts';

const timetables = new Timetables();
const read = (timetable: Timetable): Occurrences | null => timetables.read(timetable);
const cron = (expression: string, timezone = 'UTC'): Timetable => ({
  timing: { kind: 'cron', expression },
  timezone,
  start: null,
  end: null,
});
const instants = (table: Timetable, from: number, count: number): readonly number[] => {
  const occurrences = read(table);
  if (occurrences === null) throw new Error('not read');
  return nextOf([occurrences], from, count);
};
const START = Date.UTC(2026, 2, 1);

describe('instants that were run', () => {
  it('are remembered exactly, whatever their order, and as few spans', () => {
    const table = fc.constantFrom(
      cron('30 2 * * *', 'America/New_York'),
      cron('*/20 * * * *', 'Australia/Lord_Howe'),
      cron('0 0 * * MON-FRI'),
    );
    fc.assert(
      fc.property(table, fc.uniqueArray(fc.integer({ min: 0, max: 39 }), { maxLength: 40 }), (each, places) => {
        const all = instants(each, START, 40);
        let ran: readonly RanInstants[] = [];
        for (const place of places) ran = withRun(ran, { timetable: each, params: {} }, all[place] ?? 0, read);
        for (const place of places) {
          expect(withRun(ran, { timetable: each, params: {} }, all[place] ?? 0, read)).toBe(ran);
        }
        const known = new Set(places);
        expect(all.filter((instant) => hasRun(ran, {}, instant, read))).toEqual(all.filter((_, at) => known.has(at)));
        // As many spans as there are instants whose neighbour before is not there.
        const spans = ran[0]?.spans ?? [];
        expect(spans).toHaveLength(places.filter((place) => !known.has(place - 1)).length);
      }),
      { numRuns: 150 },
    );
  });

  it('are none between them when the schedule becomes a narrower one, nor for other params', () => {
    const [nightly, hourly] = [cron('0 0 * * *'), cron('0 * * * *')];
    const nights = instants(nightly, START, 5);
    const ran = nights.reduce<readonly RanInstants[]>(
      (before, instant) => withRun(before, { timetable: nightly, params: { region: 'eu' } }, instant, read),
      [],
    );
    expect(ran).toMatchObject([
      { spans: [[new Date(nights[0] ?? 0).toISOString(), new Date(nights[4] ?? 0).toISOString()]] },
    ]);
    const hours = instants(hourly, START, 4 * 24 + 1);
    expect(hours.filter((instant) => hasRun(ran, { region: 'eu' }, instant, read))).toEqual(nights);
    expect(nights.some((instant) => hasRun(ran, { region: 'us' }, instant, read))).toBe(false);
  });

  it('take no more room than so many spans: the oldest gaps are closed', () => {
    const table = cron('* * * * *');
    let ran: readonly RanInstants[] = [];
    const count = MOST_SPANS + 10;
    for (let at = 0; at < count; at += 1) {
      ran = withRun(ran, { timetable: table, params: {} }, START + at * 120_000, read);
    }
    expect(ran[0]?.spans).toHaveLength(MOST_SPANS);
    expect(hasRun(ran, {}, START + 60_000, read)).toBe(true);
    expect(hasRun(ran, {}, START + (2 * count - 3) * 60_000, read)).toBe(false);
  });
});

describe('a deployment that gets other schedules', () => {
  const schedule = (expression: string): ScheduleDefinition => ({
    ...cron(expression),
    ...{ params: {}, jitter_ms: 0, active: true, overlap: 'skip', catch_up: 'all', catch_up_window_ms: 86_400_000 },
  });
  const text = (hour: number): string => new Date(START + hour * 3_600_000).toISOString();
  const claim = (place: number, hour: number): RunClaim => ({
    ...{ schedule: place, scheduled_for: text(hour), trigger: 'schedule', claimed_at: text(hour) },
    run: `01m8000000000000000000000${hour}` as RunId,
  });

  it('keeps what waits under the schedule that it belongs to, and tells of the rest', () => {
    const [a, b, c] = [schedule('0 * * * *'), schedule('30 * * * *'), schedule('45 * * * *')];
    const old = {
      ...{ versions: [], schedules: [a, b], decided_until: [text(1), text(2)], ran: [] },
      ...{ claims: [claim(0, 1), claim(1, 2)], open: [claim(1, 3)], backfilling: [claim(0, 4), claim(1, 5)] },
      queue: [
        { schedule: 0, scheduled_for: text(6) },
        { schedule: 1, scheduled_for: text(7) },
      ],
    };
    const { after, lost } = withSchedules(old, { schedules: [c, b], triggers: [] }, text(9));
    expect(after.decided_until).toEqual([text(9), text(2)]);
    expect(after.claims).toEqual([claim(1, 2)]);
    expect(after.backfilling).toEqual([claim(1, 5)]);
    expect(after.queue).toEqual([{ schedule: 1, scheduled_for: text(7) }]);
    expect(lost.map((each) => [each.outcome, each.scheduled_for])).toEqual([
      ['missed', text(1)],
      ['missed', text(6)],
    ]);
    expect(hasRun(after.ran, {}, START + 4 * 3_600_000, read)).toBe(true);
    expect(withSchedules({ ...old, ...after }, { schedules: [b, c], triggers: [] }, text(9)).after.claims).toEqual([
      claim(0, 2),
    ]);
  });
});

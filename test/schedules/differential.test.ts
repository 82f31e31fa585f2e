/**
 * Schedules against other programs: croniter, dateutil and zoneinfo (Python), and `systemd-analyze calendar`. SCHEDULE_CASES and
 * SCHEDULE_SEED ask for more, and for others.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { nextOf, readTimetable } from '../../src/schedules/occurrences.ts';
import type { ScheduleTiming } from '../../src/model/schedule.ts';
import { type Draw, drawCron, drawing, drawRecurrence, ZONES } from './drawing.ts';

const CASES = Number(process.env.SCHEDULE_CASES ?? 120);
const SEED = Number(process.env.SCHEDULE_SEED ?? 1);
const COUNT = 12;

const PYTHON = ['/usr/bin/python3', 'python3'].find(
  (program) => spawnSync(program, ['-c', 'import croniter, dateutil, zoneinfo']).status === 0,
);
const HAS_SYSTEMD = spawnSync('systemd-analyze', ['calendar', 'daily']).status === 0;

interface Case {
  readonly kind: 'cron' | 'rrule';
  readonly text: string;
  readonly zone: string;
  readonly from: number;
  readonly count: number;
  readonly start: string;
}

/** Starts between 1970 and 2100, half of them near where clocks are changed. */
function drawCase(draw: Draw, kind: Case['kind']): Case {
  const year = 1971 + draw(128);
  const month = draw(2) === 0 ? draw(12) : [2, 3, 8, 9, 10][draw(5)];
  const from = Date.UTC(year, month ?? 0, 1 + draw(28), draw(24), draw(60)) / 1_000;
  const start = new Date((from - draw(40) * 86_400) * 1_000).toISOString().slice(0, 19);
  const text = kind === 'cron' ? drawCron(draw) : drawRecurrence(draw);
  return { kind, text, zone: ZONES[draw(ZONES.length)] ?? 'UTC', from, count: COUNT, start };
}

/** croniter takes the whole week written as a range for `*`; for cron, and for us, only `*` leaves the other field to decide. */
const isSaidOtherwise = ({ kind, text }: Case): boolean => kind === 'cron' && / 0-6(\/1)?$/.test(text);

function ours({ kind, text, zone, from, start }: Case): readonly number[] | null {
  const timing: ScheduleTiming = kind === 'cron' ? { kind, expression: text } : { kind, rule: text };
  const read = readTimetable({ timing, timezone: zone, start: kind === 'rrule' ? start : null, end: null });
  if (!read.ok) return null;
  // What is rare is compared as far as tables of zones and calendars are worth it.
  return nextOf([read.value], from * 1_000, COUNT)
    .map((instant) => instant / 1_000)
    .filter((instant) => instant < Date.UTC(2100, 0, 1) / 1_000);
}

function theirs(cases: readonly Case[]): readonly (readonly number[] | null)[] {
  const input = JSON.stringify(cases);
  const oracle = path.join(import.meta.dirname, 'oracle.py');
  return JSON.parse(execFileSync(PYTHON ?? '', [oracle], { input, encoding: 'utf8', maxBuffer: 1 << 28 }));
}

describe.skipIf(PYTHON === undefined)('against croniter, dateutil and zoneinfo (needs Python with both)', () => {
  it.each(['cron', 'rrule'] as const)(`%s: ${CASES} random ones from seed ${SEED}`, (kind) => {
    const draw = drawing(SEED);
    const cases = Array.from({ length: CASES }, () => drawCase(draw, kind)).filter((one) => !isSaidOtherwise(one));
    const expected = theirs(cases);
    const differing = cases.flatMap((drawn, index) => {
      const mine = ours(drawn);
      const other = expected[index]?.filter((instant) => instant < Date.UTC(2100, 0, 1) / 1_000) ?? null;
      const same =
        JSON.stringify(mine) === JSON.stringify(other) || ((mine ?? []).length === 0 && (other ?? []).length === 0);
      return same ? [] : [{ ...drawn, mine: written(mine), other: written(other) }];
    });
    expect(differing).toEqual([]);
  });
});

/** The instants that systemd names, in UTC. */
function fromSystemd(calendar: string, from: number): readonly string[] {
  const base = `${new Date(from * 1_000 - 1_000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const options = ['calendar', `--iterations=${COUNT}`, `--base-time=${base}`, calendar];
  const printed = execFileSync('systemd-analyze', options, {
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC', LANG: 'C' },
  });
  return [...printed.matchAll(/(?:Next elapse|Iter\. #\d+|\(in UTC\)): \w{3} ([\d-]+) ([\d:]+) UTC/g)].map(
    ([, day, time]) => `${day}T${time}.000Z`,
  );
}

describe.skipIf(!HAS_SYSTEMD)('against systemd-analyze (needs it)', () => {
  it(`the same time each day, ${CASES / 10} random ones from seed ${SEED}: systemd leaves out what the clock passes over, we are late`, () => {
    const draw = drawing(SEED);
    const differing = Array.from({ length: CASES / 10 }, () => {
      const { zone, from } = drawCase(draw, 'cron');
      const [hour, minute] = [draw(2) === 0 ? 1 + draw(3) : draw(24), draw(60)];
      const weekday = draw(3) === 0 ? 'Mon,Thu' : null;
      const text = `${minute} ${hour} * * ${weekday ?? '*'}`;
      const calendar = `${weekday ?? ''} *-*-* ${hour}:${minute}:00 ${zone}`.trim();
      const theirs = fromSystemd(calendar, from);
      const read = readTimetable({
        timing: { kind: 'cron', expression: text },
        timezone: zone,
        start: null,
        end: null,
      });
      if (!read.ok) return [text];
      const clock = read.value.zone;
      const mine = nextOf([read.value], from * 1_000, COUNT + 2).filter((instant) => {
        const shown = new Date(instant + clock.offsetAt(instant));
        return shown.getUTCHours() === hour && shown.getUTCMinutes() === minute;
      });
      const ours = mine.slice(0, COUNT).map((instant) => new Date(instant).toISOString());
      return JSON.stringify(ours) === JSON.stringify(theirs) ? [] : [{ text, zone, from, ours, theirs }];
    }).flat();
    expect(differing).toEqual([]);
  });
});

const written = (instants: readonly number[] | null): string =>
  instants
    ?.map((instant) => (Number.isFinite(instant) ? new Date(instant * 1_000).toISOString().slice(0, 16) : instant))
    .join(' ') ?? 'refused';

/**
 * Days of schedules in ten zones, with a scheduler that is killed at any instant, sleeps and comes late. What is decided about every single
 * instant is compared with what the page about schedules says, told here once more in another way.
 *
 *     SCHEDULER_DAYS=365 SCHEDULER_SEED=7 npx vitest run test/scheduler/year.test.ts
 */

import { expect, it } from 'vitest';
import { assertNever } from '../../src/base/result.ts';
import { type Deployment, EMPTY_PROJECT_DOCUMENT, REMEMBERED_TICKS } from '../../src/model/deployment.ts';
import { CATCH_UPS, OVERLAPS, type ScheduleDefinition } from '../../src/model/schedule.ts';
import { pass } from '../../src/scheduler/pass.ts';
import { jitterOf, LONGEST_QUEUE } from '../../src/schedules/due.ts';
import { type Occurrences, readTimetable } from '../../src/schedules/occurrences.ts';
import { Timetables } from '../../src/schedules/timetables.ts';
import { between, chance, seeded } from '../kit/seeded.ts';
import { type Commit, Killed, type SimulatedRun, SimulatedWorld } from './simulated.ts';

const DAYS = Number(process.env['SCHEDULER_DAYS'] ?? 6);
const SEED = Number(process.env['SCHEDULER_SEED'] ?? 1);
const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000] as const;
const ZONES = [
  ...['UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Africa/Cairo', 'Asia/Kolkata'],
  ...['America/St_Johns', 'Pacific/Auckland', 'America/Santiago', 'Europe/London'],
];
const TIMINGS: readonly ScheduleDefinition['timing'][] = [
  { kind: 'cron', expression: '30 2 * * *' },
  { kind: 'cron', expression: '15 * * * *' },
  { kind: 'cron', expression: '*/20 1-3 * * *' },
  { kind: 'cron', expression: '0 0,12 * * MON-FRI' },
  { kind: 'interval', every_ms: 7 * HOUR, anchor: null },
  { kind: 'interval', every_ms: DAY, anchor: '2026-01-01T02:30' },
  { kind: 'rrule', rule: 'FREQ=DAILY;BYHOUR=1,2;BYMINUTE=30;BYSECOND=0' },
];

/** Every policy in every zone; what names the instants goes round. */
function fleet(begin: number): readonly Deployment[] {
  return ZONES.flatMap((timezone, zone) =>
    OVERLAPS.flatMap((overlap, one) =>
      CATCH_UPS.map((catch_up, other): Deployment => {
        const place = zone + one * 2 + other * 3;
        const timing = TIMINGS[place % TIMINGS.length] ?? { kind: 'at', time: '2026-01-01' };
        const jitter_ms = place % 5 === 0 ? 5 * MINUTE : 0;
        const at = new Date(begin).toISOString();
        return {
          ...{ name: `d${zone}.${overlap}.${catch_up}`, flow: '/flow.yaml', version: 1, versions: [], params: {} },
          schedules: [
            {
              ...{
                timing,
                timezone,
                start: '2026-01-01T00:00',
                end: null,
                params: {},
                jitter_ms,
                active: true,
                overlap,
              },
              ...{ catch_up, catch_up_window_ms: 6 * HOUR },
            },
          ],
          ...{
            decided_until: [at],
            paused: null,
            claims: [],
            open: [],
            queue: [],
            backfilling: [],
            ran: [],
            ticks: [],
          },
          updated_at: at,
        };
      }),
    ),
  );
}

/** What the page says is done about the instants of one schedule that a look finds. */
function selected(
  { catch_up, catch_up_window_ms, jitter_ms }: ScheduleDefinition,
  found: readonly number[],
  at: number,
) {
  const last = found.at(-1) ?? 0;
  const onTime = at - (last + jitter_ms) <= 10 * MINUTE ? [last] : [];
  const inWindow = found.filter((instant) => at - instant <= catch_up_window_ms);
  switch (catch_up) {
    case 'none':
      return onTime;
    case 'latest':
      return [...new Set([...inWindow.slice(-1), ...onTime])];
    case 'all':
      return [...new Set([...inWindow, ...onTime])];
    default:
      return assertNever(catch_up, 'way of catching up');
  }
}

/** Follows one deployment from write to write. */
class Witness {
  readonly name: string;
  readonly fates = new Map<number, 'run' | 'missed' | 'skipped'>();
  private readonly schedule: ScheduleDefinition;
  private readonly occurrences: Occurrences;
  private until: number;
  private toCancel: SimulatedRun[] = [];
  /** When the first instant that is not decided is due. */
  due: number;

  constructor({ name, schedules: [schedule] }: Deployment, begin: number) {
    const read = schedule === undefined ? null : readTimetable(schedule);
    if (schedule === undefined || read?.ok !== true) throw new Error('not read');
    [this.name, this.schedule, this.occurrences, this.until] = [name, schedule, read.value, begin];
    this.due = this.nextDue();
  }

  private nextDue(): number {
    for (const instant of this.occurrences.from(this.until + 1)) return instant + this.jitter(instant);
    return Number.POSITIVE_INFINITY;
  }

  private jitter(instant: number): number {
    return jitterOf(this.name, 0, instant, this.schedule.jitter_ms);
  }

  private dueAt(at: number): readonly number[] {
    const found: number[] = [];
    for (const instant of this.occurrences.from(this.until + 1)) {
      if (instant + this.jitter(instant) > at) break;
      found.push(instant);
    }
    return found;
  }

  private answer(instant: number, fate: 'run' | 'missed' | 'skipped'): void {
    const text = `${this.name} ${new Date(instant).toISOString()}`;
    if (fate !== 'skipped')
      expect(this.fates.has(instant), `${text} ${fate}, was ${this.fates.get(instant)}`).toBe(false);
    else expect(this.fates.get(instant), `${text} is skipped once, when it was to run`).toBe('run');
    this.fates.set(instant, fate);
  }

  /** One write. */
  see({ at, before, after, news }: Commit, runs: SimulatedWorld['runs']): void {
    const decides = before.decided_until[0] !== after.decided_until[0];
    const found = decides ? this.dueAt(at) : [];
    const chosen = selected(this.schedule, found, at);
    if (decides) {
      expect(Date.parse(after.decided_until[0] ?? ''), `${this.name}: decided up to`).toBe(found.at(-1));
      this.until = found.at(-1) ?? this.until;
      this.due = this.nextDue();
      for (const instant of chosen) this.answer(instant, 'run');
      for (const instant of found.filter((each) => !chosen.includes(each))) this.answer(instant, 'missed');
    }
    const all = news.flatMap((tick) => (tick.outcome === 'missed' ? [tick] : []));
    // What finds a full queue is told one by one.
    const isFull = before.queue.length + chosen.length > LONGEST_QUEUE;
    const full = all.filter(
      ({ scheduled_for, count }) => isFull && count === 1 && this.fates.get(Date.parse(scheduled_for)) === 'run',
    );
    for (const { scheduled_for } of full) this.fates.set(Date.parse(scheduled_for), 'missed');
    const missed = all.filter((tick) => !full.includes(tick));
    const expected = found.filter((each) => !chosen.includes(each)).map((each) => new Date(each).toISOString());
    expect(
      missed.map(({ scheduled_for, until, count, is_more }) => [scheduled_for, until, count, is_more]),
      `${this.name}: missed`,
    ).toEqual(expected.length === 0 ? [] : [[expected[0], expected.at(-1), expected.length, false]]);
    const alive = [...before.open, ...before.claims].flatMap(({ run }) => {
      const known = runs.get(run);
      // A claim without a run is about to be started.
      return known === undefined || known.ends > at ? [run] : [];
    });
    for (const tick of news) {
      if (tick.outcome !== 'skipped') continue;
      this.answer(Date.parse(tick.scheduled_for), 'skipped');
      expect(['skip', 'cancel_running']).toContain(this.schedule.overlap);
      expect(alive, `${this.name}: what stood in the way of ${tick.scheduled_for}`).toContain(tick.because_of);
    }
    if (news.length >= REMEMBERED_TICKS && this.schedule.overlap === 'cancel_running') {
      // More than a deployment remembers: told on the way, and seen here by what does not wait any more.
      const left = new Set([...after.queue, ...after.claims].map(({ scheduled_for }) => Date.parse(scheduled_for)));
      for (const { scheduled_for } of before.queue) {
        const instant = Date.parse(scheduled_for);
        if (!left.has(instant) && this.fates.get(instant) === 'run') this.answer(instant, 'skipped');
      }
    }
    const isAlone = chosen.length === 1;
    if (isAlone && (this.schedule.overlap === 'allow' || (alive.length === 0 && before.queue.length === 0))) {
      const claims = after.claims.map(({ scheduled_for }) => Date.parse(scheduled_for));
      expect(claims, `${this.name} has nothing to wait for`).toContain(chosen[0]);
    }
    if (isAlone && this.schedule.overlap === 'cancel_running') {
      this.toCancel.push(...alive.flatMap((run) => runs.get(run) ?? []));
    }
  }

  /** A look went to its end. */
  looked(at: number): void {
    expect(this.due, `${this.name}: undecided`).toBeGreaterThan(at);
    for (const { cancelled, ends, run } of this.toCancel.splice(0)) {
      expect(cancelled !== null || ends <= at, `${this.name}: ${run} was to end`).toBe(true);
    }
  }

  /** All is over. */
  conclude(runs: readonly SimulatedRun[], last: Deployment): void {
    const started = runs.map(({ scheduled_for }) => Date.parse(scheduled_for));
    expect(new Set(started).size, `${this.name}: twice`).toBe(started.length);
    const waiting = [...last.queue, ...last.claims].map(({ scheduled_for }) => Date.parse(scheduled_for));
    const expected = [...this.fates].filter(([, fate]) => fate === 'run').map(([instant]) => instant);
    const sorted = (list: readonly number[]): readonly number[] => [...list].sort((one, other) => one - other);
    expect(sorted([...started, ...waiting]), `${this.name}: runs`).toEqual(sorted(expected));
    if (this.schedule.overlap === 'allow') return;
    const inOrder = [...runs].sort((one, other) => one.begun - other.begun);
    for (const [place, { begun, run }] of inOrder.entries()) {
      expect(inOrder[place - 1]?.ends ?? 0, `${this.name}: ${run} ran beside another one`).toBeLessThanOrEqual(begun);
    }
  }
}

it(
  `${DAYS} days in ten zones with a scheduler that dies: every instant as declared (SCHEDULER_SEED=${SEED})`,
  async () => {
    const draw = seeded(SEED);
    // Short ones begin shortly before clocks are changed somewhere.
    const changes = [
      [2, 27],
      [9, 2],
      [9, 23],
      [3, 2],
      [2, 6],
      [3, 22],
    ] as const;
    const [month, day] = DAYS >= 365 ? [0, 1] : (changes[between(draw, 0, changes.length - 1)] ?? [0, 1]);
    const begin = Date.UTC(2026, month, day, between(draw, 0, 23), between(draw, 0, 59));
    const end = begin + DAYS * DAY;
    let [killing, quiet] = [0.004, false];
    const world = new SimulatedWorld(begin, {
      isKilled: () => !quiet && chance(draw, killing),
      duration: () => (chance(draw, 0.05) ? between(draw, 1, 6) * HOUR : between(draw, 1, 12) * MINUTE),
    });
    const deployments = fleet(begin);
    world.document = {
      ...EMPTY_PROJECT_DOCUMENT,
      deployments: Object.fromEntries(deployments.map((each) => [each.name, each])),
    };
    const witnesses = new Map(deployments.map((each) => [each.name, new Witness(each, begin)]));
    const hear = (): void => {
      for (const commit of world.commits.splice(0)) witnesses.get(commit.after.name)?.see(commit, world.runs);
    };
    const nextOfAll = (): number => {
      const all = Object.values(world.document.deployments);
      const isWaiting = all.some(({ queue, claims }) => queue.length + claims.length > 0);
      const ends = isWaiting ? world.going().map((run) => run.ends) : [];
      return Math.min(...[...witnesses.values()].map(({ due }) => due), ...ends, world.now + 6 * HOUR);
    };
    while (world.now < end) {
      const [ports, timetables] = [world.process(), new Timetables()];
      killing = chance(draw, 0.2) ? 0.05 : 0.002;
      try {
        while (world.now < end) {
          await pass(ports, timetables);
          hear();
          for (const witness of witnesses.values()) witness.looked(world.now);
          const late = chance(draw, 0.01) ? between(draw, 1, 20 * 60) * MINUTE : between(draw, 0, 1_500);
          world.now = Math.max(world.now + 10, nextOfAll() + late);
        }
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        hear();
        const away = chance(draw, 0.7) ? between(draw, 1, 90) * SECOND : between(draw, 1, 60 * 20) * MINUTE;
        world.now += chance(draw, 0.03) ? away + 2 * DAY : away;
      }
    }
    quiet = true;
    await pass(world.process(), new Timetables());
    hear();
    for (const [name, witness] of witnesses) {
      const last = world.document.deployments[name];
      if (last === undefined) throw new Error('gone');
      witness.conclude(
        [...world.runs.values()].filter(({ deployment }) => deployment === name),
        last,
      );
    }
    expect(world.kills).toBeGreaterThan(DAYS);
    const fates = [...witnesses.values()].flatMap((each) => [...each.fates.values()]);
    // A few days may pass without the one or the other.
    if (DAYS >= 30 || SEED === 1) expect(new Set(fates)).toEqual(new Set(['run', 'missed', 'skipped']));
  },
  30_000 + DAYS * 10_000,
);

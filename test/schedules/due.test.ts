/** What is decided about what is due: tables for each word of the language, and a year of random days for what must always hold. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunId } from '../../src/base/ids.ts';
import type { Deployment, TickOutcome } from '../../src/model/deployment.ts';
import { CATCH_UPS, type ScheduleDefinition } from '../../src/model/schedule.ts';
import { decideDue, jitterOf, nextLook, ON_TIME_MS } from '../../src/schedules/due.ts';
import { nextOf, readTimetable } from '../../src/schedules/occurrences.ts';

const START = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (minutes: number): number => START + minutes * MINUTE;
const text = (instant: number): string => new Date(instant).toISOString();

const schedule = (more: Partial<ScheduleDefinition> = {}): ScheduleDefinition => ({
  timing: { kind: 'interval', every_ms: HOUR, anchor: null },
  timezone: 'UTC',
  start: null,
  end: null,
  params: {},
  jitter_ms: 0,
  active: true,
  overlap: 'skip',
  catch_up: 'none',
  catch_up_window_ms: 24 * HOUR,
  ...more,
});

const deployment = (schedules: readonly ScheduleDefinition[], more: Partial<Deployment> = {}): Deployment => ({
  name: 'hourly',
  flow: '/hourly.yaml',
  version: 1,
  versions: [],
  params: {},
  schedules,
  decided_until: schedules.map(() => text(START)),
  paused: null,
  claims: [],
  open: [],
  queue: [],
  backfilling: [],
  ran: [],
  ticks: [],
  updated_at: text(START),
  ...more,
});

let minted = 0;
function mint(): RunId {
  minted += 1;
  return `01m80000000000000000${String(minted).padStart(6, '0')}` as RunId;
}

const readAll = ({ schedules }: Deployment) =>
  schedules.map((each) => {
    const read = readTimetable(each);
    return read.ok ? read.value : null;
  });

function decide(before: Deployment, now: number, live: readonly RunId[] = []) {
  const occurrences = readAll(before);
  return decideDue(before, { now, occurrences, live: new Set(live), hasRun: () => false, mint });
}
const claimed = ({ claims }: Deployment): readonly string[] => claims.map((claim) => claim.scheduled_for);
const running = (run: string, schedule_index = 0): Deployment['open'][number] => ({
  run: run as RunId,
  schedule: schedule_index,
  scheduled_for: text(START),
  trigger: 'schedule',
  claimed_at: text(START),
});

describe('what is due', () => {
  it('is claimed once, at its instant and not before', () => {
    const before = deployment([schedule()]);
    expect(decide(before, at(59)).deployment).toBe(before);
    const after = decide(before, at(60)).deployment;
    expect(claimed(after)).toEqual([text(at(60))]);
    expect(decide(after, at(61), []).deployment).toBe(after);
  });

  it('is missed when nobody was there, unless it is to be caught up with', () => {
    const late = at(60 * 5 + 30);
    const outcomes = (catch_up: ScheduleDefinition['catch_up'], window = 24 * HOUR) => {
      const { deployment: after } = decide(deployment([schedule({ catch_up, catch_up_window_ms: window })]), late);
      const missed = after.ticks.map((tick) => (tick.outcome === 'missed' ? tick.count : tick.outcome));
      return { claimed: claimed(after), missed, queue: after.queue.map((tick) => tick.scheduled_for) };
    };
    expect(outcomes('none')).toEqual({ claimed: [], missed: [5], queue: [] });
    expect(outcomes('latest')).toEqual({ claimed: [text(at(300))], missed: [4], queue: [] });
    expect(outcomes('latest', 10 * MINUTE)).toEqual({ claimed: [], missed: [5], queue: [] });
    expect(outcomes('all')).toEqual({
      claimed: [text(at(60))],
      missed: [],
      queue: [text(at(120)), text(at(180)), text(at(240)), text(at(300))],
    });
    expect(outcomes('all', 2 * HOUR)).toEqual({ claimed: [text(at(240))], missed: [3], queue: [text(at(300))] });
  });

  it('is on time when it is found within minutes; of several only the last one is', () => {
    const every = schedule({ timing: { kind: 'interval', every_ms: MINUTE, anchor: null } });
    const { deployment: after } = decide(deployment([every]), at(5) + 1_000);
    expect(claimed(after)).toEqual([text(at(5))]);
    expect(after.ticks).toMatchObject([
      { outcome: 'missed', scheduled_for: text(at(1)), until: text(at(4)), count: 4 },
    ]);
    expect(claimed(decide(deployment([schedule()]), at(60) + ON_TIME_MS).deployment)).toHaveLength(1);
    expect(claimed(decide(deployment([schedule()]), at(60) + ON_TIME_MS + 1).deployment)).toHaveLength(0);
  });

  it('stands to the run before as `overlap` says', () => {
    const run = '01m80000000000000000999999' as RunId;
    const outcome = (overlap: ScheduleDefinition['overlap']) => {
      const before = deployment([schedule({ overlap })], { open: [running(run)] });
      const { deployment: after, cancel } = decide(before, at(60), [run]);
      const ticks = after.ticks.map((tick) => tick.outcome);
      return { claims: after.claims.length, queue: after.queue.length, ticks, cancel };
    };
    expect(outcome('skip')).toEqual({ claims: 0, queue: 0, ticks: ['skipped'], cancel: [] });
    expect(outcome('queue')).toEqual({ claims: 0, queue: 1, ticks: [], cancel: [] });
    expect(outcome('allow')).toEqual({ claims: 1, queue: 0, ticks: [], cancel: [] });
    expect(outcome('cancel_running')).toEqual({ claims: 0, queue: 1, ticks: [], cancel: [run] });
    // A run that is over stands in nobody's way, and what waits goes on.
    const queued = deployment([schedule()], {
      open: [running(run)],
      queue: [{ schedule: 0, scheduled_for: text(at(0)) }],
    });
    expect(decide(queued, at(1), [run]).deployment).toBe(queued);
    const after = decide(queued, at(1)).deployment;
    expect([claimed(after), after.queue, after.open]).toEqual([[text(at(0))], [], []]);
  });

  it('is nothing while the deployment is paused, and where the schedule is not active', () => {
    const paused = deployment([schedule()], {
      paused: { at: text(START), by: { kind: 'user', name: 'ada', host: 'mill' } },
    });
    expect(decide(paused, at(600)).deployment).toBe(paused);
    const idle = deployment([schedule({ active: false })]);
    expect(decide(idle, at(600)).deployment).toBe(idle);
    expect([nextLook(paused, [], START), nextLook(idle, [], START)]).toEqual([null, null]);
  });

  it('comes later by its jitter, always the same', () => {
    const jitter_ms = 30 * MINUTE;
    const amount = jitterOf('hourly', 0, at(60), jitter_ms);
    expect(amount).toBeGreaterThan(0);
    expect(amount).toBeLessThan(jitter_ms);
    const before = deployment([schedule({ jitter_ms })]);
    expect(decide(before, at(60) + amount - 1).deployment).toBe(before);
    expect(claimed(decide(before, at(60) + amount).deployment)).toEqual([text(at(60))]);
  });

  it('of years in which nobody was there is counted as far as that makes sense, and goes on from there', () => {
    const seconds = schedule({ timing: { kind: 'interval', every_ms: 1_000, anchor: null } });
    const first = decide(deployment([seconds]), START + 365 * 24 * HOUR).deployment;
    expect(first.ticks).toMatchObject([{ outcome: 'missed', is_more: true }]);
    expect(first.claims).toEqual([]);
  });
});

it('whatever happens: no instant twice, none lost without a word, one run at a time unless more are allowed', () => {
  const overlap = fc.constantFrom('skip', 'queue', 'cancel_running', 'allow') as fc.Arbitrary<
    ScheduleDefinition['overlap']
  >;
  const catch_up = fc.constantFrom('none', 'latest', 'all') as fc.Arbitrary<ScheduleDefinition['catch_up']>;
  const zone = fc.constantFrom('UTC', 'America/New_York', 'Australia/Lord_Howe');
  const timing = fc.constantFrom<ScheduleDefinition['timing'][]>(
    { kind: 'cron', expression: '30 2 * * *' },
    { kind: 'cron', expression: '15 * * * *' },
    { kind: 'interval', every_ms: 7 * HOUR, anchor: null },
  );
  const step = fc.record({
    wait: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 60 * 80 })),
    lasts: fc.integer({ min: 0, max: 300 }),
  });
  fc.assert(
    fc.property(
      overlap,
      catch_up,
      zone,
      timing,
      fc.array(step, { maxLength: 25 }),
      fc.integer({ min: 0, max: 500 * 24 }),
      (over, catching, timezone, how, steps, hours) => {
        const begin = START + hours * HOUR;
        const table = schedule({ timing: how, timezone, overlap: over, catch_up: catching, jitter_ms: 0 });
        const read = readTimetable(table);
        if (!read.ok) throw new Error('not read');
        let state = deployment([table], { decided_until: [text(begin)] });
        let now = begin;
        const ends = new Map<RunId, number>();
        const answered = new Map<string, string>();
        const answer = (instant: string, how_answered: string): void => {
          expect(answered.get(instant), `${instant} ${how_answered}`).toBeUndefined();
          answered.set(instant, how_answered);
        };
        const tell = (tick: TickOutcome): void => {
          if (tick.outcome === 'skipped') answer(tick.scheduled_for, 'skipped');
          if (tick.outcome !== 'missed') return;
          for (const instant of read.value.from(Date.parse(tick.scheduled_for))) {
            if (instant > Date.parse(tick.until)) break;
            answer(text(instant), 'missed');
          }
        };
        for (const { wait, lasts } of steps) {
          now += wait * MINUTE;
          const live = state.open.map(({ run }) => run).filter((run) => (ends.get(run) ?? 0) > now);
          const {
            deployment: after,
            news,
            cancel,
          } = decideDue(state, {
            now,
            occurrences: [read.value],
            live: new Set(live),
            hasRun: () => false,
            mint,
          });
          for (const tick of news) tell(tick);
          for (const run of cancel) ends.set(run, now);
          for (const claim of after.claims) {
            answer(claim.scheduled_for, 'run');
            ends.set(claim.run, now + lasts * MINUTE);
          }
          if (over !== 'allow') expect(live.length + after.claims.length).toBeLessThanOrEqual(Math.max(1, live.length));
          state = { ...after, claims: [], open: [...after.open, ...after.claims] };
        }
        const waiting = new Set(state.queue.map((tick) => tick.scheduled_for));
        for (const instant of read.value.from(begin + 1)) {
          if (instant > now) break;
          expect(answered.has(text(instant)) || waiting.has(text(instant)), text(instant)).toBe(true);
        }
        expect(
          [...answered.keys()].every(
            (instant) => nextOf([read.value], Date.parse(instant), 1)[0] === Date.parse(instant),
          ),
        ).toBe(true);
      },
    ),
    { numRuns: Number(process.env.SCHEDULE_CASES ?? 150) },
  );
});

describe('a clock that is set', () => {
  it('back: what was run is not run again, and what comes is not waited for until the clock is where it was', () => {
    const hourly = schedule();
    const decided = deployment([hourly], { decided_until: [text(at(60 * 24 * 1_000))] });
    const { deployment: after } = decide(decided, at(90));
    expect(after.decided_until).toEqual([text(at(90))]);
    expect(nextLook(decided, readAll(decided), at(90))).toBe(at(120));
    expect(claimed(decide(after, at(120)).deployment)).toEqual([text(at(120))]);
    // Those that ran by the clock that was wrong had their run.
    const ran = decideDue(after, {
      ...{ now: at(180), occurrences: readAll(after), live: new Set<RunId>(), mint },
      hasRun: (_, instant) => instant === at(120),
    }).deployment;
    expect(claimed(ran)).toEqual([text(at(180))]);
    // A few minutes are waited for.
    const shortly = deployment([hourly], { decided_until: [text(at(60))] });
    expect(decide(shortly, at(55)).deployment).toBe(shortly);
  });

  it('forward by hours, as after a sleep: the last instant is on time where it is, the others are missed', () => {
    const { deployment: after } = decide(deployment([schedule()]), at(60 * 7 + 5));
    expect(claimed(after)).toEqual([text(at(420))]);
    expect(after.ticks).toMatchObject([{ outcome: 'missed', count: 6 }]);
  });

  it('to and fro, also over a change of the clocks: no instant has two runs', () => {
    const jump = fc.oneof(fc.integer({ min: -300, max: 300 }), fc.integer({ min: -3_000, max: 3_000 }));
    const timing = fc.constantFrom<ScheduleDefinition['timing'][]>(
      { kind: 'cron', expression: '*/30 * * * *' },
      { kind: 'cron', expression: '30 2 * * *' },
    );
    fc.assert(
      fc.property(fc.array(jump, { maxLength: 40 }), timing, fc.constantFrom(...CATCH_UPS), (jumps, how, catch_up) => {
        const table = schedule({ timing: how, timezone: 'America/New_York', catch_up, overlap: 'allow' });
        let now = Date.UTC(2026, 2, 8);
        let state = deployment([table], { decided_until: [text(now)] });
        const ran = new Set<number>();
        for (const minutes of jumps) {
          now += minutes * MINUTE;
          const hasRun = (_: number, instant: number): boolean => ran.has(instant);
          state = decideDue(state, { now, occurrences: readAll(state), live: new Set(), hasRun, mint }).deployment;
          for (const claim of state.claims) {
            const instant = Date.parse(claim.scheduled_for);
            expect(ran.has(instant), claim.scheduled_for).toBe(false);
            ran.add(instant);
          }
          state = { ...state, claims: [], open: [] };
        }
      }),
      { numRuns: 100 },
    );
  });
});

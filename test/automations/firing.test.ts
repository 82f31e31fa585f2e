/** Which automations do something, and how often: pure. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseFirings } from '../../src/automations/firing.ts';
import { dueHappenings, endingHappening, type Happening, lastingHappening } from '../../src/automations/happenings.ts';
import { parseRunId } from '../../src/base/ids.ts';
import type { AutomationCondition, AutomationDefinition, RunSelection } from '../../src/model/automation.ts';
import type { Deployment, TickOutcome } from '../../src/model/deployment.ts';
import type { EndedState, RunEnding } from '../../src/model/run-ending.ts';

const RUN = parseRunId(`01j${'0'.repeat(23)}`);
if (RUN === null) throw new Error('no run id');
const run = RUN;
const NOW = Date.UTC(2026, 0, 1);
const ANY: RunSelection = { flow: null, deployment: null, tag: null };

const automation = (when: AutomationCondition, changes: Partial<AutomationDefinition> = {}): AutomationDefinition => ({
  ...{ name: 'one', active: true, when, actions: [{ kind: 'cancel' }], chain: false, at_most: 10 },
  ...changes,
});
const ended = (changes: Partial<RunEnding> = {}): Happening =>
  endingHappening(
    {
      ...{ n: 1, run, seq: 9, flow: 'etl-eu', deployment: 'flights', version: 1, state: 'failed', exit_code: 1 },
      ...{ trigger: 'schedule', tags: ['nightly', 'eu'], scheduled_for: null, started_at: null, finished_at: null },
      noticed_at: '2026-01-01T00:00:00.000Z',
      ...changes,
    },
    null,
  );
const fires = (definition: AutomationDefinition, happening: Happening): boolean =>
  chooseFirings([definition], [happening], () => false, {}, NOW).firings.length === 1;

describe('an automation', () => {
  it.each([
    [ANY, true],
    [{ ...ANY, flow: 'etl-*' }, true],
    [{ ...ANY, flow: '{x,etl-eu}' }, true],
    [{ ...ANY, flow: 'etl' }, false],
    [{ ...ANY, flow: '!etl-*' }, false],
    [{ ...ANY, deployment: 'fl?ghts', tag: 'e[uv]' }, true],
    [{ ...ANY, deployment: 'flights', tag: 'daily' }, false],
  ])('is about the runs that all of %j fit: %s', (runs, expected) => {
    expect(fires(automation({ kind: 'ended', runs, states: ['failed'] }), ended())).toBe(expected);
  });

  it('is about no run of a deployment where that was run from a file, and not about other states', () => {
    const ofDeployment = automation({ kind: 'ended', runs: { ...ANY, deployment: '*' }, states: ['failed'] });
    expect(fires(ofDeployment, ended({ deployment: null }))).toBe(false);
    expect(fires(ofDeployment, ended({ state: 'crashed' }))).toBe(false);
    expect(fires(automation(ofDeployment.when, { active: false }), ended())).toBe(false);
  });

  it('waits until a run has been going on for long enough', () => {
    const lasts = automation({ kind: 'lasts', runs: ANY, longer_than_ms: 60_000 });
    const after = (ms: number): Happening => {
      const started_at = new Date(NOW - ms).toISOString();
      const facts = { flow: 'etl', deployment: null, version: null, tags: [], trigger: null, state: 'running' };
      return lastingHappening({ run, ...facts, started_at }, NOW);
    };
    expect([59_999, 60_000].map((ms) => fires(lasts, after(ms)))).toEqual([false, true]);
  });

  it('is about what was due and not run, each outcome once', () => {
    const scheduled_for = '2026-01-01T00:00:00.000Z';
    const missed: TickOutcome = {
      schedule: 0,
      scheduled_for,
      outcome: 'missed',
      until: scheduled_for,
      count: 3,
      is_more: false,
    };
    const skipped: TickOutcome = { schedule: 0, scheduled_for, outcome: 'skipped', because_of: run };
    const deployment = { name: 'flights', ticks: [missed, skipped] } as unknown as Deployment;
    const found = dueHappenings(deployment, new Set());
    expect(found.map(({ state, what }) => `${state}: ${what}`)).toEqual([
      `missed: flights: 3 runs that were due at ${scheduled_for} missed`,
      `skipped: flights: a run that was due at ${scheduled_for} skipped`,
    ]);
    expect(dueHappenings(deployment, new Set(found.map(({ key }) => key.slice('flights '.length))))).toEqual([]);
    const refused = automation({ kind: 'due', deployment: 'fl*', outcomes: ['missed'] });
    expect(found.map((each) => fires(refused, each))).toEqual([true, false]);
  });

  it('does something at most so often within any minute, whatever clocks do', () => {
    const looks = fc.array(
      fc.record({ step: fc.integer({ min: -90_000, max: 90_000 }), count: fc.integer({ min: 0, max: 6 }) }),
      {
        maxLength: 30,
      },
    );
    fc.assert(
      fc.property(looks, fc.integer({ min: 1, max: 5 }), (plan, at_most) => {
        const states: readonly EndedState[] = ['failed'];
        const one = automation({ kind: 'ended', runs: ANY, states }, { at_most });
        let fired: { readonly [automation: string]: readonly number[] } = {};
        let recent: readonly number[] = [];
        let now = NOW;
        for (const { step, count } of plan) {
          now += step;
          const happenings = Array.from({ length: count }, (_, seq) => ended({ seq }));
          const chosen = chooseFirings([one], happenings, () => false, fired, now);
          expect(chosen.firings.length + chosen.withheld.length).toBe(count);
          ({ fired } = chosen);
          // What was done in a future that is no more does not count.
          recent = recent.filter((at) => at <= now && now - at < 60_000);
          // Nobody is silenced for ever.
          expect(chosen.firings).toHaveLength(Math.min(count, at_most - recent.length));
          recent = [...recent, ...chosen.firings.map(() => now)];
        }
      }),
    );
  });
});

/** Resuming maps and groups whose definition was edited, or of which single members are asked for by name. */

import { describe, expect, it, vi } from 'vitest';
import { makePlan } from '../../src/engine/plan.ts';
import { compareRevisions, resetSteps } from '../../src/engine/revisions.ts';
import { stepFingerprints } from '../../src/load/fingerprint.ts';
import type { FlowDefinition } from '../../src/model/flow.ts';
import { foldRun } from '../../src/model/fold.ts';
import type { RunRecord } from '../../src/model/run.ts';
import { type Behaviour, endOf, flowOf, type Life, RUN, resumeLife, runLife, startedEvent } from '../kit/world.ts';

const startedIn = ({ executor }: Life): readonly string[] => executor.started.map(({ step }) => step);
const failing =
  (...steps: readonly string[]): Behaviour =>
  (step) =>
    steps.includes(step) ? 'fail' : 'succeed';

const group = (...members: readonly string[]) =>
  flowOf([
    { id: 'g', foreach: [1, 2], steps: members.map((id, index) => ({ id, needs: members.slice(0, index) })) },
    { id: 'after', needs: ['g'] },
  ]);

describe('an edited flow', () => {
  it('keeps the items that succeeded where only their work changed', async () => {
    const before = flowOf([{ id: 'm', foreach: [1, 2, 3] }]);
    const after = flowOf([{ id: 'm', foreach: [1, 2, 3], retries: 1 }]);
    const failed = await runLife(before, { behaviour: failing('m[1]') });
    const { contradicting } = compareRevisions(failed.run, stepFingerprints(before), stepFingerprints(after));
    expect(contradicting).toEqual([]);
    expect(startedIn(await resumeLife(after, failed.journal.events, { before }))).toEqual(['m[1]']);
  });

  it('expands a map anew whose list is another one', async () => {
    const before = flowOf([{ id: 'm', foreach: [1, 2, 3] }]);
    const after = flowOf([{ id: 'm', foreach: [4, 5] }]);
    const failed = await runLife(before, { behaviour: failing('m[1]') });
    const resumed = await resumeLife(after, failed.journal.events, { before });
    expect(startedIn(resumed)).toEqual(['m[0]', 'm[1]']);
    expect(endOf(resumed.run)).toEqual({ run: 'succeeded', m: 'succeeded', 'm[0]': 'succeeded', 'm[1]': 'succeeded' });
  });

  it('begins those groups anew whose members are others, and no others', async () => {
    const failed = await runLife(group('a', 'b'), { behaviour: failing('g[1]/b') });
    const resumed = await resumeLife(group('a', 'b', 'c'), failed.journal.events, { before: group('a', 'b') });
    expect([...startedIn(resumed)].sort()).toEqual(
      ['g[0]/a', 'g[0]/b', 'g[0]/c', 'g[1]/a', 'g[1]/b', 'g[1]/c', 'after'].sort(),
    );
    expect(resumed.run.ending?.state).toBe('succeeded');
  });

  it('contradicts members that had succeeded, each named by its place', async () => {
    const failed = await runLife(group('a', 'b'), { behaviour: failing('g[1]/b') });
    const edited = flowOf([
      {
        id: 'g',
        foreach: [1, 2],
        steps: [
          { id: 'a', retries: 3 },
          { id: 'b', needs: ['a'] },
        ],
      },
      { id: 'after', needs: ['g'] },
    ]);
    const { contradicting } = compareRevisions(failed.run, stepFingerprints(group('a', 'b')), stepFingerprints(edited));
    expect(contradicting).toEqual(['g[0]/a', 'g[1]/a']);
    const resumed = await resumeLife(edited, failed.journal.events, {
      before: group('a', 'b'),
      again: contradicting,
    });
    expect([...startedIn(resumed)].sort()).toEqual(['after', 'g[0]/a', 'g[0]/b', 'g[1]/a', 'g[1]/b']);
  });
});

describe('a step asked for by its key', () => {
  it('runs again with what comes after it, inside and outside of its group', async () => {
    const flow = group('a', 'b');
    const done = await runLife(flow, { behaviour: failing('after') });
    const again = await resumeLife(flow, done.journal.events, { again: ['g[1]/b'] });
    expect(startedIn(again)).toEqual(['g[1]/b', 'after']);
    const both = await resumeLife(flow, done.journal.events, { again: ['g[0]/a'] });
    expect(startedIn(both)).toEqual(['g[0]/a', 'g[0]/b', 'after']);
  });

  it('may be an item of a map', async () => {
    const flow = flowOf([
      { id: 'm', foreach: [1, 2, 3] },
      { id: 'after', needs: ['m'] },
    ]);
    const done = await runLife(flow, { behaviour: failing('after') });
    expect(startedIn(await resumeLife(flow, done.journal.events, { again: ['m[2]'] }))).toEqual(['m[2]', 'after']);
  });
});

describe('very many steps at once', () => {
  const COUNT = 2_000;
  const name = (index: number): string => `s${index}`;
  const ids = Array.from({ length: COUNT }, (_, index) => name(index));
  const chain = (retries: number) =>
    flowOf(ids.map((id, index) => ({ id, retries, needs: index === 0 ? [] : [name(index - 1)] })));
  const done = (flow: FlowDefinition): RunRecord => {
    const { run } = foldRun(RUN, [startedEvent(flow, 1)]);
    if (run === null) throw new Error('no run');
    for (const step of run.steps.values()) step.phase = { kind: 'succeeded', reused: false };
    return run;
  };

  it('are asked for in one walk over the graph', () => {
    const plan = makePlan(chain(0));
    let visits = 0;
    const targets = new Proxy(plan.graph.targets, {
      get(array, key) {
        visits += 1;
        return Reflect.get(array, key) as unknown;
      },
    });
    const reset = resetSteps(done(plan.flow), { ...plan, graph: { ...plan.graph, targets } }, ids);
    expect([...reset].sort()).toEqual([...ids].sort());
    expect(visits).toBeGreaterThan(0);
    expect(visits).toBeLessThan(4 * COUNT);
  });

  it('that contradict the record are each compared with what they belong to, and not with each other', () => {
    const [before, after] = [chain(0), chain(1)];
    const run = done(before);
    const compared = vi.spyOn(String.prototype, 'startsWith');
    try {
      const fingerprints = [stepFingerprints(before), stepFingerprints(after)] as const;
      compared.mockClear();
      const { contradicting } = compareRevisions(run, ...fingerprints);
      expect(compared.mock.calls.length).toBeLessThan(10 * COUNT);
      expect(contradicting).toEqual(ids);
    } finally {
      compared.mockRestore();
    }
  });
});

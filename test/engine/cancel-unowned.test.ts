/** A run that nobody owns is ended from wherever its journal was cut: settled as cancelled, and nothing but clean-up is started. */

import { describe, expect, it } from 'vitest';
import { type Behaviour, cancelLife, endOf, flowOf, runLife } from '../kit/world.ts';

const flow = flowOf([
  { id: 'first' },
  { id: 'flaky', retries: 2, delayMs: 60_000 },
  { id: 'second', needs: ['first'] },
  { id: 'third', needs: ['second', 'flaky'] },
]);
const behaviour: Behaviour = (step, attempt) => (step === 'flaky' && attempt === 1 ? 'fail' : 'succeed');

describe('cancel of a run that nobody owns', () => {
  it('comes to its end from every cut of the journal, starts nothing, and keeps every recorded success', async () => {
    const { journal } = await runLife(flow, { behaviour });
    const whole = journal.events;
    expect(whole.length).toBeGreaterThan(10);
    for (let length = 1; length < whole.length; length += 1) {
      const cut = whole.slice(0, length);
      const life = await cancelLife(flow, cut);
      expect([length, life.run.ending?.state, life.run.ending?.exit_code]).toEqual([length, 'cancelled', 5]);
      expect(life.executor.started).toEqual([]);
      expect(life.run.resumes).toBe(0);
      expect(life.run.cancellation).toMatchObject({ by: { kind: 'user', name: 'test' } });
      const succeeded = cut.filter((event) => event.type === 'attempt.finished' && event.outcome === 'succeeded');
      const kept = Object.values(endOf(life.run)).filter((end) => end === 'succeeded');
      expect(kept).toHaveLength(succeeded.length);
    }
  });

  it('steps that clean up run, and are ended after 30 s', async () => {
    const cleaning = flowOf([{ id: 'work' }, { id: 'clean', needs: ['work'], if: 'always()' }]);
    const { journal } = await runLife(cleaning);
    const cut = journal.events.slice(0, 2);
    expect(cut.at(-1)).toMatchObject({ type: 'attempt.started', step: 'work' });
    const good = await cancelLife(cleaning, cut);
    expect(endOf(good.run)).toEqual({ run: 'cancelled', work: 'cancelled', clean: 'succeeded' });
    expect(good.executor.started.map(({ step }) => step)).toEqual(['clean']);
    const stuck = await cancelLife(cleaning, cut, { behaviour: () => 'hang' });
    expect(endOf(stuck.run)).toEqual({ run: 'cancelled', work: 'cancelled', clean: 'cancelled' });
    expect(stuck.run.duration_ms).toBe(30_000);
  });
});

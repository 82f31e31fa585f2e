/** A run dies amid its handlers: what they have done is done (I2), unless the steps before them go on. */

import { describe, expect, it } from 'vitest';
import { endOf, flowOf, handlersOf, resumeLife, runLife } from '../kit/world.ts';

const flow = flowOf(
  [
    { id: 'good' },
    { id: 'bad' },
    { id: 'blocked', needs: ['bad'] },
    { id: 'unmet', if: 'false' },
    { id: 'items', foreach: [1, 2], needs: ['bad'] },
  ],
  { handlers: handlersOf({ on_failure: 3, finally: 2 }) },
);
const behaviour = (step: string) => (step === 'bad' ? 'fail' : 'succeed') as 'fail' | 'succeed';

describe('a run with skipped steps that dies amid its handlers', () => {
  it('goes on with the handler that was next, from every cut of its journal', async () => {
    const whole = await runLife(flow, { behaviour });
    const { events } = whole.journal;
    const end = endOf(whole.run);
    expect(end).toMatchObject({ run: 'failed', blocked: 'skipped:upstream_failed', 'finally[1]': 'succeeded' });
    let cuts = 0;
    for (let length = 1; length < events.length; length += 1) {
      const cut = events.slice(0, length);
      const done = cut.flatMap((event) =>
        event.type === 'attempt.finished' && event.outcome === 'succeeded' ? [event.step] : [],
      );
      const life = await resumeLife(flow, cut, { behaviour });
      expect([length, endOf(life.run)]).toEqual([length, end]);
      const again = life.executor.started.map(({ step }) => step).filter((step) => new Set<string>(done).has(step));
      expect([length, again]).toEqual([length, []]);
      if (done.some((step) => step.startsWith('on_failure'))) cuts += 1;
    }
    expect(cuts).toBeGreaterThan(5);
  });

  it('has them all again when a step is asked for again, which may change what they are told', async () => {
    const { events } = (await runLife(flow, { behaviour })).journal;
    const at = events.findIndex((event) => event.type === 'attempt.started' && event.step === 'finally[0]');
    const life = await resumeLife(flow, events.slice(0, at), { again: ['bad'] });
    expect(endOf(life.run)).toMatchObject({ run: 'succeeded', blocked: 'succeeded' });
    expect(life.executor.started.map(({ step }) => step)).toEqual(
      expect.arrayContaining(['bad', 'blocked', 'finally[0]']),
    );
  });
});

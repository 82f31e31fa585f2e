/** A tree of runs is left waiting in the instant in which one of them becomes busy. */

import { expect, it } from 'vitest';
import { flowOf, resumeLife, runLife } from '../kit/world.ts';

it('a run that is busy when its tree is left waiting is left as well, not lost; its steps are ended, and run again later', async () => {
  const flow = flowOf([{ id: 'first' }, { id: 'work', needs: ['first'] }]);
  const life = await runLife(flow, {
    behaviour: (step) => (step === 'work' ? 'hang' : 'succeed'),
    onMove: (engine, executor) => {
      if (executor.open.has('work')) engine.relatives.park();
    },
  });
  expect(life.end.kind).toBe('parked');
  expect(life.run.ending).toBeNull();
  expect([...life.executor.open.keys()]).toEqual([]);
  const next = await resumeLife(flow, life.journal.events);
  expect(next.run.ending?.state).toBe('succeeded');
  expect(next.executor.started.map(({ step }) => step)).toEqual(['work']);
});

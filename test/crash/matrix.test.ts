/** The crash matrix: the journal of several kinds of runs is cut after every event, and each time resumed to the same end. */

import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/model/event.ts';
import { foldRun } from '../../src/model/fold.ts';
import { type Behaviour, endOf, flowOf, type Life, type LifeOptions, resumeLife, RUN, runLife } from '../kit/world.ts';

const diamond = flowOf([
  { id: 'a' },
  { id: 'b', needs: ['a'], retries: 2, delayMs: 1_000 },
  { id: 'c', needs: ['a'], continueOnError: true },
  { id: 'd', needs: ['b', 'c'] },
  { id: 'e', needs: ['d'] },
]);

/** A step that is tried the nth time for the run, lost attempts not counted, behaves the same in every life. */
function byTry(events: readonly RunEvent[], behaviour: Behaviour): Behaviour {
  const { run } = foldRun(RUN, events);
  const lostOf = (step: string) => {
    const record = [...(run?.steps.values() ?? [])].find(({ key }) => key === step);
    return record?.attempts.filter(({ outcome }) => outcome === null || outcome === 'lost').length ?? 0;
  };
  return (step, attempt) => behaviour(step, attempt - lostOf(step));
}

interface Kind {
  readonly name: string;
  readonly behaviour: Behaviour;
  readonly options?: LifeOptions;
}

const kinds: readonly Kind[] = [
  { name: 'success', behaviour: () => 'succeed' },
  { name: 'failure', behaviour: (step) => (step === 'b' ? 'fail' : 'succeed') },
  { name: 'tolerated failure', behaviour: (step) => (step === 'c' ? 'fail' : 'succeed') },
  { name: 'retries that succeed', behaviour: (step, attempt) => (step === 'b' && attempt < 3 ? 'fail' : 'succeed') },
  { name: 'timeouts', behaviour: (step, attempt) => (step === 'b' && attempt < 2 ? 'time_out' : 'succeed') },
];

const successes = (events: readonly RunEvent[]) =>
  events.flatMap((event) =>
    event.type === 'attempt.finished' && event.outcome === 'succeeded' ? [event.step as string] : [],
  );

describe('crash matrix', () => {
  for (const { name, behaviour } of kinds) {
    it(`${name}: cut after every event, the same end`, async () => {
      const whole = await runLife(diamond, { behaviour });
      const { events } = whole.journal;
      expect(events.at(-1)?.type).toBe('run.finished');
      for (let cut = 1; cut < events.length; cut += 1) {
        const kept = events.slice(0, cut);
        const resumed = await resumeLife(diamond, kept, { behaviour: byTry(kept, behaviour) });
        expect(endOf(resumed.run), `cut after ${kept.at(-1)?.type} ${cut}`).toEqual(endOf(whole.run));
        const already = new Set(successes(kept));
        for (const { step } of resumed.executor.started) expect(already.has(step)).toBe(false);
        expect(new Set(successes(resumed.journal.events)).size).toBe(successes(resumed.journal.events).length);
        expect(resumed.journal.events.filter(({ type }) => type === 'run.finished')).toHaveLength(1);
      }
    });
  }

  it('cancel: cut after every event, a resume finishes what was cancelled', async () => {
    const whole = await runLife(diamond, {
      behaviour: (step) => (step === 'b' ? 'hang' : 'succeed'),
      onMove: (engine, executor) => {
        if (executor.open.has('b')) engine.signal('SIGINT');
      },
    });
    expect(whole.run.ending).toMatchObject({ state: 'cancelled', exit_code: 130 });
    const { events } = whole.journal;
    for (let cut = 1; cut <= events.length; cut += 1) {
      const kept = events.slice(0, cut);
      const resumed = await resumeLife(diamond, kept, {});
      expect(endOf(resumed.run), `cut ${cut}`).toMatchObject({ run: 'succeeded', a: 'succeeded', e: 'succeeded' });
      for (const { step } of resumed.executor.started) expect(new Set(successes(kept)).has(step)).toBe(false);
    }
  });

  it('resume: a resumed run cut after every event, and resumed again, comes to the same end', async () => {
    const behaviour: Behaviour = (step, attempt) => (step === 'b' && attempt <= 3 ? 'fail' : 'succeed');
    const failed = await runLife(diamond, { behaviour });
    expect(failed.run.ending?.state).toBe('failed');
    const first = failed.journal.events.length;
    const whole = await resumeLife(diamond, failed.journal.events, { behaviour });
    expect(whole.run.ending?.state).toBe('succeeded');
    const { events } = whole.journal;
    for (let cut = first; cut < events.length; cut += 1) {
      const kept = events.slice(0, cut);
      const again = await resumeLife(diamond, kept, { behaviour });
      expect(endOf(again.run), `cut ${cut}`).toEqual(endOf(whole.run));
    }
  });

  it('a second crash during a resume costs nothing: five cuts in a row', async () => {
    const behaviour: Behaviour = (step, attempt) => (step === 'b' && attempt < 3 ? 'fail' : 'succeed');
    const whole = await runLife(diamond, { behaviour });
    let kept: readonly RunEvent[] = whole.journal.events.slice(0, 3);
    let life: Life | null = null;
    for (let crash = 0; crash < 5; crash += 1) {
      life = await resumeLife(diamond, kept, { behaviour: byTry(kept, behaviour) });
      kept = life.journal.events.slice(0, Math.min(kept.length + 3, life.journal.events.length - 1));
    }
    expect(life?.run.ending?.state).toBe('succeeded');
  });
});

import { describe, expect, it } from 'vitest';
import { contentHash } from '../../src/base/ids.ts';
import { compareRevisions } from '../../src/engine/revisions.ts';
import type { RunEvent } from '../../src/model/event.ts';
import { endOf, flowOf, keyOf, type LifeOptions, resumeLife, runLife } from '../kit/world.ts';

const chain = flowOf([{ id: 'a' }, { id: 'b', needs: ['a'] }, { id: 'c', needs: ['b'] }]);

describe('the loop', () => {
  it('writes the end of a step and the start of the next in one commit', async () => {
    const life = await runLife(chain);
    expect(life.journal.events.map(({ type }) => type)).toEqual([
      'run.started',
      'attempt.started',
      'attempt.finished',
      'attempt.started',
      'attempt.finished',
      'attempt.started',
      'attempt.finished',
      'run.finished',
    ]);
  });

  it('fails the run when a step fails, skips what needs it, and lets independent branches finish', async () => {
    const flow = flowOf([{ id: 'a' }, { id: 'b', needs: ['a'] }, { id: 'c' }]);
    const life = await runLife(flow, { behaviour: (step) => (step === 'a' ? 'fail' : 'succeed'), maxParallel: 1 });
    expect(endOf(life.run)).toEqual({ run: 'failed', a: 'failed', b: 'skipped:upstream_failed', c: 'succeeded' });
    expect(life.run.ending?.exit_code).toBe(1);
  });

  it('under fail_fast, gives up a retry that waits, and skips what needs it for that reason', async () => {
    const flow = flowOf([{ id: 'a', retries: 3, delayMs: 1_000 }, { id: 'b' }, { id: 'c', needs: ['a'] }], {
      fail_fast: true,
    });
    const life = await runLife(flow, { behaviour: () => 'fail' });
    expect(endOf(life.run)).toEqual({ run: 'failed', a: 'failed', b: 'failed', c: 'skipped:upstream_failed' });
  });

  it('starts nothing new after a failure with fail_fast, and says why each step did not run', async () => {
    const flow = flowOf([{ id: 'a' }, { id: 'b', needs: ['a'] }, { id: 'd', needs: ['b'] }, { id: 'c' }], {
      fail_fast: true,
    });
    const life = await runLife(flow, { behaviour: () => 'fail', maxParallel: 1 });
    expect(endOf(life.run)).toEqual({
      run: 'failed',
      a: 'failed',
      b: 'skipped:upstream_failed',
      d: 'skipped:upstream_failed',
      c: 'skipped:cancelled',
    });
  });

  it('waits for the delay of a retry by its clock, and counts what failed', async () => {
    const flow = flowOf([{ id: 'a', retries: 2, delayMs: 3_600_000 }]);
    const life = await runLife(flow, { behaviour: (_, attempt) => (attempt < 3 ? 'fail' : 'succeed') });
    expect(endOf(life.run)).toEqual({ run: 'succeeded', a: 'succeeded' });
    expect(life.run.steps.get(keyOf('a'))?.failures).toBe(2);
    expect(life.run.duration_ms).toBe(7_200_000);
  });

  it('never runs more attempts at once than it may', async () => {
    const wide = flowOf(Array.from({ length: 50 }, (_, index) => ({ id: `s${index}` })));
    const life = await runLife(wide, { maxParallel: 3 });
    expect(life.executor.highest).toBe(3);
    expect(life.executor.started).toHaveLength(50);
  });

  it('asks at the first signal, kills at the second, and records both', async () => {
    let sent = 0;
    const life = await runLife(chain, {
      behaviour: () => 'hang',
      onMove: (engine, executor) => {
        if (executor.open.size > 0 && sent === 0) {
          sent += 1;
          engine.signal('SIGTERM');
        }
      },
    });
    expect(endOf(life.run)).toEqual({
      run: 'cancelled',
      a: 'cancelled',
      b: 'skipped:cancelled',
      c: 'skipped:cancelled',
    });
    expect(life.run.ending?.exit_code).toBe(143);
  });

  it('ends a run that somebody cancelled with 5', async () => {
    const life = await runLife(chain, {
      behaviour: () => 'hang',
      onMove: (engine, executor) => {
        if (executor.open.size > 0) engine.cancel({ kind: 'user', name: 'ada', host: 'here' }, 'no longer needed');
      },
    });
    expect(life.run.ending).toMatchObject({ state: 'cancelled', exit_code: 5 });
    expect(life.run.cancellation).toMatchObject({ by: { kind: 'user', name: 'ada' }, reason: 'no longer needed' });
  });

  it('stops at the first journal error and lists what ran without being recorded', async () => {
    const wide = flowOf([{ id: 'a' }, { id: 'b' }, { id: 'c', needs: ['a'] }]);
    const whole = await runLife(wide);
    for (let kept = 1; kept < whole.journal.events.length; kept += 1) {
      const life = await runLife(wide, { failAfter: kept });
      expect(life.end.kind).toBe('state_lost');
      const started = life.executor.started.map(({ step }) => step);
      const recorded = life.journal.events.flatMap((event) =>
        event.type === 'attempt.finished' ? [event.step as string] : [],
      );
      const listed = life.end.kind === 'state_lost' ? life.end.unrecorded.map(({ step }) => step as string) : [];
      expect([...listed].sort()).toEqual(started.filter((step) => !recorded.includes(step)).sort());
      const resumed = await resumeLife(wide, life.journal.events, {});
      expect(endOf(resumed.run)).toMatchObject({ run: 'succeeded' });
    }
  });
});

describe('signals', () => {
  it('a second one kills what ignores the first', async () => {
    let sent = 0;
    const life = await runLife(chain, {
      behaviour: () => 'hang',
      stubborn: true,
      onMove: (engine, executor) => {
        for (; executor.open.size > 0 && sent < 2; sent += 1) engine.signal('SIGINT');
      },
    });
    expect(life.run.duration_ms).toBe(0);
    expect(endOf(life.run)).toMatchObject({ run: 'cancelled', a: 'cancelled' });
  });

  it('are heard also when the state is lost: what ignores the end is killed', async () => {
    const wide = flowOf([{ id: 'a' }, { id: 'b' }]);
    const life = await runLife(wide, {
      behaviour: (step) => (step === 'a' ? 'succeed' : 'hang'),
      stubborn: true,
      failAfter: 3,
      onMove: (engine, executor) => {
        if (executor.started.length === 2 && !executor.open.has('a')) engine.signal('SIGINT');
      },
    });
    expect(life.end.kind).toBe('state_lost');
  });

  it('a cancelled run has no outputs, and nothing to say about them', async () => {
    const flow = { ...chain, outputs: { x: '${{ add(steps.c.outputs, 1) }}' } };
    const life = await runLife(flow, {
      behaviour: () => 'hang',
      onMove: (engine, executor) => {
        if (executor.open.size > 0) engine.signal('SIGINT');
      },
    });
    expect(life.run.ending).toMatchObject({ state: 'cancelled', outputs: null, error: null });
  });
});

it('a run that is cancelled while it is wound up is cancelled, whatever its outputs would have been', async () => {
  const flow = { ...chain, outputs: { x: '${{ add(steps.c.outputs, 1) }}' } };
  const failed = await runLife(flow);
  expect(failed.run.ending).toMatchObject({ state: 'failed', exit_code: 1, error: { code: 'expression' } });
  const cancelled = await runLife(flow, { onReap: (engine) => engine.signal('SIGINT') });
  expect(cancelled.run.ending).toMatchObject({ state: 'cancelled', exit_code: 130, outputs: null, error: null });
});

describe('an edited flow', () => {
  it('contradicts the record of what succeeded, or failed and was allowed to; everything else is taken over', async () => {
    const flow = flowOf([{ id: 'a' }, { id: 'b', continueOnError: true }, { id: 'c', needs: ['a'] }]);
    const { run } = await runLife(flow, { behaviour: (step) => (step === 'a' ? 'succeed' : 'fail') });
    const before = new Map(flow.steps.map(({ id }) => [id, contentHash(`${id} before`)]));
    const after = new Map(flow.steps.map(({ id }) => [id, contentHash(`${id} after`)]));
    const { changed, contradicting } = compareRevisions(run, before, after);
    expect(changed).toEqual(['a', 'b', 'c']);
    expect(contradicting).toEqual(['a', 'b']);
  });
});

describe('resume', () => {
  it('gives failed steps of an ended run a fresh budget and keeps what succeeded', async () => {
    const failed = await runLife(chain, { behaviour: (step) => (step === 'b' ? 'fail' : 'succeed') });
    const resumed = await resumeLife(chain, failed.journal.events, {});
    expect(resumed.executor.started.map(({ step, attempt }) => `${step}.${attempt}`)).toEqual(['b.2', 'c.1']);
    expect(endOf(resumed.run)).toMatchObject({ run: 'succeeded' });
  });

  it('runs a succeeded step again, and all that follows, when it is named', async () => {
    const done = await runLife(chain);
    const resumed = await resumeLife(chain, done.journal.events, { again: ['b'] });
    expect(resumed.executor.started.map(({ step }) => step)).toEqual(['b', 'c']);
  });

  it('never spends the retry budget on lost attempts', async () => {
    const flow = flowOf([{ id: 'a', retries: 1 }]);
    let events: readonly RunEvent[] = (await runLife(flow)).journal.events.slice(0, 2);
    for (let crash = 0; crash < 4; crash += 1) {
      const life = await resumeLife(flow, events, {});
      const started = life.journal.events.findIndex(
        ({ type }, index) => index >= events.length && type === 'attempt.started',
      );
      events = life.journal.events.slice(0, started + 1);
    }
    const last = await resumeLife(flow, events, { behaviour: () => 'fail' });
    const outcomes = last.run.steps.get(keyOf('a'))?.attempts.map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['lost', 'lost', 'lost', 'lost', 'lost', 'failed', 'failed']);
  });

  it('leaves a lost step with `if_lost: fail` to a person, until it is named', async () => {
    const flow = flowOf([
      { id: 'a', ifLost: 'fail' },
      { id: 'b', needs: ['a'] },
    ]);
    const events = (await runLife(flow)).journal.events.slice(0, 2);
    const left = await resumeLife(flow, events, {});
    expect(left.executor.started).toEqual([]);
    expect(endOf(left.run)).toMatchObject({ run: 'failed', a: 'failed' });
    const again = await resumeLife(flow, left.journal.events, {});
    expect(again.executor.started).toEqual([]);
    expect(endOf(again.run)).toMatchObject({ run: 'failed', a: 'failed' });
    const named = await resumeLife(flow, again.journal.events, { again: ['a'] });
    expect(endOf(named.run)).toEqual({ run: 'succeeded', a: 'succeeded', b: 'succeeded' });
  });

  it('waits for the rest of a delay only, and never longer than the whole of it', async () => {
    const flow = flowOf([{ id: 'a', retries: 1, delayMs: 60_000 }]);
    const events = (await runLife(flow, { behaviour: () => 'fail' })).journal.events;
    const cut = events.slice(0, events.findIndex(({ type }) => type === 'retry.scheduled') + 1);
    const resumed = await resumeLife(flow, cut, {});
    expect(resumed.run.duration_ms).toBe(60_000);
    expect(endOf(resumed.run)).toMatchObject({ run: 'succeeded' });
  });
});

describe('durations', () => {
  it('count what was executed: attempts of a step, lives of a run, also one that was cut short', async () => {
    const flow = flowOf([
      { id: 'a', retries: 1, delayMs: 60_000 },
      { id: 'b', needs: ['a'] },
    ]);
    const behaviour: LifeOptions['behaviour'] = (step, attempt) => (step === 'a' && attempt === 1 ? 'fail' : 'succeed');
    const whole = await runLife(flow, { behaviour });
    expect(whole.run.duration_ms).toBe(60_000);
    const { events } = whole.journal;
    const cut = events.slice(
      0,
      events.findIndex((event) => event.type === 'attempt.started' && event.step === 'b') + 1,
    );
    const resumed = await resumeLife(flow, cut, {});
    const lasted = Date.parse(cut.at(-1)?.time ?? '') - Date.parse(cut[0]?.time ?? '');
    expect(resumed.run.duration_ms).toBe(lasted);
  });
});

describe('a bug of ours', () => {
  it('ends the attempts before it is reported', async () => {
    const life = runLife(chain, {
      behaviour: () => 'hang',
      onMove: (engine, executor) => {
        if (executor.open.size > 0) engine.fail(new Error('a listener lost its mind'));
      },
    });
    await expect(life).rejects.toThrow('a listener lost its mind');
  });
});

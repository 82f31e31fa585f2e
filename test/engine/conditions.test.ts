import { describe, expect, it } from 'vitest';
import { endOf, flowOf, type LifeOptions, resumeLife, runLife } from '../kit/world.ts';

const pipeline = flowOf([
  { id: 'build' },
  { id: 'test', needs: ['build'] },
  { id: 'alert', needs: ['test'], if: 'failure()' },
  { id: 'clean', needs: ['test'], if: 'always()' },
  { id: 'deploy', needs: ['test'], if: "steps.build.outputs == 'build'" },
]);
const failing = (name: string): LifeOptions => ({ behaviour: (step) => (step === name ? 'fail' : 'succeed') });

describe('conditions', () => {
  it('run what fits when all is well', async () => {
    expect(endOf((await runLife(pipeline)).run)).toEqual({
      run: 'succeeded',
      build: 'succeeded',
      test: 'succeeded',
      alert: 'skipped:condition',
      clean: 'succeeded',
      deploy: 'succeeded',
    });
  });

  it('run what fits when something before failed, at any distance; the run has failed all the same', async () => {
    const life = await runLife(pipeline, failing('build'));
    expect(endOf(life.run)).toEqual({
      run: 'failed',
      build: 'failed',
      test: 'skipped:upstream_failed',
      alert: 'succeeded',
      clean: 'succeeded',
      deploy: 'skipped:upstream_failed',
    });
  });

  it('let a skipped step block what needs it, unless that says otherwise', async () => {
    const flow = flowOf([
      { id: 'a', if: 'false' },
      { id: 'b', needs: ['a'] },
      { id: 'c', needs: ['a'], if: '!failure()' },
    ]);
    expect(endOf((await runLife(flow)).run)).toEqual({
      run: 'succeeded',
      a: 'skipped:condition',
      b: 'skipped:upstream_skipped',
      c: 'succeeded',
    });
  });

  it('know of a failure behind a step that is decided anew, wherever the record was cut', async () => {
    const flow = flowOf([
      { id: 'bad' },
      { id: 'skipped', needs: ['bad'] },
      { id: 'clean', needs: ['skipped'], if: 'always()' },
      { id: 'celebrate', needs: ['clean'], if: '!failure()' },
      { id: 'beside' },
    ]);
    const whole = await runLife(flow, { ...failing('bad'), maxParallel: 1 });
    expect(endOf(whole.run)['celebrate']).toBe('skipped:condition');
    for (let cut = 1; cut < whole.journal.events.length - 1; cut += 1) {
      const resumed = await resumeLife(flow, whole.journal.events.slice(0, cut), { ...failing('bad'), maxParallel: 1 });
      expect(endOf(resumed.run), `cut after ${cut}`).toEqual(endOf(whole.run));
    }
  });

  it('fail the step when they cannot be evaluated', async () => {
    const flow = flowOf([{ id: 'a' }, { id: 'b', needs: ['a'], if: 'add(steps.a.outputs, 1) > 2' }]);
    const { run } = await runLife(flow);
    expect(endOf(run)).toEqual({ run: 'failed', a: 'succeeded', b: 'failed' });
    const phase = [...run.steps.values()].at(-1)?.phase;
    expect(phase?.kind === 'failed' ? phase.error?.code : null).toBe('expression');
  });

  it('are asked anew by a resume', async () => {
    const failed = await runLife(pipeline, failing('test'));
    const resumed = await resumeLife(pipeline, failed.journal.events, {});
    expect(endOf(resumed.run)).toMatchObject({ run: 'succeeded', test: 'succeeded', deploy: 'succeeded' });
  });

  it('let what cleans up run after a failure under fail_fast, and nothing else', async () => {
    const life = await runLife({ ...pipeline, fail_fast: true }, failing('build'));
    expect(endOf(life.run)).toMatchObject({ alert: 'succeeded', clean: 'succeeded', test: 'skipped:upstream_failed' });
  });
});

describe('after a cancellation', () => {
  const flow = flowOf([
    { id: 'work' },
    { id: 'next', needs: ['work'] },
    { id: 'clean', needs: ['work'], if: 'always()' },
  ]);
  const cancelled = (rest: LifeOptions & { readonly signals?: number }) =>
    runLife(flow, {
      ...rest,
      onMove: (engine, executor) => {
        if (executor.open.has('work'))
          for (let sent = 0; sent < (rest.signals ?? 1); sent += 1) engine.signal('SIGINT');
      },
    });

  it('steps that clean up still run', async () => {
    const life = await cancelled({ behaviour: (step) => (step === 'work' ? 'hang' : 'succeed') });
    expect(endOf(life.run)).toEqual({
      run: 'cancelled',
      work: 'cancelled',
      next: 'skipped:cancelled',
      clean: 'succeeded',
    });
    expect(life.run.ending?.exit_code).toBe(130);
  });

  it('they are ended when their time is over', async () => {
    const life = await cancelled({ behaviour: () => 'hang' });
    expect(endOf(life.run)).toMatchObject({ run: 'cancelled', clean: 'cancelled' });
    expect(life.run.duration_ms).toBe(life.run.settings.grace_ms + 2_000);
  });

  it('a second signal lets none of them begin', async () => {
    const life = await cancelled({ behaviour: () => 'hang', signals: 2 });
    expect(endOf(life.run)).toMatchObject({ run: 'cancelled', work: 'cancelled', clean: 'skipped:cancelled' });
    expect(life.executor.started.map(({ step }) => step)).toEqual(['work']);
  });
});

/** Maps, groups, handlers, waits, approvals and repeats, as one decider composes them. */

import { describe, expect, it } from 'vitest';
import type { StepId, StepKey } from '../../src/base/ids.ts';
import { NO_RETRY } from '../../src/model/defaults.ts';
import type { RunRecord } from '../../src/model/run.ts';
import { type Behaviour, endOf, flowOf, handlersOf, type Life, resumeLife, runLife } from '../kit/world.ts';

const outputsAt = ({ run }: Life, key: string): unknown => {
  const outputs = run.steps.get(key as StepKey)?.outputs;
  return outputs?.kind === 'inline' ? outputs.value : outputs;
};
const startedIn = ({ executor }: Life): readonly string[] => executor.started.map(({ step }) => step);
const failing =
  (...steps: readonly string[]): Behaviour =>
  (step) =>
    steps.includes(step) ? 'fail' : 'succeed';
const stateOf = (run: RunRecord, key: string) => run.steps.get(key as StepKey)?.phase;

describe('a map', () => {
  it('runs one child for each item, and yields what they yield in their order', async () => {
    const life = await runLife(
      flowOf([
        { id: 'm', foreach: ['x', 'y', 'z'] },
        { id: 'after', needs: ['m'] },
      ]),
      {
        pick: (count) => count - 1,
      },
    );
    expect(endOf(life.run)).toMatchObject({
      run: 'succeeded',
      m: 'succeeded',
      'm[1]': 'succeeded',
      after: 'succeeded',
    });
    expect(outputsAt(life, 'm')).toEqual(['m[0]', 'm[1]', 'm[2]']);
    expect(startedIn(life).at(-1)).toBe('after');
  });

  it('of no items succeeds', async () => {
    const life = await runLife(
      flowOf([
        { id: 'm', foreach: [] },
        { id: 'after', needs: ['m'] },
      ]),
    );
    expect(endOf(life.run)).toMatchObject({ run: 'succeeded', m: 'succeeded', after: 'succeeded' });
    expect(outputsAt(life, 'm')).toEqual([]);
  });

  it('takes its list from outputs', async () => {
    const flow = flowOf([
      { id: 'list', foreach: [1, 2] },
      { id: 'm', needs: ['list'], foreach: '${{ steps.list.outputs }}' },
    ]);
    const life = await runLife(flow);
    expect(life.run.steps.get('m[1]' as StepKey)?.item).toBe('list[1]');
  });

  it('fails when its list is none, before any item', async () => {
    const life = await runLife(flowOf([{ id: 'm', foreach: '${{ run.id }}' }]));
    expect(stateOf(life.run, 'm')).toMatchObject({ kind: 'failed', error: { code: 'expansion' } });
    expect(startedIn(life)).toEqual([]);
  });

  it('refuses two items of one key before any item begins', async () => {
    const flow = flowOf([
      {
        id: 'm',
        more: {
          map: {
            over: { kind: 'foreach', items: ['eu', 'us', 'eu'] },
            key: '${{ item }}',
            tolerate: { kind: 'count', value: 0 },
          },
        },
      },
    ]);
    const life = await runLife(flow);
    expect(stateOf(life.run, 'm')).toMatchObject({ error: { message: 'items 0 and 2 have the same key `eu`' } });
    expect(startedIn(life)).toEqual([]);
  });

  it('bounds how many items are under way', async () => {
    const flow = flowOf([{ id: 'm', foreach: [1, 2, 3, 4, 5, 6, 7], more: { max_parallel: 2 } }]);
    const life = await runLife(flow, { maxParallel: 10 });
    expect(life.executor.highest).toBe(2);
    expect(life.run.ending?.state).toBe('succeeded');
  });

  it('tolerates as many failures as it may, and names those that failed', async () => {
    const flow = flowOf([
      { id: 'm', foreach: [1, 2, 3], tolerate: 1 },
      { id: 'after', needs: ['m'] },
    ]);
    const one = await runLife(flow, { behaviour: failing('m[1]') });
    expect(endOf(one.run)).toMatchObject({ run: 'succeeded', m: 'succeeded', 'm[1]': 'failed:tolerated' });
    expect(outputsAt(one, 'm')).toEqual(['m[0]', null, 'm[2]']);
    const two = await runLife(flow, { behaviour: failing('m[1]', 'm[2]') });
    expect(endOf(two.run)).toMatchObject({ run: 'failed', m: 'failed', after: 'skipped:upstream_failed' });
    expect(stateOf(two.run, 'm')).toMatchObject({ error: { code: 'members_failed', message: /1 of 3 items failed/ } });
  });

  it('counts a tenth of few items as none', async () => {
    const map = { over: { kind: 'foreach', items: [1, 2, 3, 4, 5, 6, 7, 8, 9] }, key: null } as const;
    const flow = flowOf([{ id: 'm', more: { map: { ...map, tolerate: { kind: 'percent', value: 10 } } } }]);
    expect((await runLife(flow, { behaviour: failing('m[1]') })).run.ending?.state).toBe('failed');
  });

  it('retries each item on its own', async () => {
    const flow = flowOf([{ id: 'm', foreach: [1, 2], retries: 2 }]);
    const life = await runLife(flow, {
      behaviour: (step, attempt) => (step === 'm[0]' && attempt < 3 ? 'fail' : 'succeed'),
    });
    expect(life.run.ending?.state).toBe('succeeded');
    expect(life.run.steps.get('m[0]' as StepKey)?.attempts).toHaveLength(3);
    expect(life.run.steps.get('m[1]' as StepKey)?.attempts).toHaveLength(1);
  });

  it('asks a condition that reads the item for each item, and another one once', async () => {
    const life = await runLife(
      flowOf([
        { id: 'some', foreach: [1, 2, 3], if: 'item > 1' },
        { id: 'none', foreach: [1, 2], if: "run.id == ''" },
      ]),
    );
    expect(endOf(life.run)).toMatchObject({
      some: 'succeeded',
      'some[0]': 'skipped:condition',
      'some[2]': 'succeeded',
      none: 'skipped:condition',
    });
    expect(outputsAt(life, 'some')).toEqual([null, 'some[1]', 'some[2]']);
  });

  it('is resumed with those of its items that did not succeed', async () => {
    const flow = flowOf([
      { id: 'm', foreach: [1, 2, 3, 4], tolerate: 1 },
      { id: 'after', needs: ['m'] },
    ]);
    const failed = await runLife(flow, { behaviour: failing('m[0]', 'm[2]') });
    expect(failed.run.ending?.state).toBe('failed');
    const resumed = await resumeLife(flow, failed.journal.events);
    expect([...startedIn(resumed)].sort()).toEqual(['after', 'm[0]', 'm[2]']);
    expect(endOf(resumed.run)).toMatchObject({ run: 'succeeded', m: 'succeeded', 'm[0]': 'succeeded' });
    expect(outputsAt(resumed, 'm')).toEqual(['m[0]', 'm[1]', 'm[2]', 'm[3]']);
  });

  it('begins anew, list and all, when it is asked for by name', async () => {
    const flow = flowOf([
      { id: 'm', foreach: [1, 2] },
      { id: 'after', needs: ['m'] },
    ]);
    const done = await runLife(flow, { behaviour: failing('after') });
    const again = await resumeLife(flow, done.journal.events, { again: ['m'] });
    expect(startedIn(again)).toEqual(['m[0]', 'm[1]', 'after']);
  });
});

describe('a group', () => {
  const group = flowOf([
    { id: 'a' },
    { id: 'g', needs: ['a'], steps: [{ id: 'x' }, { id: 'y', needs: ['x'] }, { id: 'z', needs: ['x'] }] },
    { id: 'b', needs: ['g'] },
  ]);

  it('runs its members by their needs, and yields theirs by name', async () => {
    const life = await runLife(group);
    expect(startedIn(life)).toEqual(['a', 'g/x', 'g/y', 'g/z', 'b']);
    expect(outputsAt(life, 'g')).toEqual({ x: 'g/x', y: 'g/y', z: 'g/z' });
  });

  it('fails with its members, and is resumed with those that did not succeed', async () => {
    const failed = await runLife(group, { behaviour: failing('g/y') });
    expect(endOf(failed.run)).toMatchObject({
      run: 'failed',
      g: 'failed',
      'g/z': 'succeeded',
      b: 'skipped:upstream_failed',
    });
    const resumed = await resumeLife(group, failed.journal.events);
    expect(startedIn(resumed)).toEqual(['g/y', 'b']);
    expect(resumed.run.ending?.state).toBe('succeeded');
  });

  it('stands inside maps, and maps inside of it', async () => {
    const flow = flowOf([
      {
        id: 'm',
        foreach: ['p', 'q'],
        steps: [{ id: 'list' }, { id: 'each', needs: ['list'], foreach: ['${{ outer.item }}', '${{ item }}'] }],
      },
    ]);
    const life = await runLife(flow);
    expect(life.run.ending?.state).toBe('succeeded');
    expect(life.run.steps.get('m[1]/each[1]' as StepKey)?.item).toBe('q');
    expect(outputsAt(life, 'm')).toEqual([
      { list: 'm[0]/list', each: ['m[0]/each[0]', 'm[0]/each[1]'] },
      { list: 'm[1]/list', each: ['m[1]/each[0]', 'm[1]/each[1]'] },
    ]);
  });

  it('sees its siblings first, then the steps around it', async () => {
    const flow = flowOf([
      { id: 'x' },
      { id: 'a' },
      {
        id: 'g',
        needs: ['x', 'a'],
        steps: [{ id: 'x' }, { id: 'm', needs: ['x'], foreach: ['${{ steps.x.outputs }}', '${{ steps.a.outputs }}'] }],
      },
    ]);
    const life = await runLife(flow);
    expect(life.run.steps.get('g/m[0]' as StepKey)?.item).toBe('g/x');
    expect(life.run.steps.get('g/m[1]' as StepKey)?.item).toBe('a');
  });

  it('under fail_fast, a failure inside that is not allowed stops the rest; one that is does not', async () => {
    const doomed = flowOf([{ id: 'g', steps: [{ id: 'x' }] }, { id: 'slow' }, { id: 'late', needs: ['slow'] }], {
      fail_fast: true,
    });
    const stopped = await runLife(doomed, { behaviour: failing('g/x'), pick: (count) => count - 1 });
    expect(endOf(stopped.run)).toMatchObject({ late: 'skipped:cancelled' });
    const allowed = flowOf(
      [{ id: 'g', continueOnError: true, steps: [{ id: 'x' }] }, { id: 'slow' }, { id: 'late', needs: ['slow'] }],
      { fail_fast: true },
    );
    const went = await runLife(allowed, { behaviour: failing('g/x') });
    expect(endOf(went.run)).toMatchObject({ run: 'succeeded', g: 'failed:tolerated', late: 'succeeded' });
  });
});

describe('handlers', () => {
  it('of the flow run after its steps, one after the other, then `finally`', async () => {
    const flow = flowOf([{ id: 'a' }], { handlers: handlersOf({ on_success: 2, on_failure: 1, finally: 1 }) });
    expect(startedIn(await runLife(flow))).toEqual(['a', 'on_success[0]', 'on_success[1]', 'finally[0]']);
    const failed = await runLife(flow, { behaviour: failing('a') });
    expect(startedIn(failed)).toEqual(['a', 'on_failure[0]', 'finally[0]']);
    expect(failed.run.ending).toMatchObject({ state: 'failed', exit_code: 1 });
  });

  it('that fail make the run fail, and keep none of the others from running', async () => {
    const flow = flowOf([{ id: 'a' }], { handlers: handlersOf({ on_success: 2, finally: 1 }) });
    const life = await runLife(flow, { behaviour: failing('on_success[0]') });
    expect(startedIn(life)).toEqual(['a', 'on_success[0]', 'on_success[1]', 'finally[0]']);
    expect(life.run.ending).toMatchObject({ state: 'failed', exit_code: 1 });
  });

  it('run after a cancellation', async () => {
    const flow = flowOf([{ id: 'a' }], { handlers: handlersOf({ on_cancel: 1, on_failure: 1, finally: 1 }) });
    const life = await runLife(flow, {
      behaviour: (step) => (step === 'a' ? 'hang' : 'succeed'),
      onMove: (engine, _executor, move) => {
        if (move === 0) engine.signal('SIGTERM');
      },
    });
    expect(startedIn(life)).toEqual(['a', 'on_cancel[0]', 'finally[0]']);
    expect(life.run.ending).toMatchObject({ state: 'cancelled', exit_code: 143 });
  });

  it('are left out after a second signal', async () => {
    const flow = flowOf([{ id: 'a' }], { handlers: handlersOf({ on_cancel: 1, finally: 1 }) });
    const life = await runLife(flow, {
      behaviour: () => 'hang',
      stubborn: true,
      onMove: (engine, _executor, move) => {
        if (move < 2) engine.signal('SIGTERM');
      },
    });
    expect(startedIn(life)).toEqual(['a']);
  });

  it('of a step run beside what follows it; a map has them once', async () => {
    const flow = flowOf([
      { id: 'a', on: { on_success: 1, finally: 1 } },
      { id: 'm', needs: ['a'], foreach: [1, 2], on: { on_failure: 1, finally: 1 } },
    ]);
    const life = await runLife(flow, { behaviour: failing('m[0]') });
    expect([...startedIn(life)].sort()).toEqual(
      ['a', 'a/on_success[0]', 'a/finally[0]', 'm[0]', 'm[1]', 'm/on_failure[0]', 'm/finally[0]'].sort(),
    );
  });

  it('of an ended run are run again by the resume that brings it to another end', async () => {
    const flow = flowOf([{ id: 'a' }], { handlers: handlersOf({ on_success: 1, on_failure: 1, finally: 1 }) });
    const failed = await runLife(flow, { behaviour: failing('a') });
    const resumed = await resumeLife(flow, failed.journal.events);
    expect(startedIn(resumed)).toEqual(['a', 'on_success[0]', 'finally[0]']);
  });
});

describe('waits', () => {
  const wait = { action: { kind: 'wait', wait: { kind: 'duration', duration: '10m' } } } as const;

  it('hold no slot, and end by themselves', async () => {
    const flow = flowOf([{ id: 'w', more: wait }, { id: 'a' }, { id: 'b', needs: ['a'] }, { id: 'c', needs: ['w'] }]);
    const life = await runLife(flow, { maxParallel: 1 });
    expect(startedIn(life)).toEqual(['a', 'b', 'c']);
    expect(life.run.duration_ms).toBe(600_000);
  });

  it('park a run for which nobody stays, and go on with its resume', async () => {
    const flow = flowOf([{ id: 'a' }, { id: 'w', needs: ['a'], more: wait }, { id: 'b', needs: ['w'] }]);
    const parked = await runLife(flow, { waits: 'park' });
    expect(parked.end.kind).toBe('parked');
    const resumed = await resumeLife(flow, parked.journal.events);
    expect(startedIn(resumed)).toEqual(['b']);
    expect(resumed.run.ending?.state).toBe('succeeded');
  });
});

describe('an approval', () => {
  const approval = (more: object = {}) =>
    flowOf([
      {
        id: 'ok',
        more: {
          action: { kind: 'approve', message: 'go on?', params: [], timeout_ms: null, on_timeout: 'fail', ...more },
        },
      },
      { id: 'b', needs: ['ok'] },
    ]);
  const by = { kind: 'user', name: 'ada', host: 'here' } as const;
  const answering = (approved: boolean) => ({
    onMove: (engine: Parameters<NonNullable<Parameters<typeof runLife>[1]>['onMove'] & object>[0]) =>
      engine.answer('ok' as StepKey, { approved, by, params: { n: 1 }, comment: null }),
  });

  it('goes on with what was answered as its outputs', async () => {
    const life = await runLife(approval(), answering(true));
    expect(outputsAt(life, 'ok')).toEqual({ approved: true, by: 'ada', comment: null, n: 1 });
    expect(life.run.ending?.state).toBe('succeeded');
  });

  it('fails when it is rejected', async () => {
    const life = await runLife(approval(), answering(false));
    expect(stateOf(life.run, 'ok')).toMatchObject({ kind: 'failed', error: { code: 'rejected' } });
  });

  it.each([
    ['fail', 'failed'],
    ['reject', 'failed'],
    ['approve', 'succeeded'],
    ['skip', 'skipped:condition'],
  ])('that nobody answers in time: %s', async (on_timeout, end) => {
    const life = await runLife(approval({ timeout_ms: 1_000, on_timeout }));
    expect(endOf(life.run)['ok']).toBe(end);
  });

  it('parks the run; an answer is not asked for again', async () => {
    const parked = await runLife(approval(), { waits: 'park' });
    expect(parked.run.parked).toBe(true);
    const answered = await resumeLife(approval(), parked.journal.events, answering(true));
    expect(startedIn(answered)).toEqual(['b']);
    const cut = answered.journal.events.findIndex(({ type }) => type === 'approval.answered') + 1;
    const again = await resumeLife(approval(), answered.journal.events.slice(0, cut));
    expect(again.run.ending?.state).toBe('succeeded');
  });

  it('that was answered before its run lives again does not park it once more', async () => {
    const parked = await runLife(approval(), { waits: 'park' });
    const onReady = answering(true).onMove;
    const answered = await resumeLife(approval(), parked.journal.events, { waits: 'park', onReady });
    expect(startedIn(answered)).toEqual(['b']);
    expect(answered.run.ending?.state).toBe('succeeded');
  });
});

describe('a step that repeats', () => {
  const repeat = (condition: string, more: object = {}) =>
    flowOf([
      { id: 'r', more: { repeat: { kind: 'until', condition, every_ms: 1_000, max: null, ...more } } },
      { id: 'b', needs: ['r'] },
    ]);

  it('goes on until its condition is true', async () => {
    const life = await runLife(repeat('run.attempt >= 3'));
    expect(startedIn(life)).toEqual(['r', 'r', 'r', 'b']);
    expect(life.run.steps.get('r' as StepKey)?.attempts.map(({ iteration }) => iteration)).toEqual([0, 1, 2]);
    expect(life.run.duration_ms).toBe(2_000);
  });

  it('fails where it does not come to an end in time', async () => {
    const life = await runLife(repeat('false', { max: 3 }));
    expect(stateOf(life.run, 'r')).toMatchObject({ kind: 'failed', error: { code: 'repeat_limit' } });
    expect(startedIn(life)).toEqual(['r', 'r', 'r']);
  });

  it('sees its exit code, also of a failure', async () => {
    const life = await runLife(repeat('exit_code == 0'), {
      behaviour: (step, attempt) => (step === 'r' && attempt < 3 ? 'fail' : 'succeed'),
    });
    expect(life.run.ending?.state).toBe('succeeded');
    expect(startedIn(life)).toEqual(['r', 'r', 'r', 'b']);
  });

  it('spends its tries on each iteration anew', async () => {
    const flow = flowOf([
      {
        id: 'r',
        retries: 1,
        more: { repeat: { kind: 'while', condition: 'run.attempt < 4', every_ms: 0, max: null } },
      },
    ]);
    const life = await runLife(flow, { behaviour: (_step, attempt) => (attempt % 2 === 1 ? 'fail' : 'succeed') });
    expect(life.run.ending?.state).toBe('succeeded');
    expect(startedIn(life)).toHaveLength(4);
  });
});

describe('the run itself', () => {
  it('is tried again by its own retry, keeping what succeeded, before its handlers', async () => {
    const retry = { ...flowOf([]).retry, max: 2, delay_ms: 60_000 };
    const flow = flowOf([{ id: 'a' }, { id: 'b', needs: ['a'] }], { retry, handlers: handlersOf({ on_failure: 1 }) });
    const life = await runLife(flow, {
      behaviour: (step, attempt) => (step === 'b' && attempt < 3 ? 'fail' : 'succeed'),
    });
    expect(startedIn(life)).toEqual(['a', 'b', 'b', 'b']);
    expect(life.run).toMatchObject({ retries: 2, duration_ms: 120_000, ending: { state: 'succeeded' } });
    const given = await runLife(flow, { behaviour: failing('b') });
    expect(startedIn(given)).toEqual(['a', 'b', 'b', 'b', 'on_failure[0]']);
  });

  it('ends at its timeout, and its handlers run', async () => {
    const wait = { action: { kind: 'wait', wait: { kind: 'duration', duration: '1h' } } } as const;
    const flow = flowOf(
      [
        { id: 'w', more: wait },
        { id: 'b', needs: ['w'] },
      ],
      {
        timeout_ms: 1_000,
        handlers: handlersOf({ on_failure: 1, finally: 1 }),
      },
    );
    const life = await runLife(flow);
    expect(startedIn(life)).toEqual(['on_failure[0]', 'finally[0]']);
    expect(life.run.ending).toMatchObject({ state: 'failed', exit_code: 124, timed_out: true });
  });

  it('does not count the time in which it waits for a person', async () => {
    const approve = { kind: 'approve', message: 'go?', params: [], timeout_ms: 5_000, on_timeout: 'approve' } as const;
    const flow = flowOf(
      [
        { id: 'ok', more: { action: approve } },
        { id: 'b' as StepId, needs: ['ok'] },
      ],
      {
        timeout_ms: 1_000,
      },
    );
    expect((await runLife(flow)).run.ending).toMatchObject({ state: 'succeeded' });
  });
});

describe('a group of its own', () => {
  const retry = { ...NO_RETRY, max: 2, delay_ms: 1_000 };
  const group = (more: object = {}, foreach?: readonly number[]) =>
    flowOf([
      {
        id: 'g',
        ...(foreach === undefined ? {} : { foreach }),
        steps: [{ id: 'x' }, { id: 'y', needs: ['x'] }],
        more,
      },
      { id: 'after', needs: ['g'] },
    ]);

  it('is tried again, keeping what succeeded in it', async () => {
    const life = await runLife(group({ retry }), {
      behaviour: (step, attempt) => (step === 'g/y' && attempt < 3 ? 'fail' : 'succeed'),
    });
    expect(startedIn(life)).toEqual(['g/x', 'g/y', 'g/y', 'g/y', 'after']);
    expect(life.run).toMatchObject({ duration_ms: 2_000, ending: { state: 'succeeded' } });
    const given = await runLife(group({ retry }), { behaviour: failing('g/y') });
    expect(startedIn(given)).toEqual(['g/x', 'g/y', 'g/y', 'g/y']);
    expect(stateOf(given.run, 'g')).toMatchObject({ kind: 'failed', error: { code: 'members_failed' } });
  });

  it('is tried again each for itself as the items of a map', async () => {
    const life = await runLife(group({ retry }, [1, 2]), {
      behaviour: (step, attempt) => (step === 'g[1]/x' && attempt < 2 ? 'fail' : 'succeed'),
    });
    expect(life.run.ending?.state).toBe('succeeded');
    expect([...startedIn(life)].sort()).toEqual(['g[0]/x', 'g[0]/y', 'g[1]/x', 'g[1]/x', 'g[1]/y', 'after'].sort());
  });

  it('ends with its time: what is under way, what waits, and what has not begun', async () => {
    const life = await runLife(group({ timeout_ms: 5_000 }), {
      behaviour: (step) => (step === 'g/x' ? 'hang' : 'succeed'),
    });
    expect(endOf(life.run)).toMatchObject({ run: 'failed', g: 'failed', after: 'skipped:upstream_failed' });
    expect(stateOf(life.run, 'g')).toMatchObject({ error: { code: 'timed_out', message: 'timed out after 5.0s' } });
    expect(life.run.duration_ms).toBe(5_000);
  });

  it('is tried again after its time as well', async () => {
    const life = await runLife(group({ timeout_ms: 5_000, retry }), {
      behaviour: (step, attempt) => (step === 'g/x' && attempt < 2 ? 'hang' : 'succeed'),
    });
    expect(startedIn(life)).toEqual(['g/x', 'g/x', 'g/y', 'after']);
    expect(life.run).toMatchObject({ duration_ms: 6_000, ending: { state: 'succeeded' } });
  });
});

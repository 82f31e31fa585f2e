import { expect, test } from 'vitest';
import { recordedStepKey } from '../../src/base/ids.ts';
import { runNews, type ToldRun } from '../../src/model/news.ts';
import type { StepPhase } from '../../src/model/run.ts';

const FAILED = { kind: 'failed', tolerated: false, error: null } as const;
const SUCCEEDED = { kind: 'succeeded', reused: false } as const;
const PENDING = { kind: 'pending' } as const;

const toldOf = (phases: { readonly [key: string]: StepPhase }, changes: Partial<ToldRun> = {}) =>
  runNews({
    cancellation: null,
    steps: new Map(
      Object.entries(phases).map(([name, phase]) => {
        const key = recordedStepKey(name);
        const parent =
          /[/[]/.test(name) && !name.startsWith('on_') ? recordedStepKey(name.split(/[/[]/)[0] ?? '') : null;
        const isHandler = /(on_|finally)[a-z_]*\[/.test(name);
        const role = isHandler ? 'handler' : name.endsWith(']') ? 'item' : 'step';
        return [key, { key, phase, parent, role } as const];
      }),
    ),
    ...changes,
  });

test('a run is running until every step is settled, its handlers left out', () => {
  expect(toldOf({ a: SUCCEEDED, b: PENDING })).toEqual({ state: 'running', failed: [] });
  expect(toldOf({ a: SUCCEEDED, 'on_failure[0]': PENDING })).toEqual({ state: 'succeeded', failed: [] });
});

test('what failed is named, unless it was allowed to; a step stands for its items and members', () => {
  const phases = { a: FAILED, b: { ...FAILED, tolerated: true }, 'a[3]': FAILED, d: { kind: 'cancelled' } } as const;
  expect(toldOf(phases)).toEqual({ state: 'failed', failed: ['a'] });
});

test('what failed inside of a step that was allowed to fail does not make the run fail', () => {
  const phases = { g: { ...FAILED, tolerated: true }, 'g/x': FAILED } as const;
  expect(toldOf(phases)).toEqual({ state: 'succeeded', failed: [] });
});

test('a handler that failed makes the run fail', () => {
  expect(toldOf({ a: SUCCEEDED, 'a/finally[1]': FAILED })).toEqual({ state: 'failed', failed: [] });
});

test('a run that ran out of its time has failed', () => {
  const by = { kind: 'policy', policy: 'timeout' } as const;
  const cancellation = { by, at: '', reason: null, signal: null, signals: 0 };
  expect(toldOf({ a: SUCCEEDED }, { cancellation })).toEqual({ state: 'failed', failed: [] });
});

test('a run that is being cancelled is cancelled, whatever failed', () => {
  const by = { kind: 'signal', signal: 'SIGINT' } as const;
  const cancellation = { by, at: '', reason: null, signal: null, signals: 1 };
  expect(toldOf({ a: FAILED, b: PENDING }, { cancellation })).toEqual({ state: 'cancelled', failed: ['a'] });
});

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
        return [key, { key, phase }];
      }),
    ),
    ...changes,
  });

test('a run is running until every step is settled, its handlers left out', () => {
  expect(toldOf({ a: SUCCEEDED, b: PENDING })).toEqual({ state: 'running', failed: [] });
  const handlers = { 'on_failure[0]': PENDING, 'a/finally[1]': FAILED };
  expect(toldOf({ a: SUCCEEDED, ...handlers })).toEqual({ state: 'succeeded', failed: [] });
});

test('what failed is named, unless it was allowed to', () => {
  const phases = { a: FAILED, b: { ...FAILED, tolerated: true }, 'c[3]': FAILED, d: { kind: 'cancelled' } } as const;
  expect(toldOf(phases)).toEqual({ state: 'failed', failed: ['a', 'c[3]'] });
});

test('a run that is being cancelled is cancelled, whatever failed', () => {
  const by = { kind: 'signal', signal: 'SIGINT' } as const;
  const cancellation = { by, at: '', reason: null, signal: null, signals: 1 };
  expect(toldOf({ a: FAILED, b: PENDING }, { cancellation })).toEqual({ state: 'cancelled', failed: ['a'] });
});

/** Quick calls that share slots: which may, how many lanes that makes, and what makes a task a quick one. */

import { describe, expect, it } from 'vitest';
import { CALLS_PER_LANE, Lanes } from '../../src/engine/lanes.ts';
import type { Node } from '../../src/engine/node.ts';
import { STEP_DEFAULTS } from '../../src/model/defaults.ts';
import type { StepDefinition } from '../../src/model/flow.ts';

interface Call {
  readonly name?: string;
  readonly took?: number;
  readonly outcome?: 'succeeded' | 'failed';
  readonly definition?: Partial<StepDefinition>;
}

/** A call of a task that has had an attempt. */
function called({ name = 'task', took = 1, outcome = 'succeeded', definition = {} }: Call = {}): Node {
  const action = { kind: 'call', module: '/flow.ts', export: name } as const;
  return {
    call: { name },
    container: { owner: null },
    definition: { ...STEP_DEFAULTS, action, ...definition },
    record: { call: null, attempts: [{ outcome, duration_ms: took }] },
    isInLane: false,
  } as unknown as Node;
}

const learnt = (lanes: Lanes, ...calls: readonly Call[]): Lanes => {
  for (const call of calls) lanes.learn(called(call));
  return lanes;
};
const QUICK: readonly Call[] = Array.from({ length: 4 }, () => ({}));
const knowing = (): Lanes => learnt(new Lanes(true), ...QUICK);

describe('a call may wait in line', () => {
  it('of a task whose last calls were quick, and no other', () => {
    const lanes = learnt(new Lanes(true), ...QUICK.slice(1));
    expect(lanes.takes(called())).toBe(false);
    learnt(lanes, {});
    expect(lanes.takes(called())).toBe(true);
    expect(lanes.takes(called({ name: 'other' }))).toBe(false);
  });

  it.each<Call>([{ took: 4 }, { outcome: 'failed' }])('not after %j, until it was quick for long', (slow) => {
    const lanes = learnt(knowing(), slow);
    expect(lanes.takes(called())).toBe(false);
    learnt(lanes, ...Array.from({ length: 35 }, () => ({})));
    expect(lanes.takes(called())).toBe(false);
    expect(learnt(lanes, {}).takes(called())).toBe(true);
  });

  it.each<Partial<StepDefinition>>([
    { if_lost: 'fail' },
    { isolate: 'process' },
    { resources: { db: 1 } },
    { reuse: { sources: [], generates: [], cache: { key: null, ttl_ms: null } } },
    { action: { kind: 'argv', argv: ['true'] } },
  ])('not where it was started only when it began: %j', (definition) => {
    expect(knowing().takes(called({ definition }))).toBe(false);
  });

  it('also where a step of a flow file makes it, by what it calls, but for a handler', () => {
    const step = (role: string, name: string): Node => ({
      ...called({ name }),
      call: null,
      record: { ...called().record, role } as never,
    });
    const lanes = new Lanes(true);
    for (const _ of QUICK) lanes.learn(step('item', 'load'));
    expect(lanes.takes(step('item', 'load'))).toBe(true);
    expect(lanes.takes(step('step', 'load'))).toBe(true);
    expect(lanes.takes(step('step', 'save'))).toBe(false);
    expect(lanes.takes(step('handler', 'load'))).toBe(false);
  });

  it('not in a run that ends its calls at the first failure', () => {
    expect(learnt(new Lanes(false), ...QUICK).takes(called())).toBe(false);
  });
});

it('has a slot for each lane, and gives it back with the last call that needs it', () => {
  const lanes = knowing();
  const calls = Array.from({ length: 4 }, () => called());
  expect(calls.map((call, index) => lanes.enter(call, index < 2))).toEqual([1, 1, 0, 0]);
  expect([lanes.count, lanes.room]).toEqual([2, 2 * CALLS_PER_LANE - 4]);
  expect(calls.map((call) => lanes.leave(call))).toEqual([0, 0, 1, 1]);
  expect([lanes.count, lanes.room]).toEqual([0, 0]);
});

/** Quick calls share the slots of a run: more are started than there are slots, and it is said in how many of them they may run. */

import { describe, expect, it } from 'vitest';
import { flowOf, type LifeOptions, runLife } from '../kit/world.ts';
import { type Actions, settleScript, stage } from './stage.ts';
import { CALLS_PER_LANE } from '../../src/engine/lanes.ts';
import type { Json } from '../../src/base/json.ts';
import type { FlowDefinition } from '../../src/model/flow.ts';

const ITEMS = Array.from({ length: 300 }, (_, index) => index);
const flow = (more: Partial<FlowDefinition> = {}): FlowDefinition =>
  flowOf([], { script: { module: '/stage.ts', flow: 'staged' }, ...more });

/** Runs a function with three slots. @returns how many attempts were open at most, and in how many lanes each was to run. */
async function run(body: (actions: Actions) => Promise<Json>, options: LifeOptions = {}, definition = flow()) {
  const lanes: (number | undefined)[] = [];
  const seen = new Set<string>();
  const life = await runLife(definition, {
    scripts: stage(body).host,
    settle: settleScript,
    maxParallel: 3,
    onMove: (_engine, { open }) => {
      for (const [step, { request }] of open) {
        if (!seen.has(step)) lanes.push(request.lanes);
        seen.add(step);
      }
    },
    ...options,
  });
  return { state: life.run.ending?.state, most: life.executor.highest, started: life.executor.started, lanes };
}

describe('quick calls', () => {
  it('are started ahead once they are known to be quick, each once', async () => {
    const { state, most, started, lanes } = await run((flow) => flow.map('quick', ITEMS));
    expect(state).toBe('succeeded');
    expect(most).toBe(3 * CALLS_PER_LANE);
    expect(lanes.slice(0, 3)).toEqual([undefined, undefined, undefined]);
    expect(lanes.at(-1)).toBe(3);
    expect(Math.max(...lanes.map((count) => count ?? 0))).toBe(3);
    expect(new Set(started.map(({ step }) => step)).size).toBe(ITEMS.length);
  });

  it('give back their slots, so that others get theirs', async () => {
    const { state, started } = await run(async (flow) => {
      await flow.map('quick', ITEMS);
      return Promise.all(ITEMS.slice(0, 6).map((index) => flow.task(`other${index}`)));
    });
    expect(state).toBe('succeeded');
    expect(started).toHaveLength(ITEMS.length + 6);
  });

  it('leave others their turn: what is older begins first', async () => {
    const order: string[] = [];
    await run(
      async (flow) => {
        await flow.map('quick', ITEMS.slice(0, 20));
        const calls = [flow.map('quick', ITEMS), flow.task('slow'), flow.task('quick')];
        return Promise.all(calls);
      },
      {
        onMove: (_engine, { open }) => {
          for (const step of open.keys()) if (!order.includes(step)) order.push(step);
        },
      },
    );
    expect(order.indexOf('slow')).toBeLessThan(order.indexOf('quick#3'));
  });
});

describe('every call has a slot of its own', () => {
  it('while it fails', async () => {
    const body = (flow: Actions): Promise<Json> => flow.map('bad', ITEMS).catch(() => null);
    expect((await run(body, { behaviour: () => 'fail' })).most).toBe(3);
  });

  it('where a failure is to end the run: what was started could not be left out', async () => {
    const { most } = await run((actions) => actions.map('quick', ITEMS), {}, flow({ fail_fast: true }));
    expect(most).toBe(3);
  });
});

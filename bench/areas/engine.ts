/** The engine alone: decide, fold and journal lines for an executor that ends every attempt at once, against a plain loop. */

import type { RunId } from '../../src/base/ids.ts';
import { contentHash } from '../../src/base/ids.ts';
import { Engine } from '../../src/engine/engine.ts';
import { makePlan } from '../../src/engine/plan.ts';
import type { Executor, Journal } from '../../src/engine/ports.ts';
import { beginRun } from '../../src/model/fold.ts';
import type { Area, Figure } from '../area.ts';
import { definition, needsOf, type Shape } from '../flows.ts';
import { compare, exponent, inside } from '../protocol.ts';

const RUN = '01jd0000000000000000000000' as RunId;

const instant: Executor = {
  start: () => ({
    done: Promise.resolve({ kind: 'succeeded', exit_code: 0, outputs: null }),
    stop: () => {},
    kill: () => {},
  }),
  reapRun: () => Promise.resolve({ ended: [], left: [] }),
};

async function runEngine(shape: Shape, size: number): Promise<void> {
  const flow = definition(shape, size);
  const run = beginRun(RUN, {
    type: 'run.started',
    flow: flow.name,
    version: null,
    flow_hash: contentHash('0'.repeat(64)),
    params: {},
    tags: [],
    trigger: 'manual',
    parent: null,
    scheduled_for: '2026-01-01T00:00:00.000Z',
    settings: { max_parallel: 8, fail_fast: false, grace_ms: 5_000, durability: 'full' },
    steps: flow.steps.map(({ id, needs }) => ({ id, needs })),
    seq: 1,
    time: '2026-01-01T00:00:00.000Z',
  });
  let written = 0;
  const journal: Journal = {
    append: (events) => {
      for (const event of events) written += JSON.stringify(event).length;
      return Promise.resolve();
    },
    appendWritten: () => Promise.resolve(),
  };
  const engine = new Engine(
    {
      run,
      plan: makePlan(flow),
      journal,
      hub: { publish: () => {} },
      executor: instant,
      clock: { wall: () => Date.now(), monotonic: () => performance.now(), after: () => () => {} },
      random: () => 0,
      environment: {},
      runDirectory: '/bench',
      outputs: {
        store: (value) => Promise.resolve({ kind: 'inline', value }),
        read: () => Promise.reject(new Error('nothing is stored')),
      },
    },
    [],
  );
  await engine.execute();
  if (run.ending?.state !== 'succeeded' || written === 0) throw new Error('the run did not succeed');
}

/** The least that any scheduler does: count needs, take what is ready, visit what it releases. */
function plainLoop(shape: Shape, size: number): void {
  const dependents: number[][] = Array.from({ length: size }, () => []);
  const missing = new Int32Array(size);
  for (let index = 0; index < size; index += 1) {
    for (const need of needsOf(shape, index)) {
      dependents[need]?.push(index);
      missing[index] = (missing[index] ?? 0) + 1;
    }
  }
  const ready: number[] = [];
  for (let index = 0; index < size; index += 1) if (missing[index] === 0) ready.push(index);
  let done = 0;
  for (let head = 0; head < ready.length; head += 1) {
    done += 1;
    for (const dependent of dependents[ready[head] as number] ?? []) {
      missing[dependent] = (missing[dependent] ?? 0) - 1;
      if (missing[dependent] === 0) ready.push(dependent);
    }
  }
  if (done !== size) throw new Error('the loop did not finish');
}

/** Ladders of four shapes, up to 10,000 steps (100,000 with --full). */
export const engineAlone: Area = {
  name: 'engine',
  async run({ full }): Promise<readonly Figure[]> {
    const sizes = full ? [1_000, 10_000, 100_000] : [1_000, 3_000, 10_000];
    const top = sizes.at(-1) ?? 0;
    const figures: Figure[] = [];
    for (const shape of ['wide', 'chain', 'diamond', 'layered'] as const) {
      const reference = inside(`plain loop, ${shape} ${top}`, () => plainLoop(shape, top));
      const subject = inside(`engine, ${shape} ${top}`, () => runEngine(shape, top));
      figures.push(...(await compare('engine', reference, [subject], 3)));
      const points: [number, number][] = [];
      for (const size of sizes) points.push([size, (await inside('', () => runEngine(shape, size)).measure()).wallMs]);
      figures.push({
        area: 'engine',
        name: `growth, ${shape}`,
        exponent: exponent(points),
        topExponent: exponent(points.slice(-2)),
        points,
        unit: 'ms',
      });
    }
    return figures;
  },
};

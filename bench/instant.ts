/** The engine alone: decide, fold and the lines of a journal, for an executor that ends every attempt at once. */

import type { RunId } from '../src/base/ids.ts';
import { contentHash } from '../src/base/ids.ts';
import { Engine } from '../src/engine/engine.ts';
import { makePlan } from '../src/engine/plan.ts';
import type { Executor, Journal } from '../src/engine/ports.ts';
import type { FlowDefinition } from '../src/model/flow.ts';
import { beginRun } from '../src/model/fold.ts';

const RUN = '01jd0000000000000000000000' as RunId;

const instant: Executor = {
  start: () => ({
    done: Promise.resolve({ kind: 'succeeded', exit_code: 0, outputs: null }),
    stop: () => {},
    kill: () => {},
  }),
  reapRun: () => Promise.resolve({ ended: [], left: [] }),
};

/**
 * Runs a flow to its end.
 * @throws {Error} when it does not succeed.
 */
export async function runInstantly(flow: FlowDefinition): Promise<void> {
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

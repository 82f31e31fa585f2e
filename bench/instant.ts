/** The engine alone: decide, fold and the lines of a journal, for an executor that ends every attempt at once. */

import type { RunId } from '../src/base/ids.ts';
import { contentHash } from '../src/base/ids.ts';
import { Engine } from '../src/engine/engine.ts';
import { makePlan } from '../src/engine/plan.ts';
import type { Executor, Hub, Journal } from '../src/engine/ports.ts';
import type { EventBody, RunEvent } from '../src/model/event.ts';
import type { FlowDefinition } from '../src/model/flow.ts';
import { beginRun } from '../src/model/fold.ts';
import type { RunRecord } from '../src/model/run.ts';

/** The id of every run of the bench that is only in memory. */
export const RUN = '01jd0000000000000000000000' as RunId;

/** The first event of a run of this flow. */
export const startOf = (flow: FlowDefinition): Extract<RunEvent, { type: 'run.started' }> => ({
  seq: 1,
  time: '2026-01-01T00:00:00.000Z',
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
});

const instant: Executor = {
  start: () => ({
    done: Promise.resolve({ kind: 'succeeded', exit_code: 0, outputs: null }),
    stop: () => {},
    kill: () => {},
  }),
  reapRun: () => Promise.resolve({ ended: [], left: [] }),
};

/** One life of a run, whose attempts end as soon as they begin. */
export interface InstantLife {
  readonly run: RunRecord;
  readonly flow: FlowDefinition;
  readonly journal: Journal;
  /** Default: nobody listens. */
  readonly hub?: Hub;
  /** Default: none, as for a new run. */
  readonly opening?: readonly EventBody[];
}

/**
 * Lives it to its end.
 * @throws {Error} when the run does not succeed.
 */
export async function liveInstantly({ run, flow, journal, hub, opening }: InstantLife): Promise<void> {
  const engine = new Engine(
    {
      run,
      plan: makePlan(flow),
      journal,
      hub: hub ?? { publish: () => {} },
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
    opening ?? [],
  );
  await engine.execute();
  if (run.ending?.state !== 'succeeded') throw new Error('the run did not succeed');
  for (const { phase } of run.steps.values()) if (phase.kind !== 'succeeded') throw new Error('a step did not succeed');
}

/**
 * Runs a flow to its end.
 * @throws {Error} when it does not succeed.
 */
export async function runInstantly(flow: FlowDefinition): Promise<void> {
  let events = 0;
  let written = 0;
  const journal: Journal = {
    append: (added) => {
      for (const event of added) written += JSON.stringify(event).length;
      events += added.length;
      return Promise.resolve();
    },
    appendWritten: () => Promise.resolve(),
  };
  await liveInstantly({ run: beginRun(RUN, startOf(flow)), flow, journal });
  if (written === 0 || events < 2 * flow.steps.length) throw new Error('not all of it was recorded');
}

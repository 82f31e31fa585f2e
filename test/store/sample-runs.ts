/** Runs on disk as the engine would write them. Needs no test runner: other processes of a test import it too. */

import { contentHash, parseRunId, parseStepId, type RunId, type StepId, stepKeyOf } from '../../src/base/ids.ts';
import type { Result } from '../../src/base/result.ts';
import type { EventBody, RunEvent } from '../../src/model/event.ts';
import { FLOW_DEFAULTS, STEP_DEFAULTS } from '../../src/model/defaults.ts';
import type { FlowDefinition } from '../../src/model/flow.ts';
import type { RunRecord } from '../../src/model/run.ts';
import { createRun } from '../../src/store/create.ts';
import type { StateLayout } from '../../src/store/layout.ts';
import type { OwnedRun } from '../../src/store/owned-run.ts';
import { readRunFolder } from '../../src/store/run-reading.ts';

/** The value of a result that is meant to be one. */
export function expectOk<T>(result: Result<T, unknown>): T {
  if (result.ok) return result.value;
  throw new Error(`expected a value, got ${JSON.stringify(result.error)}`);
}

/** The error of a result that is meant to be one. */
export function expectError<E>(result: Result<unknown, E>): E {
  if (!result.ok) return result.error;
  throw new Error('expected an error, got a value');
}

/** The n-th run id: ids sort by their number. */
export function runId(number: number): RunId {
  const id = parseRunId(`01j0000000000000000${String(number).padStart(7, '0')}`);
  if (id === null) throw new Error('no run id');
  return id;
}

/** A step name. */
export function stepId(name: string): StepId {
  const id = parseStepId(name);
  if (id === null) throw new Error('no step id');
  return id;
}

export const FLOW_HASH = contentHash('a'.repeat(64));

/** The definition of a sample. */
export const definition = (name = 'sample', steps: readonly string[] = ['a', 'b', 'c']): FlowDefinition => ({
  ...FLOW_DEFAULTS,
  name,
  file: '/project/flow.yaml',
  directory: '/project',
  steps: steps.map((id) => ({ ...STEP_DEFAULTS, id: stepId(id), action: { kind: 'argv', argv: ['true'] } })),
});

/** Gives events their places, one second apart, from `seq` on. */
export function numbered(bodies: readonly EventBody[], seq = 1, startedAt = Date.UTC(2026, 0, 1)): RunEvent[] {
  return bodies.map((body, index) => ({
    seq: seq + index,
    time: new Date(startedAt + (seq + index) * 1_000).toISOString(),
    ...body,
  }));
}

/** What a sample run is like. */
export interface Sample {
  readonly flow?: string;
  readonly tags?: readonly string[];
  readonly steps?: readonly string[];
  readonly durability?: 'full' | 'process';
  readonly state?: 'succeeded' | 'failed';
}

/** The first event. */
export function startedBody({ flow = 'sample', tags = [], steps = ['a', 'b', 'c'], durability = 'full' }: Sample = {}) {
  return {
    type: 'run.started',
    flow,
    version: null,
    flow_hash: FLOW_HASH,
    params: { city: 'Zürich', n: 1 },
    tags,
    trigger: 'manual',
    parent: null,
    scheduled_for: '2026-01-01T00:00:00.000Z',
    settings: { max_parallel: 4, fail_fast: false, grace_ms: 5_000, durability },
    steps: steps.map((id, index) => ({ id: stepId(id), needs: steps.slice(index - 1, index).map(stepId) })),
  } as const satisfies EventBody;
}

/** All events of a run whose steps succeed one after the other. */
export function wholeRun(sample: Sample = {}): EventBody[] {
  const { steps = ['a', 'b', 'c'], state = 'succeeded' } = sample;
  const attempts = steps.flatMap((name): EventBody[] => {
    const step = stepKeyOf(stepId(name));
    return [
      { type: 'attempt.started', step, attempt: 1, iteration: 0 },
      {
        type: 'attempt.finished',
        step,
        attempt: 1,
        outcome: 'succeeded',
        exit_code: 0,
        signal: null,
        error: null,
        outputs: { kind: 'inline', value: { text: `größe\u0000\u2028 ${name}` } },
        duration_ms: 12,
      },
    ];
  });
  const exit_code = state === 'succeeded' ? 0 : 1;
  return [
    startedBody(sample),
    ...attempts,
    { type: 'run.finished', state, exit_code, outputs: null, timed_out: false, error: null, duration_ms: 99 },
  ];
}

/** Makes a run on disk with its first event and owns it. */
export async function startRun(state: StateLayout, id: RunId, sample: Sample = {}, at?: number): Promise<OwnedRun> {
  const [started] = numbered([startedBody(sample)], 1, at);
  if (started?.type !== 'run.started') throw new Error('no first event');
  return expectOk(
    await createRun(state, { id, definition: definition(sample.flow, sample.steps), started, version: '0.0.0-test' }),
  );
}

/** Makes a whole run on disk and gives it up. */
export async function finishRun(state: StateLayout, id: RunId, sample: Sample = {}, at?: number): Promise<void> {
  const run = await startRun(state, id, sample, at);
  await run.journal.append(numbered(wholeRun(sample).slice(1), 2, at));
  const problem = await run.close(await recordOf(run));
  if (problem !== null) throw new Error(JSON.stringify(problem));
}

/** The run as its folder tells it. */
export async function recordOf(run: OwnedRun): Promise<RunRecord> {
  const { record } = await readRunFolder(run.layout);
  if (record === null) throw new Error('no record');
  return record;
}

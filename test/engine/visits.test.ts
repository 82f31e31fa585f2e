/** What a run costs is counted, not timed: how often anything of a step is looked at, and how much is written for it. */

import { describe, expect, it } from 'vitest';
import type { StepKey } from '../../src/base/ids.ts';
import { Engine } from '../../src/engine/engine.ts';
import { makePlan } from '../../src/engine/plan.ts';
import type { Executor } from '../../src/engine/ports.ts';
import { recover } from '../../src/engine/recover.ts';
import type { RunEvent } from '../../src/model/event.ts';
import type { FlowDefinition } from '../../src/model/flow.ts';
import { foldRun } from '../../src/model/fold.ts';
import type { Outcome } from '../../src/model/outcome.ts';
import type { RunRecord, StepRecord } from '../../src/model/run.ts';
import { ManualClock, flowOf, RUN, startedEvent, type StepSketch } from '../kit/world.ts';

const FEW = 100;
const MANY = 1_000;
const AT_ONCE = 4;

/** The steps of a run, which count how often a member of one is read, whoever holds it. */
class CountingSteps extends Map<StepKey, StepRecord> {
  reads = 0;
  private isLearning = true;

  constructor(steps: Iterable<readonly [StepKey, StepRecord]>) {
    super();
    for (const [key, step] of steps) this.set(key, step);
    this.isLearning = false;
  }

  override set(key: StepKey, step: StepRecord): this {
    const count = (): void => {
      if (this.isLearning === false) this.reads += 1;
    };
    return super.set(
      key,
      new Proxy(step, {
        get(target, name) {
          count();
          return Reflect.get(target, name);
        },
      }),
    );
  }
}

interface Lived {
  readonly run: RunRecord;
  readonly events: readonly RunEvent[];
  readonly reads: number;
  /** Bytes of their lines, but for those that list all steps. */
  readonly bytes: number;
}

type Ends = (step: string, attempt: number) => Outcome;

const succeeds: Ends = () => ({ kind: 'succeeded', exit_code: 0, outputs: { kind: 'inline', value: 1 } });
const failure = { code: 'exit_code', message: 'exited with code 7' } as const;
const fails: Outcome = { kind: 'failed', failure, exit_code: 7, signal: null };

/** Runs a flow, whose attempts end as soon as they begin; or goes on with what `before` holds. @param atStart called at each start. */
async function lived(
  flow: FlowDefinition,
  ends: Ends = succeeds,
  before?: readonly RunEvent[],
  atStart: (run: RunRecord) => void = () => {},
): Promise<Lived> {
  const { run: folded } = foldRun(RUN, before ?? [startedEvent(flow, AT_ONCE)]);
  if (folded === null) throw new Error('nothing to run');
  const steps = new CountingSteps(folded.steps);
  const run: RunRecord = { ...folded, steps };
  const plan = makePlan(flow);
  const events: RunEvent[] = [];
  const executor: Executor = {
    start: ({ step, attempt }) => {
      atStart(run);
      return { done: Promise.resolve(ends(step, attempt)), stop: () => {}, kill: () => {} };
    },
    reapRun: () => Promise.resolve({ ended: [], left: [] }),
  };
  const clock = new ManualClock();
  const by = { kind: 'user', name: 'test', host: 'here' } as const;
  const { settings, params, flow_hash } = run;
  const request = { by, settings, params, revision: 1, flow_hash, again: [], reaped: [] };
  const append = (added: readonly RunEvent[]): Promise<void> => {
    events.push(...added);
    return Promise.resolve();
  };
  const engine = new Engine(
    {
      ...{ run, plan, executor, clock, environment: {}, runDirectory: '/visits', random: () => 0.5 },
      journal: { append, appendWritten: append },
      hub: { publish: () => {} },
      outputs: {
        store: (value) => Promise.resolve({ kind: 'inline', value }),
        read: () => Promise.reject(new Error('nothing is stored')),
      },
    },
    before === undefined ? [] : recover(run, plan, request),
  );
  const end = engine.execute();
  let isOver = false;
  void end.finally(() => (isOver = true));
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance();
  }
  await end;
  const lines = events.filter(({ type }) => type !== 'run.resumed' && type !== 'step.expanded');
  return { run, events, reads: steps.reads, bytes: JSON.stringify(lines).length };
}

type Sketch = (size: number) => readonly StepSketch[];

const range = (size: number): readonly number[] => Array.from({ length: size }, (_, index) => index);
const named = (index: number): string => `s${String(index).padStart(4, '0')}`;

const wide: Sketch = (size) => range(size).map((index) => ({ id: named(index) }));
const chain: Sketch = (size) =>
  range(size).map((index) => ({ id: named(index), needs: index === 0 ? [] : [named(index - 1)] }));
const layered: Sketch = (size) =>
  range(size).map((index) => {
    const layer = Math.floor(index / 10);
    const needs = layer === 0 ? [] : [0, 3, 7].map((shift) => named((layer - 1) * 10 + ((index + shift) % 10)));
    return { id: named(index), needs };
  });
const each =
  (sketch: Sketch, more: Partial<StepSketch>): Sketch =>
  (size) =>
    sketch(size).map((step) => ({ ...step, ...more }));
const map =
  (more: Partial<StepSketch> = {}): Sketch =>
  (size) => [{ id: 'map', foreach: range(size).map((index) => `item ${String(index).padStart(4, '0')}`), ...more }];
const group: Sketch = (size) => [{ id: 'group', steps: layered(size) }];

const CASES: { readonly [name: string]: readonly [sketch: Sketch, ends?: Ends, flow?: Partial<FlowDefinition>] } = {
  'independent steps': [wide],
  'a chain': [chain],
  layers: [layered],
  'steps with a condition': [each(layered, { if: 'always()' })],
  'steps that are tried again': [
    each(layered, { retries: 1, delayMs: 10 }),
    (_, attempt) => (attempt === 1 ? fails : succeeds('', 2)),
  ],
  'a chain whose first step fails': [chain, (step, attempt) => (step === named(0) ? fails : succeeds(step, attempt))],
  'independent steps that fail': [wide, () => fails],
  'steps that nothing starts any more after a failure': [wide, () => fails, { fail_fast: true }],
  'the items of a map': [map()],
  'the items of a map with a limit': [map({ more: { max_parallel: 2 } })],
  'the items of a map that may fail': [map({ tolerate: 10_000 }), () => fails],
  'the members of a group': [group],
  'steps with handlers': [each(wide, { on: { finally: 1 } })],
};

/** With a tenth of the steps each costs as much; a walk over all of them in every turn would cost ten times as much. */
const GROWTH = 1.15;

describe('a step costs no more where there are ten times as many', () => {
  it.each(Object.entries(CASES))('%s: what is read of steps, and what is written', async (_, [sketch, ends, flow]) => {
    const few = await lived(flowOf(sketch(FEW), flow), ends);
    const many = await lived(flowOf(sketch(MANY), flow), ends);
    expect(many.run.ending).not.toBeNull();
    expect(many.events.length).toBeLessThan((few.events.length + 2) * (MANY / FEW));
    expect(few.reads).toBeGreaterThan(FEW);
    expect(many.reads / MANY).toBeLessThan((few.reads / FEW) * GROWTH);
    expect(many.bytes / MANY).toBeLessThan((few.bytes / FEW) * GROWTH);
  });

  it('a resume of a run of which half is done', async () => {
    const half = async (size: number): Promise<Lived> => {
      const flow = flowOf(layered(size));
      const whole = await lived(flow);
      const started = startedEvent(flow, AT_ONCE);
      return lived(flow, succeeds, [started, ...whole.events.slice(0, Math.floor(whole.events.length / 2))]);
    };
    const few = await half(FEW);
    const many = await half(MANY);
    expect(many.run.ending?.state).toBe('succeeded');
    expect(many.run.resumes).toBe(1);
    expect(many.reads / MANY).toBeLessThan((few.reads / FEW) * GROWTH);
  });

  it('and a walk over all steps at each start would be seen', async () => {
    const walk = ({ steps }: RunRecord): void => {
      for (const { phase } of steps.values()) if (phase.kind === 'failed') return;
    };
    const few = await lived(flowOf(wide(FEW)), succeeds, undefined, walk);
    const many = await lived(flowOf(wide(MANY)), succeeds, undefined, walk);
    expect(many.reads / MANY).toBeGreaterThan((few.reads / FEW) * 2);
  });
});

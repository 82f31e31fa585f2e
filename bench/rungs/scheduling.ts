/** What a step costs from its definition to its end, layer by layer, without processes and without a disk. */

import { stepKeyOf } from '../../src/base/ids.ts';
import { Frontier } from '../../src/engine/frontier.ts';
import type { Node } from '../../src/engine/node.ts';
import { makePlan } from '../../src/engine/plan.ts';
import type { RunEvent } from '../../src/model/event.ts';
import { foldRun, beginRun } from '../../src/model/fold.ts';
import { forEachDependent } from '../../src/model/graph.ts';
import type { StepPhase } from '../../src/model/run.ts';
import { definition, type Shape } from '../flows.ts';
import { RUN, runInstantly, startOf } from '../instant.ts';
import type { Prepared } from '../rung.ts';

const flowOf = (shape = '', size = '') => definition(shape as Shape, Number(size));

/** Small runs, after which V8 has compiled what is measured. */
const WARM = 500;

/** Nothing but the definition: what it holds is its own, and no memory of the engine's. */
export function growDefinition(shape?: string, size?: string): Prepared {
  const flow = flowOf(shape, size);
  return { work: () => ({ steps: flow.steps.length }) };
}

/** The least that any scheduler does: names to numbers, who needs whom, then take what is ready and visit what it releases. */
export function plainLoop(shape?: string, size?: string): Prepared {
  const { steps } = flowOf(shape, size);
  return {
    work() {
      const numbers = new Map<string, number>();
      for (let index = 0; index < steps.length; index += 1) numbers.set(steps[index]?.id ?? '', index);
      const dependents: number[][] = Array.from({ length: steps.length }, () => []);
      const missing = new Int32Array(steps.length);
      const ready: number[] = [];
      for (let index = 0; index < steps.length; index += 1) {
        const needs = steps[index]?.needs ?? [];
        missing[index] = needs.length;
        for (const need of needs) dependents[numbers.get(need) ?? 0]?.push(index);
        if (needs.length === 0) ready.push(index);
      }
      for (let head = 0; head < ready.length; head += 1) {
        for (const dependent of dependents[ready[head] ?? 0] ?? []) {
          missing[dependent] = (missing[dependent] ?? 0) - 1;
          if (missing[dependent] === 0) ready.push(dependent);
        }
      }
      if (ready.length !== steps.length) throw new Error('the loop did not finish');
      return {};
    },
  };
}

/** The plan alone, as a run has it made: once, before V8 has compiled anything of it. */
export function makeOnlyPlan(shape?: string, size?: string): Prepared {
  const flow = flowOf(shape, size);
  return {
    work() {
      const { graph } = makePlan(flow);
      let edges = 0;
      for (let index = 0; index < graph.size; index += 1) forEachDependent(graph, index, () => (edges += 1));
      if (edges !== flow.steps.reduce((sum, { needs }) => sum + needs.length, 0)) throw new Error('edges are missing');
      return { edges };
    },
  };
}

/** So many steps are under way at once. */
const AT_ONCE = 8;
const SUCCEEDED: StepPhase = { kind: 'succeeded', reused: false };

/** The plan and the queue of what may begin: the engine's index, told of starts and ends that nobody decides, folds or records. */
export function drainQueue(shape?: string, size?: string): Prepared {
  drain(shape, String(WARM)).work();
  return drain(shape, size);
}

function drain(shape?: string, size?: string) {
  const flow = flowOf(shape, size);
  const run = beginRun(RUN, startOf(flow));
  const attempt = {
    number: 1,
    iteration: 0,
    started_at: '',
    process: null,
    outcome: 'succeeded' as const,
    skips: false,
  };
  const rest = { exit_code: 0, signal: null, error: null, finished_at: null, duration_ms: null };
  const running: StepPhase = { kind: 'running', attempt: { ...attempt, ...rest } };
  return {
    work() {
      const frontier = new Frontier(makePlan(flow), run);
      let ended = 0;
      while (frontier.unsettled > 0) {
        const begun: Node[] = [];
        for (const node of frontier.staging.ready()) if (begun.push(node) === AT_ONCE) break;
        for (const { record } of begun) {
          record.phase = running;
          frontier.note('attempt.started', record.key);
        }
        for (const { record } of begun) {
          record.phase = SUCCEEDED;
          frontier.note('attempt.finished', record.key);
        }
        if (begun.length === 0) throw new Error('nothing is ready');
        ended += begun.length;
      }
      if (ended !== flow.steps.length) throw new Error('a step was left');
      return {};
    },
  };
}

/** The whole engine: plan, decide, fold and the text of every event. */
export async function runEngine(shape?: string, size?: string): Promise<Prepared> {
  for (let round = 0; round < 3; round += 1) await runInstantly(flowOf(shape, String(WARM)));
  const flow = flowOf(shape, size);
  return {
    async work() {
      await runInstantly(flow);
      return {};
    },
  };
}

/** Folding the events of a run: a start and an end for each step. */
export function foldEvents(shape?: string, size?: string): Prepared {
  foldRun(RUN, eventsOf(shape, String(WARM)));
  const events = eventsOf(shape, size);
  return {
    work() {
      const { run, problem } = foldRun(RUN, events);
      if (problem !== null || run?.seq !== events.length) throw new Error(problem?.message ?? 'nothing was folded');
      return { events: events.length };
    },
  };
}

/** @param done how many of the steps; default: all of them. */
export function eventsOf(shape?: string, size?: string, done = Number(size)): readonly RunEvent[] {
  const flow = flowOf(shape, size);
  const time = '2026-01-01T00:00:00.000Z';
  const events: RunEvent[] = [startOf(flow)];
  for (const { id } of flow.steps.slice(0, done)) {
    const place = { step: stepKeyOf(id), attempt: 1 };
    events.push({ seq: events.length + 1, time, type: 'attempt.started', ...place, iteration: 0 });
    events.push({
      seq: events.length + 1,
      time,
      type: 'attempt.finished',
      ...place,
      outcome: 'succeeded',
      exit_code: 0,
      signal: null,
      error: null,
      outputs: null,
      duration_ms: 3,
    });
  }
  return events;
}

/** The steps of a run in the order in which people read them: members and items behind what they belong to, handlers last. */

import { handlerKeyOf, type StepKey } from '../base/ids.ts';
import type { HandlerPhase } from './policies.ts';
import type { RunRecord, StepRecord } from './run.ts';

/** Every step of a run, each once: a step, its children, its handlers, then the next; the flow's handlers at the end. */
export function* stepsInOrder(run: RunRecord): Generator<StepRecord> {
  for (const step of run.steps.values()) {
    if (step.parent === null && step.role === 'step') yield* withChildren(run, step);
  }
  yield* handlersOf(run, null, run.handlers);
}

function* withChildren(run: RunRecord, step: StepRecord): Generator<StepRecord> {
  yield step;
  for (const key of step.children ?? []) {
    const child = run.steps.get(key);
    if (child !== undefined) yield* withChildren(run, child);
  }
  yield* handlersOf(run, step.key, step.handlers);
}

/** The handlers of a step, or with `owner` null of the flow, in the phases given. */
export function* handlersOf(
  run: RunRecord,
  owner: StepKey | null,
  phases: readonly HandlerPhase[],
): Generator<StepRecord> {
  for (const phase of phases) {
    for (let index = 0; ; index += 1) {
      const handler = run.steps.get(handlerKeyOf(owner, phase, index));
      if (handler === undefined) break;
      yield handler;
    }
  }
}

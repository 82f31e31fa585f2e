/** The steps of a run in the order in which people read them: members and items behind what they belong to, handlers last. */

import { handlerKeyOf, type StepKey } from '../base/ids.ts';
import type { HandlerPhase } from './policies.ts';
import type { RunRecord, StepRecord } from './run.ts';

/** Every step of a run, each once: a step, the calls it made, its children, its handlers, then the next; the flow's handlers at the end. */
export function* stepsInOrder(run: RunRecord): Generator<StepRecord> {
  const called = callsOfSteps(run);
  for (const step of run.steps.values()) {
    if (step.parent === null && step.role === 'step' && (step.call?.caller ?? null) === null) {
      yield* withChildren(run, step, called);
    }
  }
  yield* handlersOf(run, null, run.handlers);
}

type CallsOfSteps = ReadonlyMap<StepKey, readonly StepRecord[]>;

/** The calls that steps made, by those steps. */
function callsOfSteps(run: RunRecord): CallsOfSteps {
  const called = new Map<StepKey, StepRecord[]>();
  for (const step of run.steps.values()) {
    const caller = step.call?.caller ?? null;
    if (caller === null) continue;
    const calls = called.get(caller);
    if (calls === undefined) called.set(caller, [step]);
    else calls.push(step);
  }
  return called;
}

function* withChildren(run: RunRecord, step: StepRecord, called: CallsOfSteps): Generator<StepRecord> {
  yield step;
  for (const call of called.get(step.key) ?? []) yield* withChildren(run, call, called);
  for (const key of step.children ?? []) {
    const child = run.steps.get(key);
    if (child !== undefined) yield* withChildren(run, child, called);
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

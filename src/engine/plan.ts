/** A flow made ready to be decided on: the definition, its graph, and the steps by number. Never changes during a run. */

import { stepKeyOf, type StepKey } from '../base/ids.ts';
import { Bug } from '../base/result.ts';
import { type Condition, parseCondition, type StatusFunction } from '../expressions/expressions.ts';
import type { FlowDefinition, StepDefinition } from '../model/flow.ts';
import { buildGraph, type Graph } from '../model/graph.ts';

/** The unchanging half of what the decider looks at. */
export interface Plan {
  readonly flow: FlowDefinition;
  readonly graph: Graph;
  readonly keys: readonly StepKey[];
  /** The condition of each step; null where `success()` is implied and nothing else asked. */
  readonly conditions: readonly (Condition | null)[];
}

/** Prepares a definition; linear in steps and edges. */
export function makePlan(flow: FlowDefinition): Plan {
  return {
    flow,
    graph: buildGraph(flow.steps),
    keys: flow.steps.map(({ id }) => stepKeyOf(id)),
    conditions: flow.steps.map(conditionOf),
  };
}

function conditionOf({ id, if: text }: StepDefinition): Condition | null {
  if (text === null) return null;
  const condition = parseCondition(text);
  if (!condition.ok) throw new Bug(`the condition of ${id} passed the checks`);
  return condition.value;
}

const CLEANING_UP: readonly StatusFunction[] = ['always', 'cancelled', 'failure'];

/**
 * True for a step whose condition says that it is meant for the time after something went wrong. Such steps are decided on also in a
 * run that starts nothing else any more: after a cancellation, and after a failure under `fail_fast`.
 */
export function isCleanup(plan: Plan, index: number): boolean {
  const names = plan.conditions[index]?.names;
  return names !== undefined && CLEANING_UP.some((name) => names.has(name));
}

/** True when a step that something before it blocks may start all the same: its condition names a status function. */
export const overridesSuccess = (plan: Plan, index: number): boolean => (plan.conditions[index]?.names.size ?? 0) > 0;

/** The definition of the step with this number. */
export function stepAt(plan: Plan, index: number): StepDefinition {
  const step = plan.flow.steps[index];
  if (step === undefined) throw new Bug(`plan: no step ${index}`);
  return step;
}

/** A flow made ready to be decided on: the definition, its graph, and the steps by number. Never changes during a run. */

import { stepKeyOf, type StepKey } from '../base/ids.ts';
import { Bug } from '../base/result.ts';
import type { FlowDefinition, StepDefinition } from '../model/flow.ts';
import { buildGraph, type Graph } from '../model/graph.ts';

/** The unchanging half of what the decider looks at. */
export interface Plan {
  readonly flow: FlowDefinition;
  readonly graph: Graph;
  readonly keys: readonly StepKey[];
}

/** Prepares a definition; linear in steps and edges. */
export function makePlan(flow: FlowDefinition): Plan {
  return { flow, graph: buildGraph(flow.steps), keys: flow.steps.map(({ id }) => stepKeyOf(id)) };
}

/** The definition of the step with this number. */
export function stepAt(plan: Plan, index: number): StepDefinition {
  const step = plan.flow.steps[index];
  if (step === undefined) throw new Bug(`plan: no step ${index}`);
  return step;
}

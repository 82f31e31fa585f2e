/** A flow made ready to be decided on: the definition, its graph, and the steps by number. Never changes during a run. */

import { stepKeyOf, type StepKey } from '../base/ids.ts';
import { Bug } from '../base/result.ts';
import { type Condition, conditionReads, parseCondition, type StatusFunction } from '../expressions/expressions.ts';
import type { FlowDefinition, StepDefinition } from '../model/flow.ts';
import { buildGraph, type Graph } from '../model/graph.ts';

/** Steps that stand together: those of a flow, of a group, or of a list of handlers. */
export interface Body {
  readonly steps: readonly StepDefinition[];
  readonly graph: Graph;
  /** The condition of each step; null where `success()` is implied and nothing else asked. */
  readonly conditions: readonly (Condition | null)[];
}

/** The unchanging half of what the decider looks at. */
export interface Plan extends Body {
  readonly flow: FlowDefinition;
  readonly keys: readonly StepKey[];
}

/** Prepares a definition; linear in steps and edges. What groups hold is prepared when they begin. */
export function makePlan(flow: FlowDefinition): Plan {
  return { ...bodyOf(flow.steps), flow, keys: flow.steps.map(({ id }) => stepKeyOf(id)) };
}

const bodies = new WeakMap<readonly StepDefinition[], Body>();

/** Prepares the members of a group; once for each definition, however often the group begins. */
export function bodyOf(steps: readonly StepDefinition[]): Body {
  const known = bodies.get(steps);
  if (known !== undefined) return known;
  const body = { steps, graph: buildGraph(steps), conditions: steps.map(conditionOf) };
  bodies.set(steps, body);
  return body;
}

const chains = new WeakMap<readonly StepDefinition[], Body>();

/** Prepares a list of handlers: each comes after the one before. */
export function handlersBody(handlers: readonly StepDefinition[]): Body {
  const known = chains.get(handlers);
  if (known !== undefined) return known;
  const steps = handlers.map((handler, index) => {
    const before = handlers[index - 1];
    return before === undefined ? handler : { ...handler, needs: [before.id] };
  });
  const body = bodyOf(steps);
  chains.set(handlers, body);
  return body;
}

function conditionOf({ id, if: text }: StepDefinition): Condition | null {
  if (text === null) return null;
  const condition = parseCondition(text);
  if (!condition.ok) throw new Bug(`the condition of ${id} passed the checks`);
  return condition.value;
}

const OF_ITEMS: ReadonlySet<string> = new Set(['item', 'index', 'matrix', 'outer']);

/** True for a condition that is to be asked for each item of a map, since it reads the item. */
export function isAskedPerItem(condition: Condition | null): boolean {
  return condition !== null && conditionReads(condition).some(({ root }) => OF_ITEMS.has(root));
}

const CLEANING_UP: readonly StatusFunction[] = ['always', 'cancelled', 'failure'];

/**
 * True for a condition that says that its step is meant for the time after something went wrong. Such steps are decided on also in a
 * run that starts nothing else any more: after a cancellation, and after a failure under `fail_fast`.
 */
export const cleansUp = (condition: Condition | null): boolean =>
  condition !== null && CLEANING_UP.some((name) => condition.names.has(name));

/** True when a step that something before it blocks may start all the same: its condition names a status function. */
export const overridesSuccess = (condition: Condition | null): boolean => (condition?.names.size ?? 0) > 0;

/** The definition of the step with this number. */
export function stepAt(body: Body, index: number): StepDefinition {
  const step = body.steps[index];
  if (step === undefined) throw new Bug(`plan: no step ${index}`);
  return step;
}

/**
 * Whether the record of a run and the definition that is in force for it can belong together: asked before a run goes on, for both come
 * from files. What stands and is not looked at again is not judged, for the definition may have been edited since.
 */

import { handlerId, type StepKey, stepKeyOf } from '../base/ids.ts';
import type { FlowDefinition, StepDefinition } from './flow.ts';
import { HANDLER_PHASES, type Handlers } from './policies.ts';
import { isSettled, type RunRecord, type StepRecord } from './run.ts';

/** @returns null, or in a few words why the run cannot be one of this flow. */
export function misfitOf(run: RunRecord, flow: FlowDefinition): string | null {
  const definitions = new Map<StepKey, StepDefinition>();
  for (const step of flow.steps) {
    const key = stepKeyOf(step.id);
    if (!run.steps.has(key)) return `step ${key} of the flow is not in the run`;
    definitions.set(key, step);
  }
  // Every step stands behind its parent.
  for (const step of run.steps.values()) {
    const problem = place(run, flow, step, definitions);
    if (problem !== null) return problem;
  }
  return null;
}

/** Finds the definition of a step and notes it; what a flow function calls has none here. */
function place(
  run: RunRecord,
  flow: FlowDefinition,
  step: StepRecord,
  definitions: Map<StepKey, StepDefinition>,
): string | null {
  const isTop = step.parent === null;
  const around = step.parent === null ? null : (definitions.get(step.parent) ?? null);
  const isOver = step.role === 'handler' ? isSettled(step.phase) : isOverIn(run, step.parent);
  if (step.call !== null || (!isTop && around === null)) return null;
  const own = isTop && step.role === 'step' ? (definitions.get(step.key) ?? null) : definitionIn(around ?? flow, step);
  if (own === null) return isOver ? null : `step ${step.key} is not in the flow`;
  definitions.set(step.key, own);
  if (step.children === null || isSettled(step.phase)) return null;
  const members = own.action.kind === 'group' ? own.action.steps.length : 0;
  const isMap = own.map !== null && step.role !== 'item';
  const fits = isMap || step.children.length <= members;
  return fits ? null : `step ${step.key} has ${step.children.length} parts, and ${members} in the flow`;
}

/** Of what settled as a whole the parts are not looked at again. */
const isOverIn = ({ steps }: RunRecord, key: StepKey | null): boolean => {
  const parent = key === null ? undefined : steps.get(key);
  return parent !== undefined && isSettled(parent.phase);
};

/** The definition of an item, of a member, or of a handler. */
function definitionIn(around: FlowDefinition | StepDefinition, { id, role }: StepRecord): StepDefinition | null {
  if (role === 'handler') return handlerIn(around.handlers, id);
  if (!('action' in around)) return null;
  if (role === 'item') return around;
  return around.action.kind === 'group' ? (around.action.steps.find((member) => member.id === id) ?? null) : null;
}

function handlerIn(handlers: Handlers, id: string): StepDefinition | null {
  for (const phase of HANDLER_PHASES) {
    const found = handlers[phase].find((_, index) => handlerId(phase, index) === id);
    if (found !== undefined) return found;
  }
  return null;
}

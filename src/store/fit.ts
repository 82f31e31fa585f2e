/** What the definition of a run has to be before the run goes on. It comes from a file, which somebody else may have written. */

import { basename } from 'node:path';
import { parseCondition } from '../expressions/expressions.ts';
import { misfitOf } from '../model/fit.ts';
import type { FlowDefinition, StepDefinition } from '../model/flow.ts';
import { HANDLER_PHASES, type Handlers } from '../model/policies.ts';
import type { RunRecord } from '../model/run.ts';
import type { FrozenDefinition } from './definitions.ts';
import { definitionPath, type RunLayout } from './layout.ts';
import { StateError } from './problem.ts';

/**
 * @throws {StateError} (65) when a run's journal and the definition that it names cannot be those of one run, or when the definition
 * holds a condition that is none.
 */
export function requireFit(run: RunLayout, record: RunRecord, { definition, revision }: FrozenDefinition): void {
  const file = definitionPath(run, revision);
  const unreadable = unreadableCondition(definition);
  if (unreadable !== null) throw new StateError({ kind: 'damaged', file, offset: null, message: unreadable });
  const misfit = misfitOf(record, definition);
  if (misfit === null) return;
  const message = `does not belong to ${basename(file)}: ${misfit}`;
  throw new StateError({ kind: 'damaged', file: run.journal, offset: null, message });
}

/** @returns null, or in a few words the first condition of a definition, or of a sub-flow in it, that cannot be read. */
export function unreadableCondition(flow: FlowDefinition): string | null {
  const own = unreadableAmong([...flow.steps, ...handlersIn(flow.handlers)]);
  if (own !== null) return own;
  for (const inner of Object.values(flow.flows)) {
    const found = unreadableCondition(inner);
    if (found !== null) return found;
  }
  return null;
}

function unreadableAmong(steps: readonly StepDefinition[]): string | null {
  for (const { id, action, handlers, repeat, ...step } of steps) {
    if (step.if !== null && !parseCondition(step.if).ok) return `the \`if\` of step ${id} is no expression`;
    if (repeat !== null && !parseCondition(repeat.condition).ok) return `the \`repeat\` of step ${id} is no expression`;
    const inner = unreadableAmong([...membersOf(action), ...handlersIn(handlers)]);
    if (inner !== null) return inner;
  }
  return null;
}

const handlersIn = (handlers: Handlers): readonly StepDefinition[] =>
  HANDLER_PHASES.flatMap((phase) => handlers[phase]);

const membersOf = (action: StepDefinition['action']): readonly StepDefinition[] =>
  action.kind === 'group' ? action.steps : [];

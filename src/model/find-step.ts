/** The definition of a step by its place in a run. */

import type { StepDefinition } from './flow.ts';

/**
 * Finds the definition of a step.
 * @param steps those of the flow. @param key its place in a run of that flow: `load`, `load[3]`, `report/extract`.
 * @returns null when there is none of that name, or it lies in a sub-flow.
 */
export function findStep(steps: readonly StepDefinition[], key: string): StepDefinition | null {
  let body: readonly StepDefinition[] = steps;
  let found: StepDefinition | null = null;
  for (const id of key.replace(/\[[^\]]*\]/g, '').split('/')) {
    found = body.find((step) => step.id === id) ?? null;
    if (found === null) return null;
    body = found.action.kind === 'group' ? found.action.steps : [];
  }
  return found;
}

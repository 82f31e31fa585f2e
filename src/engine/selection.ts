/**
 * A run of some steps of a flow: which ones, and what becomes of the others. A step that a selected one needs but that is not
 * selected counts as done: its recorded result is taken from an earlier run where something refers to it.
 */

import type { StepId } from '../base/ids.ts';
import type { EventBody } from '../model/event.ts';
import { type Graph, withDownstream } from '../model/graph.ts';
import type { OutputsRef } from '../model/outcome.ts';
import type { RunRecord } from '../model/run.ts';
import { conditionReads, deepReads } from '../expressions/expressions.ts';
import { type Plan, stepAt } from './plan.ts';
import { templatesOf } from './templates.ts';

/** What was asked for; at most one of the three. */
export type SelectionRequest =
  /** These steps and no others. */
  | { readonly kind: 'only'; readonly steps: readonly StepId[] }
  /** This step and everything downstream of it. */
  | { readonly kind: 'from'; readonly steps: readonly StepId[] }
  /** These steps and everything they need. */
  | { readonly kind: 'to'; readonly steps: readonly StepId[] };

/** The steps of a selection by their numbers. */
export function selectSteps(plan: Plan, request: SelectionRequest): ReadonlySet<number> {
  switch (request.kind) {
    case 'only':
      return new Set(request.steps.flatMap((id) => plan.graph.indexOf.get(id) ?? []));
    case 'from':
      return withDownstream(plan.graph, request.steps);
    case 'to':
      return withUpstream(plan, request.steps);
  }
}

function withUpstream(plan: Plan, ids: readonly StepId[]): ReadonlySet<number> {
  const found = new Set<number>();
  const open = ids.flatMap((id) => plan.graph.indexOf.get(id) ?? []);
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (found.has(index)) continue;
    found.add(index);
    for (const need of stepAt(plan, index).needs) open.push(plan.graph.indexOf.get(need) ?? index);
  }
  return found;
}

/** What a selection takes from outside of itself. */
export interface Borrowed {
  /** Steps whose result a selected step refers to. */
  readonly referred: readonly StepId[];
  /** Steps that a selected one only has to come after. */
  readonly ordered: readonly StepId[];
}

/** Finds what selected steps need of steps that are not selected. */
export function borrowedBy(plan: Plan, selected: ReadonlySet<number>): Borrowed {
  const referred = new Set<StepId>();
  const ordered = new Set<StepId>();
  for (const index of selected) {
    const definition = stepAt(plan, index);
    const condition = plan.conditions[index] ?? null;
    const reads = [...deepReads(templatesOf(definition)), ...(condition === null ? [] : conditionReads(condition))];
    for (const { root, path } of reads) {
      if (root === 'steps' && path[0] !== undefined) note(plan.graph, selected, path[0], referred);
    }
    for (const need of definition.needs) note(plan.graph, selected, need, ordered);
  }
  return { referred: [...referred], ordered: [...ordered].filter((id) => !referred.has(id)) };
}

function note(graph: Graph, selected: ReadonlySet<number>, id: string, into: Set<StepId>): void {
  const index = graph.indexOf.get(id);
  if (index !== undefined && !selected.has(index)) into.add(id as StepId);
}

/** Results of an earlier run that a selection goes on from. */
export interface Lender {
  readonly run: RunRecord;
  /** The results of the referred steps, as the new run keeps them. */
  readonly outputs: ReadonlyMap<StepId, OutputsRef | null>;
}

/** The events that open a run of selected steps: what is borrowed counts as done, everything else is not selected. */
export function openSelection(
  plan: Plan,
  selected: ReadonlySet<number>,
  borrowed: Borrowed,
  lender: Lender | null,
): EventBody[] {
  const referred = new Set(borrowed.referred);
  const ordered = new Set(borrowed.ordered);
  return plan.flow.steps.flatMap(({ id }, index): EventBody[] => {
    const step = plan.keys[index];
    if (selected.has(index) || step === undefined) return [];
    if (referred.has(id) && lender !== null) {
      const outputs = lender.outputs.get(id) ?? null;
      const why = `not selected: its result is that of run ${lender.run.id}`;
      return [{ type: 'step.reused', step, from: { run: lender.run.id, step }, fingerprint: null, why, outputs }];
    }
    if (ordered.has(id)) {
      const why = 'not selected, and nothing refers to its result';
      return [{ type: 'step.reused', step, from: null, fingerprint: null, why, outputs: null }];
    }
    return [{ type: 'step.skipped', step, reason: 'not_selected' }];
  });
}

/** The graph of a run: that of its flow, and in it what became of sub-flows that modules make, which no flow file describes. */

import { findStep } from '../../model/find-step.ts';
import type { FlowDefinition } from '../../model/flow.ts';
import type { StepView } from '../../model/view.ts';
import { readDefinition } from '../../store/definitions.ts';
import type { ReadRun } from '../../store/runs.ts';
import { readSubRuns } from '../../store/sub-runs.ts';
import { callGraph } from './call-graph.ts';
import { type FlowGraph, flowGraph, kindOf, type NodeKind } from './flow-graph.ts';

/**
 * Makes the graph of a run.
 * @param definition as it is recorded with the run. @param steps its own and those of its sub-runs.
 */
export async function runGraph(
  run: ReadRun,
  definition: FlowDefinition,
  steps: readonly StepView[],
): Promise<FlowGraph> {
  const { whole, called, kinds } = await withSubRuns(run, definition);
  if ((definition.script ?? null) !== null) return callGraph(steps, kinds);
  const states = new Map(steps.map(({ key, state }) => [key as string, state]));
  const { nodes, edges } = flowGraph(whole, states);
  const within = steps.filter(({ key }) => called.some((prefix) => key.startsWith(`${prefix}/`)));
  const inside = callGraph(within, kinds);
  const isDrawn = new Set(nodes.map(({ id }) => id));
  return {
    nodes: [...nodes, ...inside.nodes.filter(({ id }) => !isDrawn.has(id))],
    edges: [...edges, ...inside.edges],
  };
}

/**
 * Adds the flows of sub-runs to those that the definition knows. `called`: where flow functions made the steps, maps left out. `kinds`: what
 * the steps of all other sub-runs are, by their keys.
 */
async function withSubRuns(
  { layout, record }: ReadRun,
  root: FlowDefinition,
): Promise<{
  readonly whole: FlowDefinition;
  readonly called: readonly string[];
  readonly kinds: ReadonlyMap<string, NodeKind>;
}> {
  const flows: { [key: string]: FlowDefinition } = { ...root.flows };
  const owners: { readonly prefix: string; readonly definition: FlowDefinition }[] = [{ prefix: '', definition: root }];
  const called: string[] = [];
  const kinds = new Map<string, NodeKind>();
  for (const { prefix, reading } of record === null ? [] : await readSubRuns(layout, record)) {
    const frozen = await readDefinition(reading.layout, reading.record?.revision ?? 1);
    if (!frozen.ok) continue;
    const { definition } = frozen.value;
    // Those of a run come before those of its sub-runs, so the last one around it is the nearest.
    const owner = owners.findLast((each) => prefix.startsWith(each.prefix));
    const action = findStep(owner?.definition.steps ?? [], prefix.slice(owner?.prefix.length ?? 0))?.action;
    if (action?.kind === 'flow') flows[action.flow] ??= { ...definition, flows: {} };
    if ((definition.script ?? null) !== null && !prefix.includes('[')) called.push(prefix);
    for (const key of reading.record?.steps.keys() ?? []) {
      const step = findStep(definition.steps, key);
      if (step !== null) kinds.set(`${prefix}/${key}`, kindOf(step.action));
    }
    owners.push({ prefix: `${prefix}/`, definition });
  }
  return { whole: { ...root, flows }, called, kinds };
}

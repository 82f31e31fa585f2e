/** The graph of a run whose steps a flow function called: it is not known before, and so taken from what is recorded. */

import type { StepView } from '../../model/view.ts';
import type { FlowEdge, FlowGraph, FlowNode, NodeKind } from './flow-graph.ts';

/**
 * Makes the graph of a run from its steps. A call stands in the task that made it, an item is counted with its map. It needs the call whose
 * end it was made upon; what is known to have gone from one call into another is an edge of the kind `data`.
 * @param kinds what steps are that nobody called: those of sub-flows with a graph of their own.
 */
export function callGraph(steps: readonly StepView[], kinds: ReadonlyMap<string, NodeKind>): FlowGraph {
  const items = new Map<string, StepView[]>();
  for (const step of steps) {
    if (step.role !== 'item' || step.parent === null) continue;
    const siblings = items.get(step.parent);
    if (siblings === undefined) items.set(step.parent, [step]);
    else siblings.push(step);
  }
  const drawn = steps.filter(({ role }) => role !== 'item');
  const keys = new Set<string>(drawn.map(({ key }) => key));

  // Calls of a sub-flow stand in its step, also where only they are drawn.
  const outer = new Set(
    drawn.flatMap(({ key, parent }) => (parent !== null && key.startsWith(`${parent}/`) ? [parent as string] : [])),
  );
  const homes = new Set([...keys, ...outer]);
  const nodes = drawn.map((step) => nodeOf(step, items.get(step.key) ?? null, homes, kinds));
  const edges = drawn.flatMap(({ key, needs, call }) => [
    ...[call?.after ?? null].flatMap((from): FlowEdge[] =>
      from !== null && keys.has(from) ? [{ from, to: key, kind: 'needs' }] : [],
    ),
    ...needs
      .filter((need) => keys.has(need))
      .map((from): FlowEdge => ({ from, to: key, kind: call === null ? 'needs' : 'data' })),
  ]);
  return { nodes, edges };
}

function nodeOf(
  { key, state, call, parent, child, role }: StepView,
  items: readonly StepView[] | null,
  keys: ReadonlySet<string>,
  kinds: ReadonlyMap<string, NodeKind>,
): FlowNode {
  // Of a sub-flow's call the parent is its step, also where a task in it made the call.
  const above = call?.caller ?? parent;
  return {
    id: key,
    kind: child === null ? (kinds.get(key) ?? KINDS[call?.kind ?? 'task']) : 'flow',
    ...(above === null || !keys.has(above) ? {} : { parent: above }),
    ...(role === 'handler' ? { handler: true as const } : {}),
    ...(items === null ? {} : { map: 'foreach' as const, items: countsOf(items) }),
    state,
  };
}

const KINDS: { readonly [Kind in NonNullable<StepView['call']>['kind']]: NodeKind } = {
  task: 'function',
  map: 'function',
  command: 'command',
  flow: 'flow',
  sleep: 'wait',
  approval: 'approve',
};

function countsOf(items: readonly StepView[]): NonNullable<FlowNode['items']> {
  const counts: { [state: string]: number } = {};
  for (const { state } of items) counts[state] = (counts[state] ?? 0) + 1;
  return { total: items.length, ...counts };
}

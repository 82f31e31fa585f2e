/**
 * The graph of a flow as `flowctl graph` shows it, and prints it as JSON. This folder draws it: `tree` for terminals, `mermaid` and
 * `dot` for other programs, `svg` by `layers`. Nothing here reads a file; where a definition comes from is the command's business.
 */

import { templatesOf } from '../../engine/templates.ts';
import { conditionReads, deepReads, parseCondition, type Reference } from '../../expressions/expressions.ts';
import type { Action, FlowDefinition, StepDefinition } from '../../model/flow.ts';
import type { StepState } from '../../model/view.ts';
import { type Part, partsOf } from './parts.ts';
import { type ItemCounts, RunStates, type StatesByKey } from './run-states.ts';

/** What a step is. */
export type NodeKind = 'command' | 'function' | 'group' | 'flow' | 'wait' | 'approve' | 'notify';

/**
 * Why one step comes before another. `needs`: it says so. `data`: an expression of the later one reads outputs of the earlier one.
 * `files`: it reads files that the earlier one generates.
 */
export type EdgeKind = 'needs' | 'data' | 'files';

/** A step. */
export interface FlowNode {
  readonly id: string;
  readonly kind: NodeKind;
  /** The group, the sub-flow step, or the step whose handler it is. Absent at the top. */
  readonly parent?: string;
  /** Of a handler: true. */
  readonly handler?: true;
  /** Of a step that is made once for each item: by which list. */
  readonly map?: 'foreach' | 'matrix';
  /** In the graph of a run. */
  readonly state?: StepState;
  /** In the graph of a run: where the items of a map stand. */
  readonly items?: ItemCounts;
}

/** `to` comes after `from`. */
export interface FlowEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: EdgeKind;
}

/** The document of `graph --format json`: steps in the order of the file, edges by the step that they lead to. */
export interface FlowGraph {
  readonly nodes: readonly FlowNode[];
  readonly edges: readonly FlowEdge[];
}

/** Makes the graph of a definition. @param states of a run; null for the graph of a flow. */
export function flowGraph(definition: FlowDefinition, states: StatesByKey | null): FlowGraph {
  const parts = partsOf(definition);
  const known = states === null ? null : new RunStates(states);
  return { nodes: parts.map((part) => nodeOf(part, known)), edges: parts.flatMap(edgesTo) };
}

function nodeOf({ id, step, parent, isHandler }: Part, states: RunStates | null): FlowNode {
  const state = states?.of(id);
  const items = step.map === null ? null : (states?.itemsOf(id) ?? null);
  return {
    id,
    kind: kindOf(step.action),
    ...(parent === null ? {} : { parent }),
    ...(isHandler ? { handler: true as const } : {}),
    ...(step.map === null ? {} : { map: step.map.over.kind }),
    ...(state === undefined ? {} : { state }),
    ...(items === null ? {} : { items }),
  };
}

function edgesTo({ id: to, step, names }: Part): readonly FlowEdge[] {
  const needs = step.needs.map((need): FlowEdge => {
    const kind = step.inferred_needs.includes(need) ? 'files' : 'needs';
    return { from: names.get(need.toLowerCase()) ?? need, to, kind };
  });
  return [...needs, ...[...stepsRead(step, names)].map((from): FlowEdge => ({ from, to, kind: 'data' }))];
}

/** What a step with this action is. */
export function kindOf(action: Action): NodeKind {
  switch (action.kind) {
    case 'shell':
    case 'argv':
      return 'command';
    case 'call':
      return 'function';
    case 'group':
    case 'flow':
    case 'wait':
    case 'approve':
    case 'notify':
      return action.kind;
  }
}

/** The steps whose outputs a step reads. */
function stepsRead(step: StepDefinition, names: ReadonlyMap<string, string>): ReadonlySet<string> {
  const condition = step.if === null ? null : parseCondition(step.if);
  const reads: readonly Reference[] = [
    ...deepReads(templatesOf(step)),
    ...(condition?.ok === true ? conditionReads(condition.value) : []),
  ];
  const found = new Set<string>();
  for (const { root, path } of reads) {
    const [name, member] = path;
    if (root !== 'steps' || name === undefined) continue;
    // A step that is read as a whole is read with its outputs.
    const from = names.get(name.toLowerCase());
    if (from !== undefined && (member === undefined || member.toLowerCase() === 'outputs')) found.add(from);
  }
  return found;
}

/** An edge to be drawn: one for each pair of steps, for two arrows on top of each other say nothing. */
export interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  /** True where neither `needs` nor files join the two directly: drawn with dashes. */
  readonly isIndirect: boolean;
}

/** The edges of a graph, one for each pair. */
export function drawnEdges({ edges }: FlowGraph): readonly DrawnEdge[] {
  const drawn = new Map<string, DrawnEdge>();
  for (const { from, to, kind } of edges) {
    // No name holds a blank.
    const pair = `${from} ${to}`;
    if (kind !== 'data' || !drawn.has(pair)) drawn.set(pair, { from, to, isIndirect: kind === 'data' });
  }
  return [...drawn.values()];
}

/**
 * What every step is drawn behind: its direct needs, those that follow from files too; what is in a group, a sub-flow or the handlers of
 * a step and needs nothing there stands behind that one.
 */
export function needsOf(graph: FlowGraph): ReadonlyMap<string, readonly string[]> {
  const needs = new Map<string, string[]>(graph.nodes.map(({ id }) => [id, []]));
  for (const { from, to, kind } of graph.edges) if (kind !== 'data') needs.get(to)?.push(from);
  for (const { from, to } of entriesOf(graph)) needs.get(to)?.push(from);
  return needs;
}

/** From every container to those of its parts with which it begins. */
export function entriesOf({ nodes, edges }: FlowGraph): readonly Pick<FlowEdge, 'from' | 'to'>[] {
  const needy = new Set(edges.flatMap(({ to, kind }) => (kind === 'data' ? [] : [to])));
  return nodes.flatMap(({ id, parent }) => (parent === undefined || needy.has(id) ? [] : [{ from: parent, to: id }]));
}

/** What stands beside the name of a map: in a run how its items stand. Null for other steps. */
export function mapText({ map, items }: FlowNode): string | null {
  if (map === undefined) return null;
  if (items === undefined) return map === 'matrix' ? 'matrix' : 'for each';
  const { total, ...counts } = items;
  const parts = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
  return `${total} item${total === 1 ? '' : 's'}: ${parts.join(', ')}`;
}

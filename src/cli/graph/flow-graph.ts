/**
 * The graph of a flow as `flowctl graph` shows it, and prints it as JSON. This folder draws it: `tree` for terminals, `mermaid` and
 * `dot` for other programs, `svg` by `layers`. Nothing here reads a file; where a definition comes from is the command's business.
 */

import { templatesOf } from '../../engine/templates.ts';
import { conditionReads, deepReads, parseCondition, type Reference } from '../../expressions/expressions.ts';
import type { Action, FlowDefinition, StepDefinition } from '../../model/flow.ts';
import type { StepState } from '../../model/view.ts';

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
  /** In the graph of a run. */
  readonly state?: StepState;
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

/** Makes the graph of a definition. @param states of the steps of a run, by name; null for the graph of a flow. */
export function flowGraph({ steps }: FlowDefinition, states: ReadonlyMap<string, StepState> | null): FlowGraph {
  // Names in expressions are compared without regard to case, and no two steps differ in case alone.
  const names = new Map<string, string>(steps.map(({ id }) => [id.toLowerCase(), id]));
  return {
    nodes: steps.map(({ id, action }) => {
      const state = states?.get(id);
      return { id, kind: kindOf(action), ...(state === undefined ? {} : { state }) };
    }),
    edges: steps.flatMap((step) => [
      ...step.needs.map((from): FlowEdge => {
        const kind = step.inferred_needs.includes(from) ? 'files' : 'needs';
        return { from, to: step.id, kind };
      }),
      ...[...stepsRead(step, names)].map((from): FlowEdge => ({ from, to: step.id, kind: 'data' })),
    ]),
  };
}

function kindOf(action: Action): NodeKind {
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

/** The direct needs of every step, those that follow from files too. */
export function needsOf({ nodes, edges }: FlowGraph): ReadonlyMap<string, readonly string[]> {
  const needs = new Map<string, string[]>(nodes.map(({ id }) => [id, []]));
  for (const { from, to, kind } of edges) if (kind !== 'data') needs.get(to)?.push(from);
  return needs;
}

/** The graph for other programs: Mermaid (https://mermaid.js.org/syntax/flowchart.html) and DOT (https://graphviz.org/doc/info/lang.html). */

import type { StepState } from '../../model/view.ts';
import { drawnEdges, type FlowGraph, type FlowNode, mapText } from './flow-graph.ts';

/** Fill and border of a step by its state; readable on light and on dark pages, for the text has a colour of its own. */
export const STATE_COLOURS: { readonly [State in StepState]: { readonly fill: string; readonly line: string } } = {
  pending: { fill: '#eeeeee', line: '#8a8a8a' },
  queued: { fill: '#eeeeee', line: '#8a8a8a' },
  running: { fill: '#d6e6fb', line: '#2f6db5' },
  retrying: { fill: '#fbeccb', line: '#a87400' },
  waiting: { fill: '#fbeccb', line: '#a87400' },
  succeeded: { fill: '#d9f0d9', line: '#3a803a' },
  failed: { fill: '#f9d7d4', line: '#b3372e' },
  skipped: { fill: '#f4f4f4', line: '#b0b0b0' },
  cancelled: { fill: '#efe3f5', line: '#84529c' },
};

/** As a Mermaid flowchart. Steps are numbered, for a name may be a word of Mermaid's (`end`, `class`). */
export function mermaidText(graph: FlowGraph): string {
  const numbers = new Map(graph.nodes.map(({ id }, index) => [id, `s${index}`]));
  const lines = ['flowchart TD'];
  const parts = partsByContainer(graph);
  const add = (node: FlowNode, indent: string): void => {
    const beneath = parts.get(node.id);
    const number = numbers.get(node.id);
    const map = mapText(node);
    const label = `"${mermaidLabel(map === null ? node.id : `${node.id}, ${map}`)}"`;
    if (beneath === undefined) {
      const [left, right] = node.map !== undefined ? ['[[', ']]'] : node.kind === 'function' ? ['(', ')'] : ['[', ']'];
      lines.push(`${indent}${number}${left}${label}${right}`);
      return;
    }
    lines.push(`${indent}subgraph ${number} [${label}]`);
    for (const part of beneath) add(part, `${indent}  `);
    lines.push(`${indent}end`);
  };
  for (const node of parts.get(null) ?? []) add(node, '  ');
  for (const { from, to, isIndirect } of drawnEdges(graph)) {
    lines.push(`  ${numbers.get(from)} ${isIndirect ? '-.->' : '-->'} ${numbers.get(to)}`);
  }
  for (const [state, ids] of byState(graph)) {
    const { fill, line } = STATE_COLOURS[state];
    lines.push(`  classDef ${state} fill:${fill},stroke:${line},color:#1b1b1b`);
    lines.push(`  class ${ids.map((id) => numbers.get(id)).join(',')} ${state}`);
  }
  return `${lines.join('\n')}\n`;
}

/** As a DOT digraph. */
export function dotText(graph: FlowGraph, name: string): string {
  const lines = [`digraph ${dotString(name)} {`, '  rankdir=LR;', '  node [shape=box, fontname="sans-serif"];'];
  const parts = partsByContainer(graph);
  const add = (node: FlowNode, indent: string): void => {
    const beneath = parts.get(node.id);
    if (beneath === undefined) {
      lines.push(`${indent}${dotNode(node)}`);
      return;
    }
    // The container has a node of its own, at which edges begin and end, for those cannot end at a cluster.
    lines.push(
      `${indent}subgraph ${dotString(`cluster_${node.id}`)} {`,
      `${indent}  label="";`,
      `${indent}  ${dotNode(node)}`,
    );
    for (const part of beneath) add(part, `${indent}  `);
    lines.push(`${indent}}`);
  };
  for (const node of parts.get(null) ?? []) add(node, '  ');
  for (const { from, to, isIndirect } of drawnEdges(graph)) {
    lines.push(`  ${dotString(from)} -> ${dotString(to)}${isIndirect ? ' [style=dashed]' : ''};`);
  }
  return `${lines.join('\n')}\n}\n`;
}

function dotNode(node: FlowNode): string {
  const { id, kind, state } = node;
  const attributes: string[] = [];
  const styles = kind === 'function' ? ['rounded'] : [];
  if (state !== undefined) {
    const { fill, line } = STATE_COLOURS[state];
    styles.push('filled');
    attributes.push(`fillcolor="${fill}"`, `color="${line}"`, `tooltip=${dotString(`${id}: ${state}`)}`);
  }
  if (styles.length > 0) attributes.unshift(`style="${styles.join(',')}"`);
  const map = mapText(node);
  if (map !== null) attributes.unshift(`label=${dotString(`${id}\n${map}`)}`);
  return `${dotString(id)}${attributes.length === 0 ? '' : ` [${attributes.join(', ')}]`};`;
}

/** The steps in each container, those at the top under null; nothing for a step with nothing in it. */
function partsByContainer({ nodes }: FlowGraph): ReadonlyMap<string | null, readonly FlowNode[]> {
  const parts = new Map<string | null, FlowNode[]>();
  for (const node of nodes) {
    const container = node.parent ?? null;
    const known = parts.get(container);
    if (known === undefined) parts.set(container, [node]);
    else known.push(node);
  }
  return parts;
}

function byState({ nodes }: FlowGraph): ReadonlyMap<StepState, readonly string[]> {
  const groups = new Map<StepState, string[]>();
  for (const { id, state } of nodes) {
    if (state !== undefined) groups.set(state, [...(groups.get(state) ?? []), id]);
  }
  return groups;
}

/** Entity codes, as Mermaid writes them: `#35;` is a number sign. */
const mermaidLabel = (text: string): string =>
  text.replace(/[^A-Za-z0-9 _./[\]-]/gu, (character) => `#${character.codePointAt(0)};`);

const dotString = (text: string): string => `"${text.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`;

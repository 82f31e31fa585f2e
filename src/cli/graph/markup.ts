/** The graph for other programs: Mermaid (https://mermaid.js.org/syntax/flowchart.html) and DOT (https://graphviz.org/doc/info/lang.html). */

import type { StepState } from '../../model/view.ts';
import { drawnEdges, type FlowGraph } from './flow-graph.ts';

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
  for (const { id, kind } of graph.nodes) {
    const [left, right] = kind === 'function' ? ['(', ')'] : ['[', ']'];
    lines.push(`  ${numbers.get(id)}${left}"${mermaidLabel(id)}"${right}`);
  }
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
  for (const { id, kind, state } of graph.nodes) {
    const attributes: string[] = [];
    const styles = kind === 'function' ? ['rounded'] : [];
    if (state !== undefined) {
      const { fill, line } = STATE_COLOURS[state];
      styles.push('filled');
      attributes.push(`fillcolor="${fill}"`, `color="${line}"`, `tooltip=${dotString(`${id}: ${state}`)}`);
    }
    if (styles.length > 0) attributes.unshift(`style="${styles.join(',')}"`);
    lines.push(`  ${dotString(id)}${attributes.length === 0 ? '' : ` [${attributes.join(', ')}]`};`);
  }
  for (const { from, to, isIndirect } of drawnEdges(graph)) {
    lines.push(`  ${dotString(from)} -> ${dotString(to)}${isIndirect ? ' [style=dashed]' : ''};`);
  }
  return `${lines.join('\n')}\n}\n`;
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

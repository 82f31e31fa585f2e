/**
 * The graph as indented text. Every step is shown once, below the last thing it needs, so that whatever it needs stands above it or
 * is named beside it; where else it would stand there is an arrow to its name.
 */

import { stepSign, stepTone } from '../states.ts';
import type { Style } from '../style.ts';
import { type Cell, table } from '../table.ts';
import { type FlowGraph, type FlowNode, mapText, needsOf } from './flow-graph.ts';
import { layersOf } from './layers.ts';

/** Beyond this, a level is not indented further: long chains stay on the screen. */
const DEEPEST_INDENT = 20;
const MOST_NAMES = 6;

/** Draws a graph. @param title the first line. */
export function treeText(graph: FlowGraph, title: string, style: Style): string {
  const needs = needsOf(graph);
  const branches = branchesOf(graph, needs);
  const makers = makersOf(graph);
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const rows: Cell[][] = [];
  const open: Line[] = [];
  const push = (
    ids: readonly string[],
    arrows: readonly string[],
    prefix: string,
    depth: number,
    parent: string | null,
  ) => {
    const lines: Line[] = ids.map((id) => ({ kind: 'step', id, prefix, depth, parent, isLast: false }));
    if (arrows.length > 0) lines.push({ kind: 'arrows', ids: arrows, prefix, depth, isLast: false });
    const last = lines.pop();
    if (last !== undefined) lines.push({ ...last, isLast: true });
    for (const line of lines.reverse()) open.push(line);
  };
  const roots = graph.nodes.filter(({ id }) => needs.get(id)?.length === 0).map(({ id }) => id);
  push(roots, [], '', 0, null);
  for (let line = open.pop(); line !== undefined; line = open.pop()) {
    const twig = twigOf(line);
    if (line.kind === 'arrows') {
      rows.push([{ text: `${twig}→ ${named(line.ids)}`, paint: style.faint }]);
      continue;
    }
    const node = nodes.get(line.id);
    if (node === undefined) continue;
    const others = (needs.get(line.id) ?? []).filter((need) => need !== line.parent || line.depth > DEEPEST_INDENT);
    const files = makers.get(line.id) ?? [];
    const [written, read] = [others.filter((each) => !files.includes(each)), files];
    rows.push(rowOf(node, twig, { needs: written, files: read, parent: line.parent }, style));
    const { shown, elsewhere } = branches.get(line.id) ?? { shown: [], elsewhere: [] };
    push(shown, elsewhere, prefixBelow(line), line.depth + 1, line.id);
  }
  const { length } = graph.nodes.filter(
    ({ parent: container, handler }) => container === undefined && handler === undefined,
  );
  if (length === 0) return `${style.strong(title)}  a function: its steps are known when it has run\n`;
  return `${style.strong(title)}  ${length} step${length === 1 ? '' : 's'}\n\n${table(rows)}`;
}

type Line = { readonly prefix: string; readonly depth: number; readonly isLast: boolean } & (
  | { readonly kind: 'step'; readonly id: string; readonly parent: string | null }
  | { readonly kind: 'arrows'; readonly ids: readonly string[] }
);

const twigOf = ({ prefix, depth, isLast }: Line): string =>
  depth === 0 ? '' : `${prefix}${depth > DEEPEST_INDENT ? '' : isLast ? '└─ ' : '├─ '}`;

function prefixBelow({ prefix, depth, isLast }: Line): string {
  if (depth === 0 || depth > DEEPEST_INDENT) return prefix;
  return `${prefix}${isLast ? '   ' : '│  '}`;
}

/** What a row says of the steps that come before its own. */
interface Before {
  /** Those that it needs and that do not stand above it. */
  readonly needs: readonly string[];
  /** Those that generate files which it reads. */
  readonly files: readonly string[];
  readonly parent: string | null;
}

/** The steps that generate what each step reads. */
function makersOf({ edges }: FlowGraph): ReadonlyMap<string, readonly string[]> {
  const makers = new Map<string, string[]>();
  for (const { from, to, kind } of edges) if (kind === 'files') makers.set(to, [...(makers.get(to) ?? []), from]);
  return makers;
}

function rowOf(node: FlowNode, twig: string, { needs, files, parent }: Before, style: Style): Cell[] {
  const { id, kind, state } = node;
  const name = state === undefined ? id : `${stepSign(state)} ${id}`;
  const also = parent !== null && !needs.includes(parent) && !files.includes(parent) ? 'also needs' : 'needs';
  const map = mapText(node);
  const words = [
    ...(map === null ? [] : [map]),
    ...(needs.length === 0 ? [] : [`${also} ${named(needs)}`]),
    ...(files.length === 0 ? [] : [`reads files of ${named(files)}`]),
  ];
  return [
    { text: `${twig}${name}` },
    ...(state === undefined ? [] : [{ text: state, paint: stepTone(style, state) }]),
    { text: kind, paint: style.faint },
    { text: words.join('; '), paint: style.faint },
  ];
}

function named(ids: readonly string[]): string {
  const rest = ids.length - MOST_NAMES;
  return rest <= 1 ? ids.join(', ') : `${ids.slice(0, MOST_NAMES).join(', ')} and ${rest} more`;
}

interface Branches {
  /** Steps that are shown below this one. */
  readonly shown: string[];
  /** Steps that need this one and are shown below another. */
  readonly elsewhere: string[];
}

function branchesOf(graph: FlowGraph, needs: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, Branches> {
  const layers = layersOf(needs);
  const branches = new Map<string, Branches>(graph.nodes.map(({ id }) => [id, { shown: [], elsewhere: [] }]));
  for (const { id } of graph.nodes) {
    const list = needs.get(id) ?? [];
    const deepest = list.reduce<string | null>(
      (best, need) => (best === null || (layers.get(need) ?? 0) >= (layers.get(best) ?? 0) ? need : best),
      null,
    );
    for (const need of list) {
      const { shown, elsewhere } = branches.get(need) ?? { shown: [], elsewhere: [] };
      (need === deepest ? shown : elsewhere).push(id);
    }
  }
  return branches;
}

/**
 * The shape of a flow in integers: steps numbered in file order, edges in compressed sparse rows (one array of offsets, one of
 * targets), so that a walk over 100,000 steps touches arrays and nothing else.
 */

import { Bug } from '../base/result.ts';

/** Steps by number, with who needs whom. */
export interface Graph {
  readonly size: number;
  /** Number of a step by its name. */
  readonly indexOf: ReadonlyMap<string, number>;
  /** How many steps each step needs. */
  readonly needCounts: Int32Array;
  /** The steps that need step `i` are `targets[offsets[i]]` up to, not including, `targets[offsets[i + 1]]`. */
  readonly offsets: Int32Array;
  readonly targets: Int32Array;
}

/** What a graph is built from. */
export interface GraphNode {
  readonly id: string;
  readonly needs: readonly string[];
}

/**
 * Builds the graph of steps. Takes time linear in steps and edges.
 * @throws {Bug} when a step needs one that is not there; `load` has refused such a flow before.
 */
export function buildGraph(nodes: readonly GraphNode[]): Graph {
  const size = nodes.length;
  const indexOf = new Map<string, number>();
  const needCounts = new Int32Array(size);
  let edges = 0;
  for (let index = 0; index < size; index += 1) {
    const { id, needs } = nodeAt(nodes, index);
    indexOf.set(id, index);
    needCounts[index] = needs.length;
    edges += needs.length;
  }
  // A name is looked up once for each edge: that is what a large graph costs.
  const sources = new Int32Array(edges);
  const offsets = new Int32Array(size + 1);
  let edge = 0;
  for (let index = 0; index < size; index += 1) {
    for (const need of nodeAt(nodes, index).needs) {
      const source = indexOf.get(need);
      if (source === undefined) throw new Bug(`graph: unknown step ${need}`);
      sources[edge++] = source;
      offsets[source + 1] = (offsets[source + 1] ?? 0) + 1;
    }
  }
  for (let index = 0; index < size; index += 1) offsets[index + 1] = (offsets[index + 1] ?? 0) + (offsets[index] ?? 0);
  const targets = new Int32Array(edges);
  const next = offsets.slice();
  edge = 0;
  for (let index = 0; index < size; index += 1) {
    for (let left = needCounts[index] ?? 0; left > 0; left -= 1) {
      const source = sources[edge++] ?? 0;
      const slot = next[source] ?? 0;
      targets[slot] = index;
      next[source] = slot + 1;
    }
  }
  return { size, indexOf, needCounts, offsets, targets };
}

function nodeAt(nodes: readonly GraphNode[], index: number): GraphNode {
  const node = nodes[index];
  if (node === undefined) throw new Bug(`graph: no step ${index}`);
  return node;
}

/** Calls back for every step that needs step `index`. */
export function forEachDependent(graph: Graph, index: number, visit: (dependent: number) => void): void {
  const end = graph.offsets[index + 1] ?? 0;
  for (let slot = graph.offsets[index] ?? 0; slot < end; slot += 1) visit(graph.targets[slot] ?? 0);
}

/**
 * The steps in an order in which every step follows what it needs (Kahn, 1962), file order among equals.
 * Steps that are on a cycle, or behind one, are missing from it.
 */
export function topologicalOrder(graph: Graph): Int32Array {
  const order = new Int32Array(graph.size);
  const missing = graph.needCounts.slice();
  let filled = 0;
  for (let index = 0; index < graph.size; index += 1) if (missing[index] === 0) order[filled++] = index;
  for (let head = 0; head < filled; head += 1) {
    forEachDependent(graph, order[head] ?? 0, (dependent) => {
      const left = (missing[dependent] ?? 0) - 1;
      missing[dependent] = left;
      if (left === 0) order[filled++] = dependent;
    });
  }
  return order.subarray(0, filled);
}

/** The steps named, and every step that needs one of them, at any distance. */
export function withDownstream(graph: Graph, ids: Iterable<string>): ReadonlySet<number> {
  const found = new Set<number>();
  const open: number[] = [];
  const visit = (index: number): void => {
    if (found.has(index)) return;
    found.add(index);
    open.push(index);
  };
  for (const id of ids) {
    const index = graph.indexOf.get(id);
    if (index !== undefined) visit(index);
  }
  for (let index = open.pop(); index !== undefined; index = open.pop()) forEachDependent(graph, index, visit);
  return found;
}

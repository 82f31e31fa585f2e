/**
 * Steps in layers: layer 0 needs nothing, every other step stands one layer behind the last thing it needs. For drawing, edges that
 * span layers are led through a bend in each, and the order in a layer follows the neighbours (the barycentre method of Sugiyama,
 * Tagawa and Toda, 1981), which removes most crossings.
 */

import { buildGraph, type GraphNode, topologicalOrder } from '../../model/graph.ts';

/** The layer of every step by name. Takes time linear in steps and needs. */
export function layersOf(needs: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, number> {
  const nodes: GraphNode[] = [...needs].map(([id, list]) => ({ id, needs: list }));
  const layers = new Map<string, number>();
  for (const index of topologicalOrder(buildGraph(nodes))) {
    const node = nodes[index];
    if (node === undefined) continue;
    layers.set(
      node.id,
      node.needs.reduce((layer, need) => Math.max(layer, (layers.get(need) ?? 0) + 1), 0),
    );
  }
  return layers;
}

/** Something that has a place in a layer: a step, or the bend of an edge that passes. */
export interface Spot {
  readonly layer: number;
  /** Null for a bend. */
  readonly id: string | null;
  /** What it is joined with in the layer before, and in the one behind. */
  readonly before: Spot[];
  readonly behind: Spot[];
  /** Its middle, across the layers, in units of one step; set by `arrange`. */
  position: number;
}

/** An edge with the spots it passes, both ends included. */
export interface Route<Edge> {
  readonly edge: Edge;
  readonly spots: readonly Spot[];
}

/** A drawing without sizes. */
export interface Arrangement<Edge> {
  readonly layers: readonly (readonly Spot[])[];
  readonly routes: readonly Route<Edge>[];
}

/** More bends than this are not worth their time: edges then go straight from end to end. */
const MOST_BENDS = 20_000;
const SWEEPS = 4;
/** The room a bend takes, in units of one step. */
const BEND_ROOM = 0.4;

/** Gives every step a layer and a position in it. Deterministic. */
export function arrange<Edge extends { readonly from: string; readonly to: string }>(
  needs: ReadonlyMap<string, readonly string[]>,
  edges: readonly Edge[],
): Arrangement<Edge> {
  const layerOf = layersOf(needs);
  const layers: Spot[][] = [];
  const place = (layer: number, id: string | null): Spot => {
    const spot: Spot = { layer, id, before: [], behind: [], position: 0 };
    while (layers.length <= layer) layers.push([]);
    layers[layer]?.push(spot);
    return spot;
  };
  const spotOf = new Map([...layerOf].map(([id, layer]) => [id, place(layer, id)]));
  const ends = edges.flatMap((edge) => {
    const [from, to] = [spotOf.get(edge.from), spotOf.get(edge.to)];
    return from === undefined || to === undefined ? [] : [{ edge, from, to }];
  });
  const bends = ends.reduce((sum, { from, to }) => sum + Math.max(0, to.layer - from.layer - 1), 0);
  const routes = ends.map(({ edge, from, to }): Route<Edge> => {
    const spots = [from];
    if (bends <= MOST_BENDS)
      for (let layer = from.layer + 1; layer < to.layer; layer += 1) spots.push(place(layer, null));
    spots.push(to);
    spots.forEach((spot, index) => {
      const next = spots[index + 1];
      if (next === undefined) return;
      spot.behind.push(next);
      next.before.push(spot);
    });
    return { edge, spots };
  });
  for (const layer of layers) spread(layer);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const layer of layers) settle(layer, ({ before }) => before);
    for (const layer of [...layers].reverse()) settle(layer, ({ behind }) => behind);
  }
  for (const layer of layers) settle(layer, ({ before, behind }) => [...before, ...behind]);
  return { layers, routes };
}

const roomOf = ({ id }: Spot): number => (id === null ? BEND_ROOM : 1);

function spread(layer: readonly Spot[]): void {
  let next = 0;
  for (const spot of layer) {
    spot.position = next + roomOf(spot) / 2;
    next += roomOf(spot);
  }
}

/** Sorts a layer by where its neighbours stand, and moves it as near to them as there is room. */
function settle(layer: Spot[], neighboursOf: (spot: Spot) => readonly Spot[]): void {
  const wished = new Map(layer.map((spot) => [spot, wish(spot, neighboursOf(spot))]));
  const wishOf = (spot: Spot): number => wished.get(spot) ?? spot.position;
  layer.sort((one, other) => wishOf(one) - wishOf(other) || one.position - other.position);
  let free = Number.NEGATIVE_INFINITY;
  let missed = 0;
  for (const spot of layer) {
    const half = roomOf(spot) / 2;
    spot.position = Math.max(wishOf(spot), free + half);
    missed += wishOf(spot) - spot.position;
    free = spot.position + half;
  }
  // Pushing only forwards would let every layer drift: half of what was pushed goes back.
  const shift = layer.length === 0 ? 0 : missed / layer.length;
  for (const spot of layer) spot.position += shift;
}

function wish(spot: Spot, neighbours: readonly Spot[]): number {
  if (neighbours.length === 0) return spot.position;
  return neighbours.reduce((sum, { position }) => sum + position, 0) / neighbours.length;
}

/** The graph as a picture: one SVG 1.1 document that refers to nothing outside of itself and holds no script. */

import { textColumns } from '../../base/width.ts';
import { drawnEdges, entriesOf, type FlowGraph, type FlowNode, mapText, needsOf } from './flow-graph.ts';
import { arrange, type Spot } from './layers.ts';
import { STATE_COLOURS } from './markup.ts';

/** Pixels. */
const CHARACTER = 7.9;
const PADDING = 14;
const HEIGHT = 30;
const ROW = 46;
const GUTTER = 64;
const MARGIN = 20;

interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** Draws a graph from left to right. @param title what the picture is called. */
export function svgText(graph: FlowGraph, title: string): string {
  const entries = entriesOf(graph).map((edge) => ({ ...edge, isIndirect: false, isEntry: true }));
  const drawn = drawnEdges(graph).map((edge) => ({ ...edge, isEntry: false }));
  const { layers, routes } = arrange(needsOf(graph), [...drawn, ...entries]);
  const columns = columnsOf(layers);
  const spots = layers.flat();
  const top = spots.reduce((least, { position }) => Math.min(least, position), Number.POSITIVE_INFINITY);
  const bottom = spots.reduce((most, { position }) => Math.max(most, position), Number.NEGATIVE_INFINITY);
  const placeOf = (spot: Spot): Place => {
    const column = columns[spot.layer] ?? { x: MARGIN, width: 0 };
    const y = MARGIN + HEIGHT / 2 + (spot.position - top) * ROW;
    return { ...column, y };
  };
  const places = new Map(spots.flatMap((spot) => (spot.id === null ? [] : [[spot.id, placeOf(spot)] as const])));
  const last = columns.at(-1) ?? { x: MARGIN, width: 0 };
  const width = Math.ceil(last.x + last.width + MARGIN);
  const height = Math.ceil(spots.length === 0 ? 2 * MARGIN : (bottom - top) * ROW + HEIGHT + 2 * MARGIN);
  const edges = routes.map(({ edge, spots: passed }) => {
    const dashes = edge.isIndirect ? ' class="indirect"' : edge.isEntry ? ' class="entry"' : '';
    return `<path${dashes} d="${pathThrough(passed.map(placeOf))}"/>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
    '<path d="M0,0 L8,4 L0,8 z"/></marker></defs>',
    `<g class="edges">`,
    ...edges,
    '</g>',
    ...graph.nodes.map((node) => nodeMarkup(node, places.get(node.id))),
    '</svg>',
    '',
  ].join('\n');
}

const STYLE = [
  'text{font:13px ui-monospace,monospace;text-anchor:middle;dominant-baseline:central;fill:#1b1b1b}',
  'rect{fill:#f6f8fa;stroke:#57606a}',
  '.edges path{fill:none;stroke:#6e7781;stroke-width:1.3;marker-end:url(#tip)}',
  '.edges path.indirect{stroke-dasharray:4 4}',
  '.edges path.entry{stroke-dasharray:1 3;marker-end:none}',
  '.map rect{stroke-width:2.5}',
  'marker path{fill:#6e7781}',
  ...Object.entries(STATE_COLOURS).map(([state, { fill, line }]) => `.${state} rect{fill:${fill};stroke:${line}}`),
].join('');

function columnsOf(layers: readonly (readonly Spot[])[]): readonly { readonly x: number; readonly width: number }[] {
  let x = MARGIN;
  return layers.map((layer) => {
    const widest = layer.reduce((most, { id }) => Math.max(most, id === null ? 0 : textColumns(id)), 0);
    const column = { x, width: widest * CHARACTER + 2 * PADDING };
    x += column.width + GUTTER;
    return column;
  });
}

/** From the right side of the first place to the left side of the last, level where it enters and leaves a column. */
function pathThrough(places: readonly Place[]): string {
  const [first, ...rest] = places;
  if (first === undefined) return '';
  const commands = [`M${pixels(first.x + first.width)},${pixels(first.y)}`];
  let from = { x: first.x + first.width, y: first.y };
  rest.forEach(({ x, y, width }, index) => {
    const middle = (from.x + x) / 2;
    commands.push(`C${pixels(middle)},${pixels(from.y)} ${pixels(middle)},${pixels(y)} ${pixels(x)},${pixels(y)}`);
    const isEnd = index === rest.length - 1;
    if (!isEnd) commands.push(`H${pixels(x + width)}`);
    from = { x: isEnd ? x : x + width, y };
  });
  return commands.join(' ');
}

function nodeMarkup(node: FlowNode, place: Place | undefined): string {
  const { id, kind, state } = node;
  if (place === undefined) return '';
  const map = mapText(node);
  const { x, y, width } = place;
  const radius = kind === 'function' ? HEIGHT / 2 : 4;
  const corner = `x="${pixels(x)}" y="${pixels(y - HEIGHT / 2)}"`;
  return [
    `<g class="step${map === null ? '' : ' map'}${state === undefined ? '' : ` ${state}`}">`,
    `<title>${escaped([`${id}: ${kind}`, ...(map === null ? [] : [map]), ...(state === undefined ? [] : [state])].join(', '))}</title>`,
    `<rect ${corner} width="${pixels(width)}" height="${HEIGHT}" rx="${radius}"/>`,
    `<text x="${pixels(x + width / 2)}" y="${pixels(y)}">${escaped(id)}</text>`,
    '</g>',
  ].join('');
}

const pixels = (value: number): string => String(Math.round(value * 10) / 10);

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
]);

/** Text as XML 1.0 takes it: markup as entities, characters that no XML document may hold as U+FFFD. */
const escaped = (text: string): string =>
  text
    .replace(/[&<>"']/g, (character) => ENTITIES.get(character) ?? '')
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd');

/** What only a step of a map sees: `item` and `index` of a `foreach`, `index` and `matrix` of a matrix, `outer` of the map around it. */

import { suggest } from '../diagnostics/suggest.ts';
import { entriesOf, entryOf, textOf } from './document.ts';
import { itemsOf } from './node-values.ts';
import { MATRIX_LISTS } from './normal-map.ts';
import { type FlowOutline, isMapped, type StepOutline, stepValue } from './outline.ts';
import type { Problems } from './problems.ts';
import type { Where } from './references.ts';
import { type SiteOwner, whereOf } from './template-sites.ts';

/** The names that only maps have. */
export const MAP_NAMES: ReadonlySet<string> = new Set(['item', 'index', 'matrix', 'outer']);

/** The maps around a text, the nearest first. */
function mapsAround(owner: SiteOwner, { steps }: FlowOutline): readonly StepOutline[] {
  if (owner.kind !== 'step' && owner.kind !== 'handler') return [];
  const own = steps[(owner.kind === 'step' ? owner.step : owner.of) ?? -1];
  // The handlers of a map come once, after all its items.
  const isAround = owner.kind === 'handler' || owner.sight === 'around';
  const maps: StepOutline[] = [];
  for (let at = isAround ? own?.group : own; at !== null && at !== undefined; at = at.group)
    if (isMapped(at)) maps.push(at);
  return maps;
}

const valuesByMap = new WeakMap<StepOutline, ReadonlySet<string> | null>();

/** The values that a combination of a matrix may have; null when only a run can tell. */
function valuesOf(map: StepOutline): ReadonlySet<string> | null {
  const known = valuesByMap.get(map);
  if (known !== undefined) return known;
  const matrix = stepValue(map, 'matrix');
  const include = entryOf(matrix, 'include')?.value;
  const axes = entriesOf(matrix).flatMap(({ key }) => (MATRIX_LISTS.includes(key) ? [] : [key]));
  const more = itemsOf(include).flatMap((each) => entriesOf(each).map(({ key }) => key));
  const values = textOf(include) === undefined ? new Set([...axes, ...more]) : null;
  valuesByMap.set(map, values);
  return values;
}

/** Checks a reference that begins with one of these names. */
export function checkMapName(path: readonly string[], where: Where, flow: FlowOutline, problems: Problems): void {
  const maps = mapsAround(where.owner, flow);
  let depth = 0;
  let name = '';
  for (const part of path) {
    const owner = name;
    name = owner === '' ? part : `${owner}.${part}`;
    if (!MAP_NAMES.has(part)) {
      problems.within('unknown_property', where, {
        owner,
        name: part,
        known: [...MAP_NAMES],
        suggestion: suggest(part, MAP_NAMES),
      });
      return;
    }
    if (part === 'outer') depth += 1;
    const map = maps[depth];
    if (map === undefined) {
      problems.within('name_not_available', where, { name, where: placeIn(where.owner, maps.length) });
      return;
    }
    if (part !== 'outer') {
      checkMember(part, map, { path: path.slice(depth + 1), name }, where, problems);
      return;
    }
  }
}

function placeIn(owner: SiteOwner, mapCount: number): string {
  if (mapCount > 0) return 'a step without so many maps around it';
  return owner.kind === 'step' ? 'a step outside of any map' : whereOf(owner);
}

function checkMember(
  part: string,
  map: StepOutline,
  { path, name }: { readonly path: readonly string[]; readonly name: string },
  where: Where,
  problems: Problems,
): void {
  const isMatrix = stepValue(map, 'matrix') !== undefined;
  if (part !== 'index' && (part === 'matrix') !== isMatrix) {
    problems.within('name_not_available', where, {
      name,
      where: isMatrix ? 'a step of a `matrix`' : 'a step of a `foreach`',
    });
    return;
  }
  const [member] = path;
  const known = part === 'matrix' && member !== undefined ? valuesOf(map) : null;
  if (known === null || member === undefined || known.has(member)) return;
  const near = problems.hasRoom ? [...known] : [];
  problems.within('unknown_property', where, {
    owner: name,
    name: member,
    known: near,
    suggestion: suggest(member, near),
  });
}

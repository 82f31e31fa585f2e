/** Keys of a step right under `steps`, where the step's name was forgotten: told once, and read as a step all the same. */

import { yamlScalar } from '../diagnostics/phrase.ts';
import { type DocumentNode, entryOf, type MapEntry, type MapNode } from './document.ts';
import type { Problems } from './problems.ts';
import { KEYS } from './vocabulary.ts';

/** Keys of a step whose value is, or may be, a map; under these names a map can be a step as well. */
const MAPS: ReadonlySet<string> = new Set(['env', 'with', 'retry', 'outputs']);
const MOST_LINES = 5;

/** True for what would be no step, but is a key of one. */
function isStray({ key, value }: MapEntry): boolean {
  if (!KEYS.step.includes(key)) return false;
  if (value.kind !== 'map') return true;
  return MAPS.has(key) && entryOf(value, 'run') === undefined && entryOf(value, 'call') === undefined;
}

function lineOf({ key, value }: MapEntry): string {
  if (value.kind === 'map') return `${key}: { ... }`;
  if (value.kind === 'list') return `${key}: [...]`;
  return value.written.includes('\n') ? `${key}: |` : `${key}: ${yamlScalar(value.written)}`;
}

/** The same map with another value for one of its keys. */
function withValue(map: MapNode, { key, keySpan }: MapEntry, value: DocumentNode): MapNode {
  return { ...map, entries: new Map([...map.entries, [key, { key, keySpan, value }]]) };
}

/**
 * Reports a step without a name.
 * @returns the document to go on with: there the stray keys are those of one step, so that nothing is said of them twice.
 */
export function nameStrayKeys(root: DocumentNode, problems: Problems): DocumentNode {
  const steps = entryOf(root, 'steps');
  if (root.kind !== 'map' || steps?.value.kind !== 'map') return root;
  const entries = [...steps.value.entries.values()];
  const stray = entries.filter(isStray);
  const action = stray.find(({ key, value }) => (key === 'run' || key === 'call') && value.kind !== 'map');
  // Nothing under it may mean that a step is still to be written.
  if (action === undefined || (action.value.kind === 'scalar' && action.value.value === null)) return root;
  const name = ['hello', 'first', 'another'].find((each) => !entries.some(({ key }) => key === each)) ?? 'one_more';
  const lines = stray.slice(0, MOST_LINES).map(lineOf);
  problems.at('missing_step_name', action.keySpan, { key: action.key, name, lines });
  const step: MapNode = { ...steps.value, entries: new Map(stray.map((entry) => [entry.key, entry])) };
  const others = entries.filter((entry) => !stray.includes(entry));
  const named: MapEntry = { key: name, keySpan: action.keySpan, value: step };
  const body: MapNode = {
    ...steps.value,
    entries: new Map([named, ...others].map((entry) => [entry.key, entry])),
  };
  return withValue(root, steps, body);
}

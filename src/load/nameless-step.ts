/** Keys of a step right under `steps`, where the step's name was forgotten: told once, and read as a step all the same. */

import { yamlScalar } from '../diagnostics/phrase.ts';
import { type DocumentNode, entryOf, type MapEntry, type MapNode } from './document.ts';
import type { Problems } from './problems.ts';
import { ACTION_KEYS, KEYS } from './vocabulary.ts';

/** Keys of a step whose value is, or may be, a map; under these names a map can be a step as well. */
const MAPS: ReadonlySet<string> = new Set(['env', 'with', 'retry', 'outputs', 'matrix', 'repeat']);
/** Keys that say what a step does, but for those that only hold maps. */
const ACTIONS: ReadonlySet<string> = new Set(['run', 'call', 'flow', 'wait', 'approve']);
const MOST_LINES = 5;

/** True for what would be no step, but is a key of one. */
function isStray({ key, value }: MapEntry): boolean {
  if (!KEYS.step.includes(key)) return false;
  if (value.kind !== 'map') return true;
  return MAPS.has(key) && ACTION_KEYS.every((action) => entryOf(value, action) === undefined);
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

/** A map of steps; where there are keys of a step among them, these are one step, with a name of ours. */
function nameIn(steps: MapNode, problems: Problems): MapNode {
  const entries = [...steps.entries.values()];
  const stray = entries.filter(isStray);
  const action = stray.find(({ key, value }) => ACTIONS.has(key) && value.kind !== 'map');
  // Nothing under it may mean that a step is still to be written.
  if (action === undefined || (action.value.kind === 'scalar' && action.value.value === null)) return steps;
  const name = ['hello', 'first', 'another'].find((each) => !entries.some(({ key }) => key === each)) ?? 'one_more';
  const lines = stray.slice(0, MOST_LINES).map(lineOf);
  problems.at('missing_step_name', action.keySpan, { key: action.key, name, lines });
  const step: MapNode = { ...steps, entries: new Map(stray.map((entry) => [entry.key, entry])) };
  const others = entries.filter((entry) => !stray.includes(entry));
  const named: MapEntry = { key: name, keySpan: action.keySpan, value: step };
  return { ...steps, entries: new Map([named, ...others].map((entry) => [entry.key, entry])) };
}

/** Walks through the steps of a flow and of its groups, each node once, whatever shares it. */
class StrayKeys {
  readonly #problems: Problems;
  readonly #done = new Map<DocumentNode, DocumentNode>();

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  /** A flow, or a step, that may have steps. */
  named(owner: DocumentNode): DocumentNode {
    const steps = entryOf(owner, 'steps');
    if (owner.kind !== 'map' || steps === undefined) return owner;
    const known = this.#done.get(owner);
    if (known !== undefined) return known;
    const value = this.#steps(steps.value);
    const named = value === steps.value ? owner : withValue(owner, steps, value);
    this.#done.set(owner, named);
    return named;
  }

  #steps(steps: DocumentNode): DocumentNode {
    if (steps.kind === 'list') {
      const items = steps.items.map((item) => this.named(item));
      return items.every((item, index) => item === steps.items[index]) ? steps : { ...steps, items };
    }
    if (steps.kind !== 'map') return steps;
    const named = nameIn(steps, this.#problems);
    const written = [...named.entries.values()];
    const entries = written.map((entry) => {
      const value = this.named(entry.value);
      return value === entry.value ? entry : { ...entry, value };
    });
    if (entries.every((entry, index) => entry === written[index])) return named;
    return { ...named, entries: new Map(entries.map((entry) => [entry.key, entry])) };
  }
}

/**
 * Reports steps without a name, in the flow and in groups.
 * @returns the document to go on with: there the stray keys are those of one step, so that nothing is said of them twice.
 */
export const nameStrayKeys = (root: DocumentNode, problems: Problems): DocumentNode =>
  new StrayKeys(problems).named(root);

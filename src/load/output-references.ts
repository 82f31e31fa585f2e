/** Misspelt outputs: what an expression reads of a step's outputs, compared with the schema that the step gives them. */

import { suggest } from '../diagnostics/suggest.ts';
import { type DocumentNode, entriesOf, entryOf } from './document.ts';
import { type StepOutline, stepValue } from './outline.ts';
import type { Part, Problems } from './problems.ts';

/** `params.n-1` reads one name: what to write for a subtraction, where the part before the hyphen is known. */
export function subtractionIn(owner: string, name: string, known: readonly string[]): string | null {
  for (let at = name.indexOf('-'); at > 0; at = name.indexOf('-', at + 1)) {
    const before = name.slice(0, at);
    if (known.includes(before)) return `sub(${owner}.${before}, ${name.slice(at + 1)})`;
  }
  return null;
}

/** What a schema says of members that are not among its `properties`. */
function othersOf(schema: DocumentNode): 'refused' | 'unlisted' | 'free' {
  const others = entryOf(schema, 'additionalProperties')?.value;
  if (others?.kind === 'scalar' && others.value === false) return 'refused';
  // A schema of their own says that their names are free; a schema in parts may list them in any of these.
  const isInParts = ['anyOf', 'oneOf', 'allOf'].some((key) => entryOf(schema, key) !== undefined);
  const isListed = entriesOf(entryOf(schema, 'properties')?.value).length > 0;
  return others?.kind === 'map' || isInParts || !isListed ? 'free' : 'unlisted';
}

/**
 * Checks the path behind `steps.<name>.outputs` against the step's `outputs.schema`, as far as that is written out. A member that the
 * schema refuses is an error; one that it only does not list is a warning.
 */
export function checkOutputPath(step: StepOutline, path: readonly string[], part: Part, problems: Problems): void {
  let schema = entryOf(stepValue(step, 'outputs'), 'schema')?.value;
  let owner = `steps.${step.name}.outputs`;
  for (const name of path) {
    if (schema?.kind !== 'map') return;
    const items = entryOf(schema, 'items')?.value;
    if (items !== undefined && /^\d+$/.test(name)) {
      schema = items;
      owner = `${owner}[${name}]`;
      continue;
    }
    const properties = entryOf(schema, 'properties')?.value;
    const member = entryOf(properties, name);
    if (member === undefined) {
      reportUnlisted(owner, name, schema, part, problems);
      return;
    }
    schema = member.value;
    owner = `${owner}.${name}`;
  }
}

function reportUnlisted(owner: string, name: string, schema: DocumentNode, part: Part, problems: Problems): void {
  const others = othersOf(schema);
  if (others === 'free') return;
  const properties = entryOf(schema, 'properties');
  const known = problems.hasRoom ? entriesOf(properties?.value).map(({ key }) => key) : [];
  const suggestion = suggest(name, known);
  const facts = { owner, name, known, suggestion, subtraction: subtractionIn(owner, name, known) };
  const related = properties === undefined ? [] : [problems.place(properties.keySpan, 'listed here')];
  problems.within(others === 'refused' ? 'unknown_output' : 'undeclared_output', part, facts, related);
}

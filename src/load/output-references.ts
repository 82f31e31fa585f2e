/** Misspelt outputs: what an expression reads of a step's outputs, compared with the schema that the step gives them. */

import { suggest } from '../diagnostics/suggest.ts';
import { type DocumentNode, entriesOf, entryOf } from './document.ts';
import { isMapped, type StepOutline, stepValue } from './outline.ts';
import type { Part, Problems } from './problems.ts';
import { flowPath, type OpenedFlows, type OpenFlow } from './sub-flows.ts';

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

/** One path to outputs: where it stands, and what it is read against. */
interface Reading {
  readonly part: Part;
  readonly open: OpenFlow;
  readonly opened: OpenedFlows;
}

/**
 * Checks the path behind `steps.<name>.outputs`, as far as what a step yields is written out: a list for a map, a member for each step
 * of a group, else what `outputs.schema` says. There, a member that the schema refuses is an error; one that it only does not list is
 * a warning.
 */
export function checkOutputPath(step: StepOutline, path: readonly string[], reading: Reading): void {
  checkOutputs(step, path, `steps.${step.name}.outputs`, reading);
}

function checkOutputs(step: StepOutline, path: readonly string[], owner: string, reading: Reading): void {
  const { problems } = reading.open;
  const { part } = reading;
  const [first, ...rest] = path;
  if (first === undefined) return;
  if (isMapped(step)) {
    if (!/^\d+$/.test(first)) problems.within('mapped_outputs', part, { owner, name: first });
    else checkItem(step, rest, `${owner}[${first}]`, reading);
    return;
  }
  checkItem(step, path, owner, reading);
}

/** As `checkOutputs`, for one item of a map, or a step that is none. */
function checkItem(step: StepOutline, path: readonly string[], owner: string, reading: Reading): void {
  const { part, open } = reading;
  const { flow, problems } = open;
  const [name, ...rest] = path;
  if (name === undefined) return;
  if (step.members === null) {
    checkSchemaPath(entryOf(stepValue(step, 'outputs'), 'schema')?.value, path, owner, reading);
    checkFlowOutput(step, name, owner, reading);
    return;
  }
  const block = flow.blocks[step.members];
  const member = flow.steps[block?.indexOf.get(name) ?? -1];
  if (member !== undefined) {
    checkOutputs(member, rest, `${owner}.${name}`, reading);
    return;
  }
  const known = (problems.hasRoom ? (block?.steps ?? []) : []).map((each) => flow.steps[each]?.name ?? '');
  problems.within('unknown_property', part, { owner, name, known, suggestion: suggest(name, known) });
}

/** A sub-flow yields what it lists under `outputs`. */
function checkFlowOutput(step: StepOutline, name: string, owner: string, { part, open, opened }: Reading): void {
  const target = opened.get(flowPath(step, open.directory) ?? '');
  if (target?.kind !== 'open') return;
  const outputs = entryOf(target.flow.root, 'outputs')?.value;
  if (entryOf(outputs, name) !== undefined) return;
  const known = open.problems.hasRoom ? entriesOf(outputs).map(({ key }) => key) : [];
  open.problems.within('unknown_property', part, { owner, name, known, suggestion: suggest(name, known) });
}

function checkSchemaPath(
  root: DocumentNode | undefined,
  path: readonly string[],
  start: string,
  { part, open }: Reading,
): void {
  let schema = root;
  let owner = start;
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
      reportUnlisted(owner, name, schema, part, open.problems);
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

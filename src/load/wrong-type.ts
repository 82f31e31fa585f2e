/** A value of the wrong type: what was expected there, what was found, and what to write instead. */

import { example, quoted, yamlScalar } from '../diagnostics/phrase.ts';
import { type DocumentNode, entriesOf, entryOf, textOf } from './document.ts';
import { isIndex, isInSchema, type Located, stepPath } from './pointer.ts';
import type { Problems } from './problems.ts';

const TYPES: ReadonlyMap<unknown, string> = new Map([
  ['string', 'a text'],
  ['integer', 'a whole number'],
  ['number', 'a number'],
  ['boolean', '`true` or `false`'],
  ['array', 'a list'],
  ['object', 'a map'],
]);
const DURATIONS: ReadonlySet<string> = new Set([
  'timeout',
  'grace',
  'delay',
  'max_delay',
  'cleanup_timeout',
  'queue_timeout',
  'ttl',
  'every',
  'per',
  'within',
  'debounce',
]);
/** Where more than one type fits, by the last key. */
const SEVERAL: ReadonlyMap<string, string> = new Map([
  ['run', 'a text or a list of texts'],
  ['needs', 'the name of a step or a list of names'],
  ['retry', 'a whole number or a map'],
  ['if', 'an expression, `true` or `false`'],
  ['jitter', 'a word or a fraction'],
  ['sources', 'a glob or a list of globs'],
  ['generates', 'a glob or a list of globs'],
  ['artifacts', 'a glob or a list of globs'],
  ['cache', '`true`, `false` or a map'],
  ['steps', 'a map of steps or a list of steps'],
  ['foreach', 'a list, or one expression that yields it'],
  ['wait', 'a duration or a map'],
  ['approve', 'a text or a map'],
  ['tolerate', 'a whole number or a percentage'],
  ['file', 'a glob or a list of globs'],
  ['states', 'a word or a list of words'],
]);
/** As `SEVERAL`, by the keys behind the step. */
const SEVERAL_INSIDE: ReadonlyMap<string, string> = new Map([
  ['wait.for.http', 'a URL or a map'],
  ['wait.for.http.status', 'a number or a list of numbers'],
  ['wait.for.command', 'a text or a list of texts'],
]);
/** The same for keys of the flow. */
const AT_TOP: ReadonlyMap<string, string> = new Map([
  ['dotenv', 'a path or a list of paths'],
  ['include', 'a path or a list of paths'],
  ['retry', 'a whole number or a map'],
  ['secrets', 'a list of names or a map'],
  ['concurrency', 'the name of a group or a map'],
]);
const YES_NO: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
  ['yes', true],
  ['on', true],
  ['no', false],
  ['off', false],
]);

/** True for the path of one param: of the flow, or of an approval. */
function isParam(path: readonly string[]): boolean {
  const { steps, rest } = stepPath(path);
  return steps.length === 0
    ? rest[0] === 'params' && rest.length === 2
    : rest[0] === 'approve' && rest[1] === 'params' && rest.length === 3;
}

function expectedAt(path: readonly string[], type: unknown): string {
  const last = path.at(-1) ?? '';
  const { steps, rest } = stepPath(path);
  const isInStep = steps.length > 0;
  const isStepKey = (isInStep && rest.length === 1) || (path[0] === 'defaults' && path.length === 2);
  if (path.length === 0) return 'a map with `steps`';
  if (isParam(path)) return 'a default or a schema';
  if (isInSchema(path) && last === 'type') return 'a type or a list of types';
  if (isInSchema(path) && last === 'additionalProperties') return '`true`, `false` or a schema';
  if (path[0] === 'steps' && path.length === 1) return 'a map of steps or a list of steps';
  if (isInSchema(path)) return TYPES.get(type) ?? 'something else';
  if (path.at(-2) === 'env' || path.at(-2) === 'headers') return 'a text, a number, `true` or `false`';
  if (isInStep && rest[0] === 'matrix' && rest.length === 2) return 'a list, or one expression that yields it';
  const inside = isInStep ? SEVERAL_INSIDE.get(rest.join('.')) : undefined;
  if (inside !== undefined) return inside;
  const atTop = path.length === 1 ? AT_TOP.get(last) : undefined;
  if (atTop !== undefined) return atTop;
  if (path[0] === 'resources' && path.length === 2) return 'a number, a list of names, or a map with `per` and `max`';
  if (DURATIONS.has(last)) return 'a duration';
  return ((isStepKey || path.at(-2) === 'retry') && SEVERAL.get(last)) || (TYPES.get(type) ?? 'something else');
}

function foundIn(node: DocumentNode): string {
  if (node.kind !== 'scalar') return `a ${node.kind}`;
  const { value, written } = node;
  if (value === null) return 'nothing';
  if (typeof value === 'string') return `the text ${quoted(written)}`;
  return typeof value === 'number' ? `the number ${written}` : quoted(written);
}

const MOST_LINES = 5;

/** A variable as items of lists write it: `NAME=value`, `NAME: value`, or `name: NAME` with `value: ...`. */
function variableOf(item: DocumentNode): string | null {
  if (item.kind === 'scalar') {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(item.written) ?? [];
    return name === undefined || value === undefined ? null : `${name}: ${yamlScalar(value) || '""'}`;
  }
  const [name, value] = [entryOf(item, 'name')?.value, entryOf(item, 'value')?.value];
  if (name?.kind === 'scalar' && value?.kind === 'scalar') return `${name.written}: ${yamlScalar(value.written)}`;
  const [only, ...others] = entriesOf(item);
  if (only?.value.kind !== 'scalar' || others.length > 0) return null;
  return `${only.key}: ${yamlScalar(only.value.written)}`;
}

/** A list where a map has to be: the map to write, of what is in the list where that is sure. */
function remedyForList(path: readonly string[], items: readonly DocumentNode[]): string | null {
  const name = path.at(-1) ?? '';
  const { steps, rest } = stepPath(path);
  if (name === 'env' && (path.length === 1 || (steps.length > 0 && rest.length === 1) || path[0] === 'defaults')) {
    const variables = items.slice(0, MOST_LINES).map(variableOf);
    const known = variables.filter((line) => line !== null);
    const lines = known.length === 0 || known.length < variables.length ? ['NAME: value'] : known;
    return `without dashes, write:${example('env:', ...lines.map((line) => `  ${line}`))}`;
  }
  if (steps.length === 0 || rest.length > 0 || isIndex(name)) return null;
  const texts = items.slice(0, MOST_LINES).flatMap((item) => textOf(item) ?? []);
  if (texts.length > 0 && texts.length === items.length && texts.every((text) => !text.includes('\n'))) {
    const [first = ''] = texts;
    const action =
      texts.length === 1 ? [`  run: ${yamlScalar(first)}`] : ['  run: |', ...texts.map((text) => `    ${text}`)];
    return `write:${example(`${name}:`, ...action)}`;
  }
  const run = items.length === 1 ? textOf(entryOf(items[0], 'run')?.value) : undefined;
  const command = run === undefined || run.includes('\n') ? 'echo hello' : yamlScalar(run);
  return `a step is one map, without dashes:${example(`${name}:`, `  run: ${command}`)}`;
}

/** A map where a list of maps has to be: one of its lines, behind a dash. */
function remedyForMap(name: string, node: DocumentNode): string | null {
  const [first] = entriesOf(node);
  if (first === undefined) return null;
  const value =
    first.value.kind === 'scalar' && !first.value.written.includes('\n') ? yamlScalar(first.value.written) : '...';
  return `begin with a dash:${example(`${name}:`, `  - ${first.key}: ${value}`)}`;
}

function remedyFor(located: Located, expected: string): string | null {
  const { path, node } = located;
  const name = path.at(-1) ?? '';
  const { steps, rest } = stepPath(path);
  const isStep = steps.length > 0 && rest.length === 0;
  const isOneParam = isParam(path);
  if (node.kind === 'map' && expected === 'a list') return remedyForMap(name, node);
  if (isOneParam && node.kind === 'list') return `write:${example(`${name}: { type: array, default: [...] }`)}`;
  if (node.kind === 'list') return remedyForList(path, node.items);
  if (node.kind !== 'scalar') return null;
  const { value, written } = node;
  if (value === null) {
    if (isOneParam)
      return `a param without a default is one that must be given; write its type:${example(`${name}: { type: string }`)}`;
    if (path.at(-2) === 'env' && !isInSchema(path)) return `for an empty text, write:${example(`${name}: ""`)}`;
    if (isStep) return `give it a command:${example(`${name}:`, '  run: echo hello')}`;
    return 'write a value, or leave the key out';
  }
  if (expected.startsWith('a duration') && typeof value === 'number')
    return `a number needs a unit:${example(`${name}: ${written}s`)}`;
  if (expected.startsWith('`true`') && typeof value === 'string') {
    const meant = YES_NO.get(value.toLowerCase());
    return meant === undefined ? null : `write:${example(`${name}: ${meant}`)}`;
  }
  const isNumber = expected.startsWith('a whole number') ? /^-?\d{1,15}$/ : /^-?\d{1,15}(\.\d{1,15})?$/;
  if (/^a (whole )?number/.test(expected) && typeof value === 'string' && isNumber.test(value))
    return `without quotes it is a number: \`${isIndex(name) ? value : `${name}: ${value}`}\``;
  const command = written.includes('\n') ? 'your command' : yamlScalar(written);
  if (isStep && isIndex(name)) return `write:${example('- name: hello', `  run: ${command}`)}`;
  if (isStep) return `write:${example(`${name}:`, `  run: ${command}`)}`;
  if (expected.startsWith('a text') && typeof value !== 'string') return `quotes make it a text: \`"${written}"\``;
  if (expected === 'a list' || expected.startsWith('a list, or')) return `write: \`[${written}]\``;
  return null;
}

/**
 * Reports a value of the wrong type.
 * @param what the value in words. @param type the type that the schema names, where it names one.
 */
export function reportWrongType(located: Located, what: string, type: unknown, problems: Problems): void {
  const expected = expectedAt(located.path, type);
  const facts = { what, expected, found: foundIn(located.node), remedy: remedyFor(located, expected) };
  problems.at('wrong_type', located.span, facts);
}

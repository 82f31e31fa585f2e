/** A value of the wrong type: what was expected there, what was found, and what to write instead. */

import { example, quoted, yamlScalar } from '../diagnostics/phrase.ts';
import type { DocumentNode } from './document.ts';
import { isInSchema, type Located } from './pointer.ts';
import type { Problems } from './problems.ts';

const TYPES: ReadonlyMap<unknown, string> = new Map([
  ['string', 'a text'],
  ['integer', 'a whole number'],
  ['number', 'a number'],
  ['boolean', '`true` or `false`'],
  ['array', 'a list'],
  ['object', 'a map'],
]);
const DURATIONS: ReadonlySet<string> = new Set(['timeout', 'grace', 'delay', 'max_delay']);
/** Where more than one type fits, by the last key. */
const SEVERAL: ReadonlyMap<string, string> = new Map([
  ['run', 'a text or a list of texts'],
  ['needs', 'the name of a step or a list of names'],
  ['retry', 'a whole number or a map'],
  ['if', 'an expression, `true` or `false`'],
  ['jitter', 'a word or a fraction'],
]);
const YES_NO: ReadonlyMap<string, boolean> = new Map([
  ['yes', true],
  ['on', true],
  ['no', false],
  ['off', false],
]);

function expectedAt(path: readonly string[], type: unknown): string {
  const last = path.at(-1) ?? '';
  const isStepKey = (path[0] === 'steps' && path.length === 3) || (path[0] === 'defaults' && path.length === 2);
  if (path.length === 0) return 'a map with `steps`';
  if (path[0] === 'params' && path.length === 2) return 'a default or a schema';
  if (isInSchema(path) && last === 'type') return 'a type or a list of types';
  if (isInSchema(path) && last === 'additionalProperties') return '`true`, `false` or a schema';
  if (path[0] === 'steps' && path.length === 1) return 'a map of steps or a list of steps';
  if (isInSchema(path)) return TYPES.get(type) ?? 'something else';
  if (path.at(-2) === 'env') return 'a text, a number, `true` or `false`';
  if (path.length === 1 && last === 'dotenv') return 'a path or a list of paths';
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

function remedyFor(located: Located, expected: string): string | null {
  const { path, node } = located;
  const name = path.at(-1) ?? '';
  const isParam = path[0] === 'params' && path.length === 2;
  if (isParam && node.kind === 'list') return `write:${example(`${name}: { type: array, default: [...] }`)}`;
  if (node.kind !== 'scalar') return null;
  const { value, written } = node;
  if (value === null) {
    if (isParam)
      return `a param without a default is one that must be given; write its type:${example(`${name}: { type: string }`)}`;
    if (path.at(-2) === 'env' && !isInSchema(path)) return `for an empty text, write:${example(`${name}: ""`)}`;
    if (path[0] === 'steps' && path.length === 2)
      return `give it a command:${example(`${name}:`, '  run: echo hello')}`;
    return 'write a value, or leave the key out';
  }
  if (expected === 'a duration' && typeof value === 'number')
    return `a number needs a unit:${example(`${name}: ${written}s`)}`;
  if (expected.startsWith('`true`') && typeof value === 'string') {
    const meant = YES_NO.get(value.toLowerCase());
    return meant === undefined ? null : `write:${example(`${name}: ${meant}`)}`;
  }
  if (path[0] === 'steps' && path.length === 2) return `write:${example(`${name}:`, `  run: ${yamlScalar(written)}`)}`;
  if (expected.startsWith('a text') && typeof value !== 'string') return `quotes make it a text: \`"${written}"\``;
  if (expected === 'a list') return `write: \`[${written}]\``;
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

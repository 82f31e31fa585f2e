/** Functions on lists and objects. */

import { canonicalJson, type Json } from '../base/json.ts';
import { err, ok } from '../base/result.ts';
import {
  type CallResult,
  define,
  failed,
  type FunctionDefinition,
  list,
  listOrPrimitive,
  number,
  object,
  optional,
  text,
  textOrList,
} from './definition.ts';
import { isWithin } from './size.ts';
import { MAX_VALUE_DEPTH } from './syntax.ts';
import { concatenate, spliceText } from './text.ts';

/** The longest list that `range` makes. */
const MAX_RANGE = 100_000;

function join(items: readonly Json[], separator: string): CallResult {
  const texts: string[] = [];
  for (const [position, item] of items.entries()) {
    const spliced = spliceText(item);
    if (!spliced.ok) {
      const what = spliced.error.code === 'null_in_text' ? 'null' : 'a list or an object';
      const help = what === 'null' ? '`compact(list)` leaves nulls out' : '`toJSON(list)` writes any list';
      return err({
        code: spliced.error.code,
        message: `item ${position} of the list given to \`join\` is ${what}`,
        help,
      });
    }
    texts.push(spliced.value);
  }
  return concatenate(texts, separator, 'join');
}

function sort(items: readonly Json[]): CallResult {
  if (items.every((item) => typeof item === 'number')) return ok([...items].sort((a, b) => a - b));
  // The default order of Array.prototype.sort is that of UTF-16 units: the same everywhere, whatever the language.
  if (items.every((item) => typeof item === 'string')) return ok([...items].sort());
  return failed('`sort` takes a list of numbers only, or of texts only');
}

function unique(items: readonly Json[]): CallResult {
  if (!isWithin(items, { depth: MAX_VALUE_DEPTH })) {
    return failed(`the list given to \`unique\` nests deeper than ${MAX_VALUE_DEPTH} levels`);
  }
  const seen = new Set<string>();
  const kept = items.filter((item) => {
    const form = canonicalJson(item);
    if (seen.has(form)) return false;
    seen.add(form);
    return true;
  });
  return ok(kept);
}

function range(first: number, second: number | undefined, step: number): CallResult {
  const [start, end] = second === undefined ? [0, first] : [first, second];
  if (![start, end, step].every(Number.isSafeInteger)) return failed('`range` takes whole numbers');
  if (step === 0) return failed('the `step` of `range` cannot be 0');
  const count = Math.max(0, Math.ceil((end - start) / step));
  if (count > MAX_RANGE) return failed(`\`range\` makes lists of at most ${MAX_RANGE} items`);
  return ok(Array.from({ length: count }, (_, position) => start + position * step));
}

function slice(value: string | readonly Json[], start: number, end: number | undefined): CallResult {
  if (!Number.isInteger(start) || (end !== undefined && !Number.isInteger(end))) {
    return failed('`slice` takes whole numbers');
  }
  return ok(typeof value === 'string' ? [...value].slice(start, end).join('') : value.slice(start, end));
}

/** The functions on lists and objects, in the order of the documentation. */
export const LIST_FUNCTIONS: readonly FunctionDefinition[] = [
  define({
    name: 'join',
    group: 'GitHub Actions',
    parameters: [listOrPrimitive('list'), optional(text('separator'))],
    description: 'The items as one text, with the separator (`,`) between them.',
    example: { expression: "join(range(3), ' ')", result: '0 1 2' },
    compute: (items, separator = ',') => join(Array.isArray(items) ? items : [items as Json], separator),
  }),
  define({
    name: 'first',
    group: 'lists',
    parameters: [list('list')],
    description: 'The first item; null for an empty list.',
    example: { expression: "first(split('a b c', ' '))", result: 'a' },
    compute: (items) => ok(items[0] ?? null),
  }),
  define({
    name: 'last',
    group: 'lists',
    parameters: [list('list')],
    description: 'The last item; null for an empty list.',
    example: { expression: "last(split('a b c', ' '))", result: 'c' },
    compute: (items) => ok(items.at(-1) ?? null),
  }),
  define({
    name: 'slice',
    group: 'lists',
    parameters: [textOrList('value'), number('start'), optional(number('end'))],
    description:
      'The items or characters from `start` up to, not including, `end`; negative positions count from the end.',
    example: { expression: "slice('2026-01-02', 0, 7)", result: '2026-01' },
    compute: slice,
  }),
  define({
    name: 'sort',
    group: 'lists',
    parameters: [list('list')],
    description: 'Numbers by size, or texts by their UTF-16 units; a list of both is an error.',
    example: { expression: "sort(split('b a c', ' '))", result: ['a', 'b', 'c'] },
    compute: sort,
  }),
  define({
    name: 'unique',
    group: 'lists',
    parameters: [list('list')],
    description: 'Each item once, where it first stands. Items are the same when their JSON is, letter case included.',
    example: { expression: "unique(split('b a b', ' '))", result: ['b', 'a'] },
    compute: unique,
  }),
  define({
    name: 'compact',
    group: 'lists',
    parameters: [list('list')],
    description: 'The list without its nulls.',
    example: { expression: "compact(fromJSON('[1, null, 0]'))", result: [1, 0] },
    compute: (items) => ok(items.filter((item) => item !== null)),
  }),
  define({
    name: 'range',
    group: 'lists',
    parameters: [number('first'), optional(number('end')), optional(number('step'))],
    description: `Whole numbers from \`first\` up to, not including, \`end\`, by \`step\` (1); \`range(n)\` counts from 0. At most ${MAX_RANGE} items.`,
    example: { expression: 'range(2, 10, 3)', result: [2, 5, 8] },
    compute: (start, end, step = 1) => range(start, end, step),
  }),
  define({
    name: 'keys',
    group: 'lists',
    parameters: [object('object')],
    description: 'The names of the members, in their order.',
    example: { expression: `keys(fromJSON('{"a": 1, "b": 2}'))`, result: ['a', 'b'] },
    compute: (value) => ok(Object.keys(value)),
  }),
  define({
    name: 'values',
    group: 'lists',
    parameters: [object('object')],
    description: 'The values of the members, in their order.',
    example: { expression: `values(fromJSON('{"a": 1, "b": 2}'))`, result: [1, 2] },
    compute: (value) => ok(Object.values(value)),
  }),
];

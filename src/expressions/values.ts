/** GitHub's functions on values of any kind, and those that replace null. Semantics: GitHub Actions, "Expressions", functions. */

import { isJsonObject, type Json } from '../base/json.ts';
import { err, ok } from '../base/result.ts';
import { foldCase, isEqual } from './compare.ts';
import {
  anything,
  type CallResult,
  define,
  failed,
  type FunctionDefinition,
  primitive,
  rest,
  text,
} from './definition.ts';
import { isWithin, writeJson } from './size.ts';
import { MAX_RESULT_LENGTH, MAX_VALUE_DEPTH } from './syntax.ts';
import { notWritten, tooLarge } from './text.ts';

/** Text as GitHub's searching functions see a value: null is the empty text. */
const searchedText = (value: null | boolean | number | string): string =>
  value === null ? '' : foldCase(String(value));

function contains(search: Json, item: Json): CallResult {
  if (Array.isArray(search)) return ok((search as readonly Json[]).some((member) => isEqual(member, item)));
  if (isJsonObject(search)) {
    return failed('`contains` takes text or a list as `search`, not an object', 'write `contains(keys(object), item)`');
  }
  if (item !== null && typeof item === 'object') return ok(false);
  return ok(searchedText(search as string | null).includes(searchedText(item)));
}

function fromJson(source: string): CallResult {
  if (source.length > MAX_RESULT_LENGTH) return err(tooLarge('fromJSON'));
  let value: Json;
  try {
    value = JSON.parse(source) as Json;
  } catch {
    // The parser's own message quotes the text, which could be a secret.
    return failed('the text given to `fromJSON` is no JSON');
  }
  return isWithin(value, { depth: MAX_VALUE_DEPTH }) ? ok(value) : notWritten('too_deep', 'fromJSON');
}

function choose(values: readonly Json[]): CallResult {
  if (values.length % 2 === 0) return failed('`case` takes pairs of a condition and a value, then one last value');
  for (let position = 0; position + 1 < values.length; position += 2) {
    const condition = values[position];
    if (typeof condition !== 'boolean') {
      return err({ code: 'wrong_type', message: 'a condition of `case` is true or false', argument: position });
    }
    if (condition) return ok(values[position + 1] ?? null);
  }
  return ok(values.at(-1) ?? null);
}

/** The functions on values of any kind, in the order of the documentation. */
export const VALUE_FUNCTIONS: readonly FunctionDefinition[] = [
  define({
    name: 'contains',
    group: 'GitHub Actions',
    parameters: [anything('search'), anything('item')],
    description: 'True when a text holds another, or a list an item equal to `item`; letter case is ignored.',
    example: { expression: "contains('Hello world', 'WORLD')", result: true },
    compute: contains,
  }),
  define({
    name: 'startsWith',
    group: 'GitHub Actions',
    parameters: [primitive('text'), primitive('start')],
    description: 'True when a text begins with another; letter case is ignored.',
    example: { expression: "startsWith('Hello', 'he')", result: true },
    compute: (subject, start) => ok(searchedText(subject).startsWith(searchedText(start))),
  }),
  define({
    name: 'endsWith',
    group: 'GitHub Actions',
    parameters: [primitive('text'), primitive('end')],
    description: 'True when a text ends with another; letter case is ignored.',
    example: { expression: "endsWith('data.CSV', '.csv')", result: true },
    compute: (subject, end) => ok(searchedText(subject).endsWith(searchedText(end))),
  }),
  define({
    name: 'toJSON',
    group: 'GitHub Actions',
    parameters: [anything('value')],
    description: 'The value as JSON text, indented by two spaces.',
    example: { expression: 'toJSON(range(2))', result: '[\n  0,\n  1\n]' },
    compute: (value) => {
      const written = writeJson(value, 2);
      return written.ok ? written : notWritten(written.error, 'toJSON');
    },
  }),
  define({
    name: 'fromJSON',
    group: 'GitHub Actions',
    parameters: [text('text')],
    description: 'The value that a JSON text stands for.',
    example: { expression: `fromJSON('{"a": [1, true]}').a`, result: [1, true] },
    compute: fromJson,
  }),
  define({
    name: 'case',
    group: 'GitHub Actions',
    parameters: [anything('condition'), anything('value'), anything('next'), rest(anything('more'))],
    description: 'The value behind the first condition that is true, else the last argument.',
    example: { expression: "case(1 > 2, 'more', 1 == 2, 'same', 'less')", result: 'less' },
    compute: (condition, value, next, more) => choose([condition, value, next, ...more]),
  }),
  define({
    name: 'default',
    group: 'values',
    parameters: [anything('value'), anything('other')],
    description: 'The value, or `other` when it is null. The empty text, 0 and false are values.',
    example: { expression: "default(null, 'none')", result: 'none' },
    compute: (value, other) => ok(value ?? other),
  }),
  define({
    name: 'coalesce',
    group: 'values',
    parameters: [anything('value'), rest(anything('more'))],
    description: 'The first value that is not null; null when all are.',
    example: { expression: "coalesce(null, '', 'x')", result: '' },
    compute: (value, more) => ok(value ?? more.find((other) => other !== null) ?? null),
  }),
];

/** Functions on text. Lengths and positions count characters (Unicode code points), limits count UTF-16 units. */

import { createHash } from 'node:crypto';
import { isJsonObject, type Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import {
  anything,
  type CallProblem,
  type CallResult,
  container,
  define,
  failed,
  type FunctionDefinition,
  nameKind,
  rest,
  text,
} from './definition.ts';
import { type WriteProblem, writeJson } from './size.ts';
import { MAX_RESULT_LENGTH, MAX_VALUE_DEPTH } from './syntax.ts';

/** The problem of a result that is longer than `MAX_RESULT_LENGTH`. */
export const tooLarge = (name: string): CallProblem => ({
  code: 'result_too_large',
  message: `the result of \`${name}\` is longer than ${MAX_RESULT_LENGTH} characters`,
  help: 'hand large values over in a file, for example in the folder `run.dir`',
});

/** Answers a value that could not be written as JSON text. */
export const notWritten = (problem: WriteProblem, name: string): CallResult =>
  problem === 'too_large'
    ? err(tooLarge(name))
    : failed(`the value given to \`${name}\` nests deeper than ${MAX_VALUE_DEPTH} levels`);

/**
 * Writes a value as it stands in a longer text: text as it is, numbers and booleans as in JSON.
 * Null, lists and objects have no such form: GitHub writes nothing, `Array` or `Object`, which is never what was meant.
 */
export function spliceText(value: Json): Result<string, CallProblem> {
  if (typeof value === 'string') return ok(value);
  if (value === null) {
    return err({
      code: 'null_in_text',
      message: 'null cannot stand inside a longer text',
      help: "write `default(value, '')` where nothing may stand",
    });
  }
  if (typeof value !== 'object') return ok(JSON.stringify(value));
  return err({
    code: 'not_text',
    message: `${nameKind(value)} cannot stand inside a longer text`,
    help: "write `toJSON(value)`, or `join(list, ', ')` for a list",
  });
}

/** Joins texts unless the result would be too long. */
export function concatenate(parts: readonly string[], separator: string, name: string): CallResult {
  const separators = Math.max(0, parts.length - 1) * separator.length;
  const length = parts.reduce((sum, part) => sum + part.length, separators);
  return length > MAX_RESULT_LENGTH ? err(tooLarge(name)) : ok(parts.join(separator));
}

/** Cuts a `format` pattern into literal texts and the numbers of arguments; null when it is none. */
function cutPattern(pattern: string): readonly (string | number)[] | null {
  const parts: (string | number)[] = [];
  let read = 0;
  for (const match of pattern.matchAll(/[^{}]+|\{\{|\}\}|\{(\d{1,3})\}/gy)) {
    const [whole, digits] = match;
    parts.push(digits === undefined ? (whole === '{{' || whole === '}}' ? whole.charAt(0) : whole) : Number(digits));
    read += whole.length;
  }
  return read === pattern.length ? parts : null;
}

function format(pattern: string, values: readonly Json[]): CallResult {
  const parts = cutPattern(pattern);
  if (parts === null)
    return failed('the pattern of `format` is malformed', 'a brace that is meant as such is doubled: `{{`');
  const texts: string[] = [];
  for (const part of parts) {
    if (typeof part === 'string') {
      texts.push(part);
      continue;
    }
    const value = values[part];
    if (value === undefined) return failed(`\`format\` has no argument for \`{${part}}\``);
    const spliced = spliceText(value);
    if (!spliced.ok) return err({ ...spliced.error, argument: part + 1 });
    texts.push(spliced.value);
  }
  return concatenate(texts, '', 'format');
}

function replace(subject: string, search: string, replacement: string): CallResult {
  if (search === '') return failed('`replace` cannot search for the empty text');
  return concatenate(subject.split(search), replacement, 'replace');
}

function lengthOf(value: string | readonly Json[] | { readonly [key: string]: Json }): number {
  if (typeof value === 'string') return [...value].length;
  return isJsonObject(value) ? Object.keys(value).length : (value as readonly Json[]).length;
}

function hash(value: Json): CallResult {
  if (typeof value === 'string') return ok(createHash('sha256').update(value).digest('hex'));
  const written = writeJson(value, 0);
  if (!written.ok) return notWritten(written.error, 'hash');
  return ok(createHash('sha256').update(written.value).digest('hex'));
}

/** The functions on text, in the order of the documentation. */
export const TEXT_FUNCTIONS: readonly FunctionDefinition[] = [
  define({
    name: 'format',
    group: 'GitHub Actions',
    parameters: [text('pattern'), rest(anything('values'))],
    description: 'The pattern with `{0}`, `{1}`, ... replaced by the values; `{{` and `}}` stand for braces.',
    example: { expression: "format('{0}-{1}.csv', 'sales', 7)", result: 'sales-7.csv' },
    compute: format,
  }),
  define({
    name: 'len',
    group: 'values',
    parameters: [container('value')],
    description: 'How many characters a text, items a list or members an object has.',
    example: { expression: "len('abc')", result: 3 },
    compute: (value) => ok(lengthOf(value)),
  }),
  define({
    name: 'hash',
    group: 'values',
    parameters: [anything('value')],
    description: 'The SHA-256, in 64 hexadecimal digits, of a text (as UTF-8), or of the JSON text of any other value.',
    example: {
      expression: "hash('abc')",
      result: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    },
    compute: hash,
  }),
  define({
    name: 'split',
    group: 'text',
    parameters: [text('text'), text('separator')],
    description: 'The parts of a text between separators.',
    example: { expression: "split('a,b,,c', ',')", result: ['a', 'b', '', 'c'] },
    compute: (subject, separator) =>
      separator === '' ? failed('`split` needs a separator') : ok(subject.split(separator)),
  }),
  define({
    name: 'lines',
    group: 'text',
    parameters: [text('text')],
    description:
      'The lines of a text, without their ends (LF or CR LF); a line end at the very end begins no further line.',
    example: { expression: "lines('one')", result: ['one'] },
    compute: (subject) => {
      const cut = subject.split(/\r?\n/);
      return ok(cut.at(-1) === '' ? cut.slice(0, -1) : cut);
    },
  }),
  define({
    name: 'trim',
    group: 'text',
    parameters: [text('text')],
    description: 'The text without white space at its ends.',
    example: { expression: "trim('  a b ')", result: 'a b' },
    compute: (subject) => ok(subject.trim()),
  }),
  define({
    name: 'lower',
    group: 'text',
    parameters: [text('text')],
    description: 'The text in lower case, by Unicode, in no particular language.',
    example: { expression: "lower('ABC')", result: 'abc' },
    compute: (subject) => ok(subject.toLowerCase()),
  }),
  define({
    name: 'upper',
    group: 'text',
    parameters: [text('text')],
    description: 'The text in upper case, by Unicode, in no particular language.',
    example: { expression: "upper('abc')", result: 'ABC' },
    compute: (subject) => ok(subject.toUpperCase()),
  }),
  define({
    name: 'replace',
    group: 'text',
    parameters: [text('text'), text('search'), text('replacement')],
    description: 'The text with every occurrence of `search` replaced. All three are plain text, no patterns.',
    example: { expression: "replace('a/b/c', '/', '-')", result: 'a-b-c' },
    compute: replace,
  }),
];

/**
 * Regular expressions in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax), matched in time linear in the text: the pattern
 * comes with the flow, the text from anywhere, and flowctl must go on whatever they are. This is the only file that knows the library,
 * which is loaded when a pattern is first used.
 */

import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';
import type { Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { type CallProblem, type CallResult, define, type FunctionDefinition, optional, text } from './definition.ts';

/** The longest pattern, in UTF-16 units. */
const MAX_PATTERN_LENGTH = 1_000;

/** How many instructions a pattern may be compiled to: `a{500}` are 500. Each may cost a step per character of the text. */
const MAX_PATTERN_SIZE = 500;

/** How many groups a pattern may have: where each of them is, is noted at every step. */
const MAX_GROUPS = 32;

/** The longest text that is searched, in UTF-16 units. */
const MAX_TEXT_LENGTH = 65_536;

/** What a flow uses over and over, a map for each of its items. */
const COMPILED = new Map<string, Result<RE2JS, CallProblem>>();

let library: typeof import('re2js') | null = null;

/** Evaluation does not wait, so that the library cannot be imported by `import()`. */
function loadLibrary(): typeof import('re2js') {
  library ??= createRequire(import.meta.url)('re2js') as typeof import('re2js');
  return library;
}

const refused = (argument: number, message: string, help?: string): Result<never, CallProblem> =>
  err({ code: 'function_failed', message, argument, ...(help === undefined ? {} : { help }) });

function compile(pattern: string, flags: string): Result<RE2JS, CallProblem> {
  if (pattern.length > MAX_PATTERN_LENGTH)
    return refused(1, `the pattern of \`match\` is longer than ${MAX_PATTERN_LENGTH} characters`);
  if (/[^ims]/.test(flags))
    return refused(
      2,
      'the flags of `match` are not ones there are',
      'flags are `i` (letter case is ignored), `m` (`^` and `$` stand at every line) and `s` (`.` is a line end too)',
    );
  const { RE2JS, RE2JSException } = loadLibrary();
  const bits = { i: RE2JS.CASE_INSENSITIVE, m: RE2JS.MULTILINE, s: RE2JS.DOTALL };
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(
      pattern,
      [...flags].reduce((sum, flag) => sum | bits[flag as keyof typeof bits], 0),
    );
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return refused(
      1,
      `\`match\` cannot read the pattern: ${error.message.replace(/^error parsing regexp: /, '')}`,
      'patterns are those of RE2 (https://github.com/google/re2/wiki/Syntax), without look-around and references back',
    );
  }
  if (compiled.programSize() > MAX_PATTERN_SIZE)
    return refused(1, 'the pattern of `match` is too large with its repetitions written out', 'repeat less of it');
  if (compiled.groupCount() > MAX_GROUPS)
    return refused(
      1,
      `the pattern of \`match\` has more than ${MAX_GROUPS} groups`,
      '`(?:...)` groups without keeping the text',
    );
  return ok(compiled);
}

function compiledOnce(pattern: string, flags: string): Result<RE2JS, CallProblem> {
  const key = `${flags}/${pattern}`;
  const known = COMPILED.get(key);
  if (known !== undefined) return known;
  const compiled = compile(pattern, flags);
  if (COMPILED.size >= 100) COMPILED.clear();
  COMPILED.set(key, compiled);
  return compiled;
}

function match(subject: string, pattern: string, flags = ''): CallResult {
  const compiled = compiledOnce(pattern, flags);
  if (!compiled.ok) return compiled;
  if (subject.length > MAX_TEXT_LENGTH)
    return refused(
      0,
      `\`match\` searches no text that is longer than ${MAX_TEXT_LENGTH} characters`,
      '`slice(text, start, end)` takes a part of it',
    );
  const matcher = compiled.value.matcher(subject);
  if (!matcher.find()) return ok(null);
  return ok(Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group) ?? null));
}

/** The functions on regular expressions. */
export const PATTERN_FUNCTIONS: readonly FunctionDefinition[] = [
  define({
    name: 'match',
    group: 'text',
    parameters: [text('text'), text('pattern'), optional(text('flags'))],
    description:
      'The first place that a regular expression (RE2: no look-around, no references back) matches: a list of what it matched and of ' +
      'what each group did, named ones too, null for a group that took no part; null when nothing matches. `^` and `$` bind it to the ' +
      'ends. Flags: `i`, letter case is ignored; `m`, `^` and `$` stand at every line; `s`, `.` is a line end too.',
    example: { expression: "match('sales-2026-03.csv', '(\\d+)-(\\d+)')", result: ['2026-03', '2026', '03'] },
    compute: match,
    examine: ([, pattern, flags = '']: readonly (Json | undefined)[]) => {
      if (typeof flags !== 'string') return null;
      const compiled = compiledOnce(typeof pattern === 'string' ? pattern : '', flags);
      return compiled.ok ? null : compiled.error;
    },
  }),
];

/** Text with expressions in it: cut once into parts, then evaluated as often as needed. */

import type { Json } from '../base/json.ts';
import { assertNever, err, ok, type Result } from '../base/result.ts';
import type { CallProblem } from './definition.ts';
import { evaluateExpression, type Scope } from './evaluate.ts';
import { parseExpression } from './grammar.ts';
import {
  type EvaluationProblem,
  type Expression,
  MAX_RESULT_LENGTH,
  type Reference,
  type TemplateProblem,
} from './syntax.ts';
import { spliceText } from './text.ts';

/** A parsed text. One that is exactly one expression keeps the JSON type of its value; every other is text. */
export type Template =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'expression'; readonly expression: Expression }
  | { readonly kind: 'mixed'; readonly parts: readonly (string | Expression)[] };

const OPEN = '${{';
const CLOSE = '}}';

/** The problem of an expression without its end, but for where it begins. */
export const UNCLOSED: Omit<TemplateProblem, 'offset'> = {
  code: 'expression_syntax',
  message: 'the expression is not closed',
  length: OPEN.length,
  help: "end it with `}}`, and look for a quote without its partner; `${{ '${{' }}` writes the characters themselves",
};

/** True when a text has an expression in it, well formed or not. */
export const hasExpression = (text: string): boolean => text.includes(OPEN);

/** Finds the `}}` that ends an expression; those inside quoted text do not. -1 when there is none. */
export function findClose(text: string, from: number): number {
  const marks = /'|\}\}/g;
  marks.lastIndex = from;
  let quoted = false;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    if (mark[0] === "'") quoted = !quoted;
    else if (!quoted) return mark.index;
  }
  return -1;
}

function parse(text: string): Result<Template, readonly TemplateProblem[]> {
  const parts: (string | Expression)[] = [];
  const problems: TemplateProblem[] = [];
  let read = 0;
  for (let open = text.indexOf(OPEN); open !== -1; open = text.indexOf(OPEN, read)) {
    if (open > read) parts.push(text.slice(read, open));
    const start = open + OPEN.length;
    const close = findClose(text, start);
    if (close === -1) {
      problems.push({ ...UNCLOSED, offset: open });
      return err(problems);
    }
    const expression = parseExpression(text.slice(start, close), start);
    if (expression.ok) parts.push(expression.value);
    else problems.push(...expression.error);
    read = close + CLOSE.length;
  }
  if (problems.length > 0) return err(problems);
  if (read < text.length) parts.push(text.slice(read));
  const [first] = parts;
  if (parts.length === 1 && first !== undefined && typeof first !== 'string') {
    return ok({ kind: 'expression', expression: first });
  }
  return ok({ kind: 'mixed', parts });
}

/** Texts that are worth keeping: a flow has many steps with equal ones, and each is read again for every attempt. */
const CACHED_TEXT_LENGTH = 4_096;
const CACHED_TOTAL_LENGTH = 4_194_304;
const cache = new Map<string, Result<Template, readonly TemplateProblem[]>>();
let cachedLength = 0;

/**
 * Parses a text. Templates are immutable and kept, so that the same text is parsed once.
 * Every problem of every expression is reported, with offsets in UTF-16 units of the text.
 */
export function parseTemplate(text: string): Result<Template, readonly TemplateProblem[]> {
  if (!hasExpression(text)) return ok({ kind: 'literal', text });
  const known = cache.get(text);
  if (known !== undefined) return known;
  const parsed = parse(text);
  if (text.length <= CACHED_TEXT_LENGTH) {
    if (cachedLength + text.length > CACHED_TOTAL_LENGTH) {
      cache.clear();
      cachedLength = 0;
    }
    cache.set(text, parsed);
    cachedLength += text.length;
  }
  return parsed;
}

/** Evaluates a template. @returns its value: of the expression's own type, or text; or the first problem. */
export function evaluateTemplate(template: Template, scope: Scope): Result<Json, EvaluationProblem> {
  switch (template.kind) {
    case 'literal':
      return ok(template.text);
    case 'expression':
      return evaluateExpression(template.expression, scope);
    case 'mixed':
      return evaluateParts(template.parts, scope);
    default:
      return assertNever(template, 'template');
  }
}

/** `steps.a.outputs.rows`, for an expression that is nothing but a name; null for others and for long ones. */
function nameOf(node: Expression): string | null {
  if (node.kind === 'root') return node.name;
  if (node.kind !== 'member' || node.key.kind !== 'literal') return null;
  const [owner, { value: key }] = [nameOf(node.of), node.key];
  if (owner === null || typeof key !== 'string' || !/^[A-Za-z_][\w-]*$/.test(key)) return null;
  const name = `${owner}.${key}`;
  return name.length > 100 ? null : name;
}

/** A name that is null mostly is one that does not exist: which one says more than anything. */
function withName(problem: CallProblem, name: string | null): CallProblem {
  if (problem.code !== 'null_in_text' || name === null) return problem;
  const message = `\`${name}\` is null, which cannot stand inside a longer text`;
  return { ...problem, message, help: `write \`default(${name}, '')\` where nothing may stand` };
}

function evaluateParts(parts: readonly (string | Expression)[], scope: Scope): Result<string, EvaluationProblem> {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    const { offset, length } = part;
    const value = evaluateExpression(part, scope);
    if (!value.ok) return value;
    const spliced = spliceText(value.value);
    if (!spliced.ok) {
      const { code, message, help } = withName(spliced.error, nameOf(part));
      return err({ code, message, offset, length, ...(help === undefined ? {} : { help }) });
    }
    text += spliced.value;
    if (text.length > MAX_RESULT_LENGTH) {
      const message = `the text is longer than ${MAX_RESULT_LENGTH} characters`;
      return err({ code: 'result_too_large', message, offset, length });
    }
  }
  return ok(text);
}

/** The root and written-out path of an access, or null when it begins with something else, as in `fromJSON(x).y`. */
function referenceOf(node: Expression): { readonly reference: Reference; readonly open: boolean } | null {
  if (node.kind === 'root') {
    return { reference: { root: node.name, path: [], offset: node.offset, length: node.length }, open: true };
  }
  if (node.kind !== 'member' && node.kind !== 'every') return null;
  const outer = referenceOf(node.of);
  if (outer === null || !outer.open) return outer;
  const key = node.kind === 'member' && node.key.kind === 'literal' ? node.key.value : null;
  if (typeof key !== 'string' && typeof key !== 'number') return { ...outer, open: false };
  const { root, path } = outer.reference;
  return { reference: { root, path: [...path, String(key)], offset: node.offset, length: node.length }, open: true };
}

function collect(node: Expression, found: Reference[]): void {
  switch (node.kind) {
    case 'literal':
      return;
    case 'root':
    case 'member':
    case 'every': {
      const reference = referenceOf(node);
      if (reference !== null) found.push(reference.reference);
      collectInside(node, reference === null, found);
      return;
    }
    case 'call':
    case 'logical':
      for (const operand of node.operands) collect(operand, found);
      return;
    case 'not':
      collect(node.operand, found);
      return;
    case 'compare':
      collect(node.left, found);
      collect(node.right, found);
      return;
    default:
      assertNever(node, 'expression');
  }
}

/** The computed keys of an access, and what it begins with when that is no root. */
function collectInside(node: Expression, withStart: boolean, found: Reference[]): void {
  if (node.kind !== 'member' && node.kind !== 'every') {
    if (withStart) collect(node, found);
    return;
  }
  collectInside(node.of, withStart, found);
  if (node.kind === 'member') collect(node.key, found);
}

/** Lists what a template reads, in the order in which it is written. `steps[params.name].x` reads `steps` and `params.name`. */
export function templateReads(template: Template): readonly Reference[] {
  const found: Reference[] = [];
  switch (template.kind) {
    case 'literal':
      break;
    case 'expression':
      collect(template.expression, found);
      break;
    case 'mixed':
      for (const part of template.parts) if (typeof part !== 'string') collect(part, found);
      break;
    default:
      assertNever(template, 'template');
  }
  return found;
}

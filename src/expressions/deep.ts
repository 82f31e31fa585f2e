/** Templates anywhere inside a JSON value, as in `with:`. Keys are literal; only values are templates. */

import { isJsonObject, type Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Scope } from './evaluate.ts';
import type { EvaluationProblem, Reference } from './syntax.ts';
import { evaluateTemplate, hasExpression, parseTemplate, templateReads } from './template.ts';

/** A problem with its place in a value: `path` is written as in JavaScript, for example `rows[3].when`; offsets count in that text. */
export type DeepProblem = EvaluationProblem & { readonly path: string };

const memberPath = (path: string, key: string): string => {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
};

function evaluateText(text: string, scope: Scope, path: string): Result<Json, DeepProblem> {
  const template = parseTemplate(text);
  if (!template.ok) {
    const [problem] = template.error;
    return err({
      code: 'expression_syntax',
      message: 'the text cannot be read',
      offset: 0,
      length: 1,
      ...problem,
      path,
    });
  }
  const value = evaluateTemplate(template.value, scope);
  return value.ok ? value : err({ ...value.error, path });
}

function evaluateAt(value: Json, scope: Scope, path: string): Result<Json, DeepProblem> {
  if (typeof value === 'string') return hasExpression(value) ? evaluateText(value, scope, path) : ok(value);
  if (Array.isArray(value)) {
    const items: Json[] = [];
    for (const [position, item] of (value as readonly Json[]).entries()) {
      const evaluated = evaluateAt(item, scope, `${path}[${position}]`);
      if (!evaluated.ok) return evaluated;
      items.push(evaluated.value);
    }
    return ok(items);
  }
  if (!isJsonObject(value)) return ok(value);
  const members: [string, Json][] = [];
  for (const [key, member] of Object.entries(value)) {
    const evaluated = evaluateAt(member, scope, memberPath(path, key));
    if (!evaluated.ok) return evaluated;
    members.push([key, evaluated.value]);
  }
  // fromEntries defines properties, so that a key `__proto__` stays a key.
  return ok(Object.fromEntries(members));
}

/**
 * Evaluates every text inside a value. What an expression yields is not evaluated again.
 * @returns a value of the same shape, or the first problem with its path.
 */
export function evaluateDeep(value: Json, scope: Scope): Result<Json, DeepProblem> {
  return evaluateAt(value, scope, '');
}

/** Lists what the templates inside a value read, in order; texts that cannot be parsed are passed over. */
export function deepReads(value: Json): readonly Reference[] {
  if (typeof value === 'string') {
    const template = parseTemplate(value);
    return template.ok ? templateReads(template.value) : [];
  }
  return value === null || typeof value !== 'object' ? [] : Object.values(value).flatMap(deepReads);
}

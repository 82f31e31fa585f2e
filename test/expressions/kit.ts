/** Shorthands of these tests: parse and evaluate in one call, failing loudly when a step is not what the test expects. */

import type { Json } from '../../src/base/json.ts';
import {
  type EvaluationProblem,
  evaluateTemplate,
  parseTemplate,
  type Scope,
  type TemplateProblem,
} from '../../src/expressions/expressions.ts';

/** The value of a template that must have one. */
export function templateValue(text: string, scope: Scope = {}): Json {
  const template = parseTemplate(text);
  if (!template.ok) throw new Error(`cannot parse ${text}: ${JSON.stringify(template.error)}`);
  const value = evaluateTemplate(template.value, scope);
  if (!value.ok) throw new Error(`cannot evaluate ${text}: ${JSON.stringify(value.error)}`);
  return value.value;
}

/** The value of one expression, written without its braces. */
export const evaluate = (expression: string, scope: Scope = {}): Json => templateValue(`\${{ ${expression} }}`, scope);

/** The problems of a text that must not parse. */
export function parseProblems(text: string): readonly TemplateProblem[] {
  const template = parseTemplate(text);
  if (template.ok) throw new Error(`parsed, against expectation: ${text}`);
  return template.error;
}

/** The problem of a template that parses and must have no value. */
export function problemOf(text: string, scope: Scope = {}): EvaluationProblem {
  const template = parseTemplate(text);
  if (!template.ok) throw new Error(`cannot parse ${text}: ${JSON.stringify(template.error)}`);
  const value = evaluateTemplate(template.value, scope);
  if (value.ok) throw new Error(`has a value, against expectation: ${JSON.stringify(value.value)}`);
  return value.error;
}

/** The part of a text that a problem points at. */
export const pointed = (text: string, { offset, length }: { offset: number; length: number }): string =>
  text.slice(offset, offset + length);

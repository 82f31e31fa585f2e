/** The condition of a step: an expression that may ask how the steps before it ended, as in GitHub Actions. */

import { ok, type Result } from '../base/result.ts';
import { isTruthy } from './compare.ts';
import { evaluateExpression, type Scope } from './evaluate.ts';
import { parseExpression } from './grammar.ts';
import {
  type EvaluationProblem,
  type Expression,
  type Reference,
  STATUS_ROOT,
  type StatusFunction,
  type TemplateProblem,
} from './syntax.ts';
import { templateReads } from './template.ts';

/** A parsed condition. */
export interface Condition {
  readonly expression: Expression;
  /** The status functions it names; when it names none, `success()` is implied. */
  readonly names: ReadonlySet<StatusFunction>;
}

/** What the status functions answer. */
export interface Status {
  /** Every step that this one needs succeeded, or failed and was allowed to. */
  readonly success: boolean;
  /** Something upstream, at any distance, failed. */
  readonly failure: boolean;
  readonly cancelled: boolean;
}

const everyRead = (expression: Expression): readonly Reference[] => templateReads({ kind: 'expression', expression });

const cache = new Map<string, Result<Condition, readonly TemplateProblem[]>>();
const CACHED_CONDITIONS = 10_000;

/**
 * Parses a condition; parsed ones are kept.
 * @param text the expression, without `${{ }}`. Offsets of problems are UTF-16 units in this text.
 */
export function parseCondition(text: string): Result<Condition, readonly TemplateProblem[]> {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const parsed = parseExpression(text, 0, true);
  const condition = parsed.ok ? ok({ expression: parsed.value, names: namedStatuses(parsed.value) }) : parsed;
  if (cache.size < CACHED_CONDITIONS) cache.set(text, condition);
  return condition;
}

function namedStatuses(expression: Expression): ReadonlySet<StatusFunction> {
  const statuses = everyRead(expression).filter(({ root }) => root === STATUS_ROOT);
  return new Set(statuses.map(({ path }) => path[0] as StatusFunction));
}

/** Lists what a condition reads, status functions left out. */
export const conditionReads = ({ expression }: Condition): readonly Reference[] =>
  everyRead(expression).filter(({ root }) => root !== STATUS_ROOT);

/** Evaluates a condition to true or false, by the truth of GitHub Actions. An implied `success()` is the caller's business. */
export function evaluateCondition(
  { expression }: Condition,
  scope: Scope,
  { success, failure, cancelled }: Status,
): Result<boolean, EvaluationProblem> {
  const status = { success, failure, cancelled, always: true };
  const value = evaluateExpression(expression, { ...scope, [STATUS_ROOT]: status });
  return value.ok ? ok(isTruthy(value.value)) : value;
}

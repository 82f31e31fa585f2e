/** Conditions of steps: evaluated when everything a step needs is settled, from what is recorded, so that every life judges alike. */

import type { Failure } from '../model/outcome.ts';
import { Bug } from '../base/result.ts';
import { type Condition, conditionReads, evaluateCondition } from '../expressions/expressions.ts';
import type { JsonObject } from '../base/json.ts';
import type { Frontier, Judgement } from './frontier.ts';
import type { Inbox } from './inbox.ts';
import { collectScope, type ScopeSource } from './scope.ts';

/**
 * Evaluates the conditions of steps. Answers that need no reading from disk are in the frontier when this returns; the others come
 * as messages.
 * @returns true when at least one answer is there.
 */
export function askConditions(
  source: ScopeSource,
  frontier: Frontier,
  inbox: Inbox,
  questions: readonly number[],
): boolean {
  let answered = false;
  for (const index of questions) {
    const condition = source.plan.conditions[index];
    if (condition === null || condition === undefined) throw new Bug(`step ${index} has no condition`);
    frontier.markAsked(index);
    const scope = collectScope(source, conditionReads(condition), null);
    if (scope instanceof Promise) {
      scope.then(
        (value) =>
          inbox.put({ kind: 'condition_judged', index, judgement: judge(source, frontier, index, condition, value) }),
        (error: unknown) => inbox.put({ kind: 'journal_failed', error }),
      );
    } else {
      frontier.judge(index, judge(source, frontier, index, condition, scope));
      answered = true;
    }
  }
  return answered;
}

function judge(
  { run }: ScopeSource,
  frontier: Frontier,
  index: number,
  condition: Condition,
  scope: JsonObject,
): Judgement {
  const value = evaluateCondition(condition, scope, {
    success: frontier.blockedBy(index) === null,
    failure: frontier.hasFailureUpstream(index),
    cancelled: run.cancellation !== null,
  });
  if (!value.ok) return broken(value.error.message, value.error.help);
  return { kind: value.value ? 'met' : 'unmet' };
}

function broken(message: string, help?: string): Judgement {
  const failure: Failure = { code: 'expression', message: `\`if\`: ${message}` };
  return { kind: 'broken', failure: help === undefined ? failure : { ...failure, detail: help } };
}

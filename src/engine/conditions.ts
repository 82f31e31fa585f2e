/** Conditions of steps, and of their iterations: evaluated from what is recorded, so that every life judges alike. */

import type { Json, JsonObject } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import { type Condition, conditionReads, evaluateCondition, parseCondition } from '../expressions/expressions.ts';
import type { Failure } from '../model/outcome.ts';
import { Frontier } from './frontier.ts';
import type { Answer, Node } from './node.ts';
import { type Asker, collectScope, type Eventually, type ScopeSource, recordedValue } from './scope.ts';

/** Whether a step's condition is met. */
export function judgeCondition(source: ScopeSource, node: Node): Eventually<Answer> {
  const { condition } = node;
  if (condition === null) throw new Bug(`step ${node.record.key} has no condition`);
  return judge(source, condition, { node, attempt: null }, 'if', (isMet) => ({ kind: isMet ? 'met' : 'unmet' }));
}

/** Whether the last iteration of a repeating step was its last. */
export function judgeIteration(source: ScopeSource, node: Node): Eventually<Answer> {
  const { definition, record } = node;
  const { repeat } = definition;
  const condition = repeat === null ? null : parseCondition(repeat.condition);
  if (repeat === null || condition === null || !condition.ok) throw new Bug(`step ${record.key} does not repeat`);
  const attempt = record.attempts.at(-1);
  const outputs = attempt?.outcome === 'succeeded' ? recordedValue(source, record.outputs) : null;
  const previous = recordedValue(source, record.previous);
  const answer = (now: Json, before: Json): Eventually<Answer> => {
    const extra = { outputs: now, exit_code: attempt?.exit_code ?? null, previous: { outputs: before } };
    const asker = { node, attempt: attempt?.number ?? null, extra };
    return judge(source, condition.value, asker, `repeat.${repeat.kind}`, (isTrue) => ({
      kind: 'last_iteration',
      isLast: repeat.kind === 'until' ? isTrue : !isTrue,
    }));
  };
  return outputs instanceof Promise || previous instanceof Promise
    ? Promise.all([outputs, previous]).then(([now, before]) => answer(now, before))
    : answer(outputs, previous);
}

function judge(
  source: ScopeSource,
  condition: Condition,
  asker: Asker & { readonly node: Node },
  place: string,
  answer: (isTrue: boolean) => Answer,
): Eventually<Answer> {
  const { node } = asker;
  const evaluate = (scope: JsonObject): Answer => {
    const value = evaluateCondition(condition, scope, {
      success: Frontier.blockedBy(node) === null,
      failure: node.isTainted,
      cancelled: source.run.cancellation !== null,
    });
    return value.ok ? answer(value.value) : broken(place, value.error.message, value.error.help);
  };
  const scope = collectScope(source, conditionReads(condition), asker);
  return scope instanceof Promise ? scope.then(evaluate) : evaluate(scope);
}

function broken(place: string, message: string, help?: string): Answer {
  const failure: Failure = { code: 'expression', message: `\`${place}\`: ${message}` };
  return { kind: 'broken', failure: help === undefined ? failure : { ...failure, detail: help } };
}

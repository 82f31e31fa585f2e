/** From a step's definition and the run's state to an attempt that can be performed anywhere: every template evaluated. */

import { isAbsolute, join } from 'node:path';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { markedSecrets } from '../base/secret-mark.ts';
import { type DeepProblem, deepReads, evaluateDeep } from '../expressions/expressions.ts';
import type { StepDefinition } from '../model/flow.ts';
import type { Failure } from '../model/outcome.ts';
import { attemptsMade } from '../model/run.ts';
import { callBehind, calledItem, type Node, itemOf } from './node.ts';
import type { AttemptRequest, ReuseRequest } from './ports.ts';
import { collectScope, type Eventually, type ScopeSource } from './scope.ts';
import { attemptTemplates, reuseTemplates, type Templates } from './templates.ts';
import { asText, asTexts, workOf } from './work.ts';

/**
 * Evaluates a step for one attempt. Answers at once unless outputs have to be read from disk.
 * @param now wall clock, milliseconds since the epoch: what is left of a deadline is counted from it.
 * @param lanes of a quick call, see `AttemptRequest`. Default: it is none.
 * @returns the request, or the failure with which the attempt ends instead.
 */
export function makeRequest(
  source: ScopeSource,
  node: Node,
  now: number,
  lanes: number | null = null,
): Eventually<Result<AttemptRequest, Failure>> {
  const asker = { node, attempt: attemptsMade(node.record) };
  return evaluated(source, node, attemptTemplates(node.definition, isCalled(node)), asker.attempt, (values) =>
    requestFrom(source, node, values, { now, lanes }),
  );
}

/** Evaluates a step for the question whether a recorded result stands for it. */
export function makeReuseRequest(source: ScopeSource, node: Node): Eventually<Result<ReuseRequest, Failure>> {
  const { definition, record } = node;
  return evaluated(source, node, reuseTemplates(definition, isCalled(node)), attemptsMade(record) + 1, (values) => {
    const { reuse } = definition;
    const ttl_ms = reuse?.cache?.ttl_ms ?? null;
    return {
      ...givenTo(source, node, values),
      sources: textsOf(values['sources']),
      cache: reuse?.cache == null ? null : { key: calledItem(node)?.cache_key ?? optionalText(values['key']), ttl_ms },
    };
  });
}

/** Evaluates what a run yields. */
export async function evaluateOutputs(source: ScopeSource): Promise<Result<Json, Failure>> {
  const { outputs } = source.plan.flow;
  if (Object.keys(outputs).length === 0) return ok(null);
  const scope = await collectScope(source, deepReads(outputs), { node: null, attempt: null });
  const value = evaluateDeep(outputs, scope);
  return value.ok ? value : err(expressionFailure('outputs', value.error));
}

const isCalled = (node: Node): boolean => callBehind(node) !== null;

function evaluated<T>(
  source: ScopeSource,
  node: Node,
  { texts, reads }: Templates,
  attempt: number,
  make: (values: JsonObject) => T,
): Eventually<Result<T, Failure>> {
  const evaluate = (scope: JsonObject): Result<T, Failure> => {
    const value = evaluateDeep(texts, scope);
    if (!value.ok) return err(expressionFailure('', value.error));
    return ok(make(isJsonObject(value.value) ? value.value : {}));
  };
  if (reads === null) return ok(make(texts));
  const scope = collectScope(source, reads, { node, attempt });
  return scope instanceof Promise ? scope.then(evaluate) : evaluate(scope);
}

/** What a step is given: the same for its attempt and for the question whether a recorded result stands for it. */
function givenTo(source: ScopeSource, node: Node, values: JsonObject) {
  const { definition, record } = node;
  const item = itemOf(node);
  return {
    step: record.key,
    work: workOf(source, node, values),
    env: asTexts(values['env'] ?? {}),
    values: asTexts(values['values'] ?? {}),
    stdin: optionalText(values['stdin']),
    output: definition.output,
    outputs_schema: definition.outputs_schema,
    secret_variables: definition.secrets,
    ...(item === null ? {} : { item: item.record.item }),
    workdir: workdirOf(source, values['workdir'] ?? null),
    generates: textsOf(values['generates']),
  };
}

function requestFrom(
  source: ScopeSource,
  node: Node,
  values: JsonObject,
  { now, lanes }: { readonly now: number; readonly lanes: number | null },
): AttemptRequest {
  const { run, plan } = source;
  const { definition, record } = node;
  const attempt = record.attempts.at(-1);
  const iteration = attempt?.iteration ?? 0;
  const fingerprint = node.run?.fingerprint ?? null;
  const marked = plan.flow.secrets.length === 0 ? [] : markedSecrets(JSON.stringify(values));
  return {
    run: run.id,
    flow: run.flow,
    ...givenTo(source, node, values),
    attempt: attempt?.number ?? 1,
    iteration,
    success_codes: definition.success_codes,
    skip_codes: definition.skip_codes,
    timeout_ms: timeoutOf(node, definition, now),
    grace_ms: definition.grace_ms ?? run.settings.grace_ms,
    idempotency_key: `${run.id}/${record.key}/${iteration}`,
    secrets: [...new Set([...marked, ...definition.secrets])],
    artifacts: textsOf(values['artifacts']),
    reuse: fingerprint === null ? null : { fingerprint, ttl_ms: definition.reuse?.cache?.ttl_ms ?? null },
    units: node.units ?? {},
    logs: definition.logs,
    interactive: definition.interactive,
    isolate: definition.isolate,
    ...(lanes === null ? {} : { lanes }),
  };
}

/** Of a wait for something outside: what is left until its deadline, which counts from its beginning and over all lives of the run. */
function timeoutOf({ record }: Node, { action, timeout_ms }: StepDefinition, now: number): number | null {
  const deadline = action.kind === 'wait' ? (record.question?.['deadline'] ?? null) : null;
  if (typeof deadline !== 'string') return timeout_ms;
  const wholeMs = action.kind === 'wait' && action.wait.kind === 'for' ? action.wait.timeout_ms : null;
  const rest = Math.min(Math.max(1, Date.parse(deadline) - now), wholeMs ?? Number.POSITIVE_INFINITY);
  return timeout_ms === null ? rest : Math.min(rest, timeout_ms);
}

function workdirOf({ plan }: ScopeSource, value: Json): string {
  const workdir = value === null ? '.' : asText(value);
  return isAbsolute(workdir) ? workdir : join(plan.flow.directory, workdir);
}

const optionalText = (value: Json | undefined): string | null =>
  value === undefined || value === null ? null : asText(value);

const textsOf = (value: Json | undefined): readonly string[] =>
  Array.isArray(value) ? (value as readonly Json[]).map(asText) : [];

function expressionFailure(place: string, problem: DeepProblem): Failure {
  const where = [place, problem.path].filter((part) => part !== '').join('.');
  const help = problem.help === undefined ? {} : { detail: problem.help };
  return { code: 'expression', message: `\`${where}\`: ${problem.message}`, ...help };
}

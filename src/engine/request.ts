/** From a step's definition and the run's state to an attempt that can be performed anywhere: every template evaluated. */

import { isAbsolute, join } from 'node:path';
import type { Json, JsonObject } from '../base/json.ts';
import { assertNever, Bug, err, ok, type Result } from '../base/result.ts';
import { type DeepProblem, deepReads, evaluateDeep, type Reference } from '../expressions/expressions.ts';
import type { StepDefinition } from '../model/flow.ts';
import type { Failure } from '../model/outcome.ts';
import type { StepRecord } from '../model/run.ts';
import type { AttemptRequest, Work } from './ports.ts';
import { collectScope, type ScopeSource } from './scope.ts';

/**
 * Evaluates a step for one attempt. Answers at once unless outputs have to be read from disk.
 * @returns the request, or the failure with which the attempt ends instead.
 */
export function makeRequest(
  source: ScopeSource,
  definition: StepDefinition,
  step: StepRecord,
): Result<AttemptRequest, Failure> | Promise<Result<AttemptRequest, Failure>> {
  const scope = collectScope(source, readsOf(definition), step.attempts.length);
  return scope instanceof Promise
    ? scope.then((value) => evaluateStep(source, definition, step, value))
    : evaluateStep(source, definition, step, scope);
}

/** Evaluates what a run yields. */
export async function evaluateOutputs(source: ScopeSource): Promise<Result<Json, Failure>> {
  const { outputs } = source.plan.flow;
  if (Object.keys(outputs).length === 0) return ok(null);
  const scope = await collectScope(source, deepReads(outputs), null);
  const value = evaluateDeep(outputs, scope);
  return value.ok ? value : err(expressionFailure('outputs', value.error));
}

const cachedReads = new WeakMap<StepDefinition, readonly Reference[]>();

/** Every template of a step, in one value. */
export function templatesOf({ action, env, with: input, workdir, stdin }: StepDefinition): JsonObject {
  const run = action.kind === 'argv' ? action.argv : null;
  return { env, with: input, workdir, stdin, run, values: action.kind === 'shell' ? action.values : {} };
}

function readsOf(definition: StepDefinition): readonly Reference[] {
  const known = cachedReads.get(definition);
  if (known) return known;
  const reads = deepReads(templatesOf(definition));
  cachedReads.set(definition, reads);
  return reads;
}

function evaluateStep(
  { run, plan }: ScopeSource,
  definition: StepDefinition,
  step: StepRecord,
  scope: JsonObject,
): Result<AttemptRequest, Failure> {
  const evaluated = evaluateDeep(templatesOf(definition), scope);
  if (!evaluated.ok) return err(expressionFailure('', evaluated.error));
  const values = evaluated.value as {
    readonly [Name in 'env' | 'with' | 'workdir' | 'stdin' | 'run' | 'values']: Json;
  };
  const attempt = step.attempts.at(-1);
  const iteration = attempt?.iteration ?? 0;
  const workdir = values.workdir === null ? '.' : asText(values.workdir);
  return ok({
    run: run.id,
    flow: run.flow,
    step: step.key,
    attempt: attempt?.number ?? 1,
    iteration,
    work: workOf(definition, step, values),
    env: asTexts(values.env),
    values: asTexts(values.values),
    stdin: values.stdin === null ? null : asText(values.stdin),
    output: definition.output,
    outputs_schema: definition.outputs_schema,
    success_codes: definition.success_codes,
    skip_codes: definition.skip_codes,
    workdir: isAbsolute(workdir) ? workdir : join(plan.flow.directory, workdir),
    timeout_ms: definition.timeout_ms,
    grace_ms: definition.grace_ms ?? run.settings.grace_ms,
    idempotency_key: `${run.id}/${step.key}/${iteration}`,
    secrets: [],
    secret_variables: definition.secrets,
    artifacts: [],
    generates: [],
    reuse: null,
    units: {},
    logs: definition.logs,
    interactive: definition.interactive,
    isolate: definition.isolate,
  });
}

function workOf(
  { action }: StepDefinition,
  { child }: StepRecord,
  values: { readonly run: Json; readonly with: Json },
): Work {
  switch (action.kind) {
    case 'shell':
      return { kind: 'shell', text: action.text, shell: action.shell };
    case 'argv':
      return { kind: 'argv', argv: (values.run as readonly Json[]).map(asText) };
    case 'call':
      return { kind: 'call', module: action.module, export: action.export, input: values.with };
    case 'flow':
      return { kind: 'flow', flow: action.flow, params: (values.with ?? {}) as JsonObject, child };
    case 'group':
    case 'wait':
    case 'approve':
    case 'notify':
      throw new Bug(`a step of kind ${action.kind} makes no attempt`);
    default:
      return assertNever(action, 'action');
  }
}

/** A value where only text can stand: a string as it is, null as nothing, everything else as JSON. */
const asText = (value: Json): string =>
  typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);

const asTexts = (values: Json): { readonly [name: string]: string } =>
  Object.fromEntries(Object.entries(values as JsonObject).map(([name, value]) => [name, asText(value)]));

function expressionFailure(place: string, problem: DeepProblem): Failure {
  const where = [place, problem.path].filter((part) => part !== '').join('.');
  const help = problem.help === undefined ? {} : { detail: problem.help };
  return { code: 'expression', message: `\`${where}\`: ${problem.message}`, ...help };
}

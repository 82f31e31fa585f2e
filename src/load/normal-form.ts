/**
 * The one normal form of a flow. Called when nothing is wrong with the document; what cannot be read has its default here, since
 * the checks have reported it.
 */

import { resolve } from 'node:path';
import { parseStepId, type StepId } from '../base/ids.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import type {
  Action,
  FlowDefinition,
  IfLost,
  OutputMode,
  ParamDefinition,
  ShellName,
  StepDefinition,
} from '../model/flow.ts';
import { FLOW_DEFAULTS, STEP_DEFAULTS } from '../model/defaults.ts';
import type { ShellTexts } from './check-shell.ts';
import { parseCall } from './call-reference.ts';
import { readCondition } from './condition-text.ts';
import { entryOf, textOf, toJsonValue } from './document.ts';
import {
  durationOf,
  envOf,
  isTrue,
  jsonOf,
  type Node,
  numberOf,
  numbersOf,
  oneOrMoreTexts,
  retryOf,
  textsOf,
} from './node-values.ts';
import { handlersOf, notifyOf } from './normal-handlers.ts';
import { flowPolicies, stepPolicies } from './normal-policies.ts';
import { inferSchema } from './param-schema.ts';
import {
  defaultValue,
  type FlowOutline,
  type ParamOutline,
  sharedEnv,
  type StepOutline,
  stepValue,
} from './outline.ts';
import { usedSecrets } from './secret-sources.ts';

/** The expression under `if`; `true` and `false` are expressions as well. */
function conditionOf(step: StepOutline): string | null {
  const node = stepValue(step, 'if');
  if (node?.kind !== 'scalar') return null;
  if (typeof node.value === 'boolean') return String(node.value);
  const read = readCondition(textOf(node) ?? '');
  if (read.kind !== 'expression') throw new Bug(`the condition of step ${step.name} passed the checks`);
  return read.text;
}

function actionOf(step: StepOutline, defaultShell: Node, directory: string, texts: ShellTexts): Action {
  const run = stepValue(step, 'run');
  const text = textOf(run);
  if (text !== undefined) {
    const shell = textOf(stepValue(step, 'shell') ?? defaultShell) ?? 'sh';
    return { kind: 'shell', shell: shell as ShellName, ...(texts.get(step) ?? { text, values: {} }) };
  }
  if (run?.kind === 'list') return { kind: 'argv', argv: textsOf(run) };
  const notify = stepValue(step, 'notify');
  if (notify !== undefined) return notifyOf(notify);
  const call = parseCall(textOf(stepValue(step, 'call')) ?? '');
  if (call === null) throw new Bug(`step ${step.name} passed the checks without an action`);
  return { kind: 'call', module: resolve(directory, call.module), export: call.export };
}

function stepIdOf(name: string): StepId {
  const id = parseStepId(name);
  if (id === null) throw new Bug(`step name ${JSON.stringify(name)} passed the checks`);
  return id;
}

/** What all steps of a flow share while they are written down. */
interface Writing {
  readonly flow: FlowOutline;
  readonly directory: string;
  readonly texts: ShellTexts;
  readonly cleanupTimeoutMs: number;
}

function stepOf(step: StepOutline, number: number, writing: Writing): StepDefinition {
  const { flow, cleanupTimeoutMs } = writing;
  return {
    ...bodyOf(step, writing),
    id: stepIdOf(step.name),
    handlers: handlersOf(flow, number, cleanupTimeoutMs, (handler) => bodyOf(handler, writing)),
  };
}

/** What steps and handlers have in common. */
function bodyOf(step: StepOutline, { flow, directory, texts }: Writing): Omit<StepDefinition, 'id'> {
  const own = (key: string): Node => stepValue(step, key);
  const either = (key: string): Node => own(key) ?? defaultValue(flow, key);
  const before = step.previous === null ? undefined : flow.steps[step.previous]?.name;
  const needs = new Set([...(before === undefined ? [] : [before]), ...step.needs.map(({ name }) => name)]);
  const input = jsonOf(own('with'));
  const outputsSchema = jsonOf(entryOf(own('outputs'), 'schema')?.value);
  return {
    ...STEP_DEFAULTS,
    description: textOf(own('description')) ?? null,
    action: actionOf(step, defaultValue(flow, 'shell'), directory, texts),
    needs: [...needs].map(stepIdOf),
    if: conditionOf(step),
    env: envOf(...sharedEnv(flow), own('env')),
    with: isJsonObject(input) ? input : null,
    workdir: textOf(either('workdir')) ?? null,
    stdin: textOf(own('stdin')) ?? null,
    output: (textOf(own('output')) as OutputMode | undefined) ?? 'file',
    outputs_schema: isJsonObject(outputsSchema) ? outputsSchema : null,
    success_codes: own('success_codes') === undefined ? [0] : numbersOf(own('success_codes')),
    skip_codes: numbersOf(own('skip_codes')),
    timeout_ms: durationOf(either('timeout')),
    grace_ms: durationOf(own('grace')),
    retry: retryOf(either('retry')),
    continue_on_error: isTrue(own('continue_on_error')),
    if_lost: (textOf(either('if_lost')) as IfLost | undefined) ?? 'run_again',
    ...stepPolicies(own, either),
  };
}

/** One param in its normal form; a bare value is a default, from which the type is taken. */
export function paramOf({ name, node }: ParamOutline): ParamDefinition {
  const value = toJsonValue(node);
  if (!isJsonObject(value)) return { name, schema: inferSchema(value), required: false, default: value };
  const { default: fallback, ...schema } = value;
  return { name, schema, required: fallback === undefined, default: fallback ?? null };
}

/** A param whose default a profile says. */
const withDefault = (param: ParamDefinition, values: FlowOutline['project']['params']): ParamDefinition =>
  Object.hasOwn(values, param.name) ? { ...param, required: false, default: values[param.name] ?? null } : param;

/**
 * Writes a checked flow in its normal form.
 * @param facts the flow's name, the absolute path of its file, and that of its folder. @param texts shell texts that had expressions.
 */
export function normalForm(
  flow: FlowOutline,
  facts: { readonly name: string; readonly file: string; readonly directory: string },
  texts: ShellTexts,
): FlowDefinition {
  const value = (key: string): Node => entryOf(flow.root, key)?.value;
  const outputs = jsonOf(value('outputs'));
  const policies = flowPolicies(flow, facts, usedSecrets(flow));
  const writing = { flow, directory: facts.directory, texts, cleanupTimeoutMs: policies.cleanup_timeout_ms };
  const dotenv = oneOrMoreTexts(value('dotenv')).map((path) => resolve(facts.directory, path));
  return {
    ...FLOW_DEFAULTS,
    ...facts,
    description: textOf(value('description')) ?? null,
    tags: [...new Set(textsOf(value('tags')))],
    ...policies,
    params: flow.params.map((param) => withDefault(paramOf(param), flow.project.params)),
    dotenv: [...flow.project.dotenv.before, ...dotenv, ...flow.project.dotenv.after],
    max_parallel: numberOf(value('max_parallel')),
    fail_fast: isTrue(value('fail_fast')),
    steps: flow.steps.map((step, number) => stepOf(step, number, writing)),
    handlers: handlersOf(flow, null, policies.cleanup_timeout_ms, (handler) => bodyOf(handler, writing)),
    outputs: isJsonObject(outputs) ? outputs : ({} satisfies JsonObject),
  };
}

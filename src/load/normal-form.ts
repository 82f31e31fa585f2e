/**
 * The one normal form of a flow. Called when nothing is wrong with the document; what cannot be read has its default here, since
 * the checks have reported it.
 */

import { resolve } from 'node:path';
import { parseStepId, type StepId } from '../base/ids.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import { FLOW_DEFAULTS, STEP_DEFAULTS } from '../model/defaults.ts';
import type { FlowDefinition, IfLost, OutputMode, ParamDefinition, StepDefinition } from '../model/flow.ts';
import type { ShellTexts } from './check-shell.ts';
import { readCondition } from './condition-text.ts';
import { entryOf, textOf } from './document.ts';
import type { FileNeeds } from './file-needs.ts';
import { mergedEnv, mergedWorkdir } from './group-values.ts';
import {
  durationOf,
  isTrue,
  jsonOf,
  type Node,
  numberOf,
  numbersOf,
  oneOrMoreTexts,
  retryOf,
  textsOf,
} from './node-values.ts';
import { type ActionParts, actionOf, hasOwnAttempts } from './normal-action.ts';
import type { Handlers } from '../model/policies.ts';
import { type HandlerOutline, handlersByOwner } from './handlers.ts';
import { handlersOf } from './normal-handlers.ts';
import { mapOf, repeatOf } from './normal-map.ts';
import { flowPolicies, stepPolicies } from './normal-policies.ts';
import { schedulesOf } from './normal-schedules.ts';
import { triggersOf } from './normal-triggers.ts';
import { defaultValue, type FlowOutline, sharedEnv, type StepOutline, stepValue } from './outline.ts';
import { paramOf } from './param-schema.ts';
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

function stepIdOf(name: string): StepId {
  const id = parseStepId(name);
  if (id === null) throw new Bug(`step name ${JSON.stringify(name)} passed the checks`);
  return id;
}

/** What checks of a flow find out that goes into its normal form. */
export interface Findings {
  /** Shell texts that had expressions, without them. */
  readonly texts: ShellTexts;
  readonly fileNeeds: FileNeeds;
}

/** What all steps of a flow share while they are written down. */
interface Writing extends ActionParts {
  readonly cleanupTimeoutMs: number;
  /** By the number of their step; those of the flow by null. */
  readonly handlers: ReadonlyMap<number | null, readonly HandlerOutline[]>;
  /** See `fileNeeds`. */
  readonly fileNeeds: FileNeeds;
}

function stepsIn(block: number, writing: Writing): readonly StepDefinition[] {
  const { flow } = writing;
  return (flow.blocks[block]?.steps ?? []).flatMap((number) => {
    const step = flow.steps[number];
    return step === undefined ? [] : [stepOf(step, number, writing)];
  });
}

function stepOf(step: StepOutline, number: number, writing: Writing): StepDefinition {
  const body = bodyOf(step, writing);
  const inferred = (writing.fileNeeds.get(number) ?? []).map((each) => stepIdOf(writing.flow.steps[each]?.name ?? ''));
  // What is not among the defaults stands before them: V8 copies the defaults into such an object in one go, several times as fast.
  return {
    id: stepIdOf(step.name),
    ...body,
    needs: [...body.needs, ...inferred],
    inferred_needs: inferred,
    handlers: handlersAt(number, writing),
  };
}

const handlersAt = (owner: number | null, writing: Writing): Handlers =>
  handlersOf(writing.handlers.get(owner) ?? [], writing.cleanupTimeoutMs, (handler) => bodyOf(handler, writing));

function needsOf(step: StepOutline, flow: FlowOutline): readonly StepId[] {
  const before = step.previous === null ? undefined : flow.steps[step.previous]?.name;
  const needs = new Set([...(before === undefined ? [] : [before]), ...step.needs.map(({ name }) => name)]);
  return [...needs].map(stepIdOf);
}

/** What steps and handlers have in common. */
function bodyOf(step: StepOutline, writing: Writing): Omit<StepDefinition, 'id'> {
  const { flow } = writing;
  const own = (key: string): Node => stepValue(step, key);
  const either = (key: string): Node => own(key) ?? defaultValue(flow, key);
  // What `defaults` say of attempts is meant for commands and functions.
  const ofAttempts = hasOwnAttempts(step) ? either : own;
  const ofMembers = mapOf(step) !== null || step.members !== null ? either : own;
  const input = jsonOf(own('with'));
  const outputsSchema = jsonOf(entryOf(own('outputs'), 'schema')?.value);
  const isGroup = step.members !== null;
  return {
    action: actionOf(step, writing),
    ...STEP_DEFAULTS,
    description: textOf(own('description')) ?? null,
    needs: needsOf(step, flow),
    if: conditionOf(step),
    // What a group says of these holds for its members, and for nothing else.
    env: isGroup ? {} : mergedEnv(step, sharedEnv(flow)),
    with: isJsonObject(input) ? input : null,
    workdir: isGroup ? null : mergedWorkdir(step, flow),
    stdin: textOf(own('stdin')) ?? null,
    output: (textOf(own('output')) as OutputMode | undefined) ?? 'file',
    outputs_schema: isJsonObject(outputsSchema) ? outputsSchema : null,
    success_codes: own('success_codes') === undefined ? [0] : numbersOf(own('success_codes')),
    skip_codes: numbersOf(own('skip_codes')),
    timeout_ms: durationOf(ofAttempts('timeout')),
    grace_ms: durationOf(own('grace')),
    retry: retryOf(ofAttempts('retry')),
    continue_on_error: isTrue(own('continue_on_error')),
    if_lost: (textOf(ofAttempts('if_lost')) as IfLost | undefined) ?? 'run_again',
    map: mapOf(step),
    max_parallel: numberOf(ofMembers('max_parallel')),
    repeat: repeatOf(step),
    ...stepPolicies(own, either),
  };
}

/** A param whose default a profile says. */
const withDefault = (param: ParamDefinition, values: FlowOutline['project']['params']): ParamDefinition =>
  Object.hasOwn(values, param.name) ? { ...param, required: false, default: values[param.name] ?? null } : param;

/**
 * Writes a checked flow in its normal form.
 * @param facts the flow's name, the absolute path of its file, and that of its folder. @param found what the checks have found.
 */
export function normalForm(
  flow: FlowOutline,
  facts: { readonly name: string; readonly file: string; readonly directory: string },
  { texts, fileNeeds }: Findings,
): FlowDefinition {
  const value = (key: string): Node => entryOf(flow.root, key)?.value;
  const outputs = jsonOf(value('outputs'));
  const policies = flowPolicies(flow, facts, usedSecrets(flow));
  const parts = { flow, directory: facts.directory, texts, cleanupTimeoutMs: policies.cleanup_timeout_ms };
  const handlers = handlersByOwner(flow.handlers);
  const writing: Writing = { ...parts, handlers, fileNeeds, stepsIn: (block) => stepsIn(block, writing) };
  const dotenv = oneOrMoreTexts(value('dotenv')).map((path) => resolve(facts.directory, path));
  return {
    ...FLOW_DEFAULTS,
    ...facts,
    description: textOf(value('description')) ?? null,
    tags: [...new Set(textsOf(value('tags')))],
    ...policies,
    params: flow.params.map((param) => withDefault(paramOf(param), flow.project.params)),
    dotenv: [...flow.project.dotenv.before, ...dotenv, ...flow.project.dotenv.after],
    ...(value('schedules') === undefined ? {} : { schedules: schedulesOf(value('schedules')) }),
    ...(value('triggers') === undefined ? {} : { triggers: triggersOf(value('triggers')) }),
    max_parallel: numberOf(value('max_parallel')),
    fail_fast: isTrue(value('fail_fast')),
    steps: stepsIn(0, writing),
    handlers: handlersAt(null, writing),
    outputs: isJsonObject(outputs) ? outputs : ({} satisfies JsonObject),
  };
}

/**
 * What the members of a definition are, asked of a frozen one before a run goes on with it. Its hash says that it was written so; not by
 * whom. Names that have to be known, and orders without circles, are asked for as well: the plan is made without looking.
 */

import { isJsonObject } from '../base/json.ts';
import type { Action, FlowDefinition, StepDefinition } from './flow.ts';
import { buildGraph, topologicalOrder } from './graph.ts';
import {
  hasMembers,
  isCount,
  isFlag,
  isInteger,
  isKindOf,
  isListOf,
  isMapOf,
  isNumber,
  isObject,
  isOneOf,
  isPresent,
  isText,
  type MemberCheck,
  type MemberChecks,
  orMissing,
  orNull,
  wrongMember,
} from './member-checks.ts';

const isTexts = isListOf(isText);
const isIntegers = isListOf(isInteger);
const isTemplates = isMapOf(isText);
const isSpan: MemberCheck = (value) => isNumber(value) && Number(value) >= 0;

const isParam = hasMembers({ name: isText, schema: isObject, required: isFlag, default: isPresent });

const isRetry = hasMembers({
  max: isCount,
  delay_ms: isSpan,
  backoff: isOneOf('none', 'linear', 'exponential'),
  max_delay_ms: orNull(isSpan),
  delays_ms: orMissing(orNull(isListOf(isSpan))),
  jitter: (value) => isNumber(value) || isOneOf('none', 'full', 'equal')(value),
  on: isTexts,
  on_exit_codes: orNull(isIntegers),
});

const COMMANDS = {
  shell: {
    text: isText,
    shell: isOneOf('sh', 'bash', 'python', 'node', 'pwsh'),
    values: isTemplates,
    warm: orMissing(isFlag),
  },
  argv: { argv: isTexts },
};

const isProbe = isKindOf({
  file: { path: isText },
  http: { url: isText, method: isText, headers: isTemplates, status: orNull(isIntegers) },
  command: { command: isKindOf(COMMANDS) },
});

const isWait = isKindOf({
  duration: { duration: isText },
  until: { until: isText },
  for: { probe: isProbe, every_ms: isSpan, timeout_ms: orNull(isSpan) },
});

/** A function, for groups hold steps, which hold actions. */
const isSteps: MemberCheck = (value) => isListOf(isStep)(value);

const ACTIONS: { readonly [Kind in Action['kind']]: MemberChecks } = {
  ...COMMANDS,
  call: { module: isText, export: isText },
  group: { steps: isSteps },
  flow: { flow: isText },
  wait: { wait: isWait },
  approve: {
    message: isText,
    params: isListOf(isParam),
    timeout_ms: orNull(isSpan),
    on_timeout: isOneOf('fail', 'approve', 'reject', 'skip'),
  },
  notify: { channel: isText, options: isObject, text: orNull(isText) },
};

const isHandlers = hasMembers({ on_success: isSteps, on_failure: isSteps, on_cancel: isSteps, finally: isSteps });

const isMap = hasMembers({
  over: isKindOf({ foreach: { items: isPresent }, matrix: { axes: isObject, include: isPresent, exclude: isPresent } }),
  key: orNull(isText),
  tolerate: hasMembers({ kind: isOneOf('count', 'percent'), value: isNumber }),
});

const isRepeat = hasMembers({
  kind: isOneOf('until', 'while'),
  condition: isText,
  every_ms: isSpan,
  max: orNull(isCount),
});

const isReuse = hasMembers({
  sources: isTexts,
  generates: isTexts,
  cache: orNull(hasMembers({ key: orNull(isText), ttl_ms: orNull(isSpan) })),
});

const STEP: { readonly [Member in keyof StepDefinition]-?: MemberCheck } = {
  id: (value) => isText(value) && value !== '',
  description: orNull(isText),
  action: isKindOf(ACTIONS),
  needs: isTexts,
  inferred_needs: isTexts,
  if: orNull(isText),
  env: isTemplates,
  with: orNull(isObject),
  workdir: orNull(isText),
  stdin: orNull(isText),
  output: isOneOf('file', 'json', 'text', 'lines'),
  outputs_schema: orNull(isObject),
  success_codes: isIntegers,
  skip_codes: isIntegers,
  timeout_ms: orNull(isSpan),
  grace_ms: orNull(isSpan),
  retry: isRetry,
  continue_on_error: isFlag,
  if_lost: isOneOf('run_again', 'fail'),
  map: orNull(isMap),
  max_parallel: orNull(isCount),
  repeat: orNull(isRepeat),
  handlers: isHandlers,
  reuse: orNull(isReuse),
  resources: isMapOf(isNumber),
  priority: isNumber,
  secrets: isTexts,
  artifacts: isTexts,
  logs: orNull(isOneOf('direct', 'pipe')),
  interactive: isFlag,
  isolate: isOneOf('thread', 'process'),
};

const isStep: MemberCheck = (value) => isJsonObject(value) && wrongMember(value, STEP) === null;

const isSecret = hasMembers({
  name: isText,
  source: isKindOf({ env: { variable: isText }, file: { path: isText }, command: { command: isText } }),
});

const isConcurrency = hasMembers({
  group: isText,
  limit: isNumber,
  on_conflict: isOneOf('queue', 'skip', 'cancel_running', 'allow'),
  queue_limit: orNull(isNumber),
  queue_timeout_ms: orNull(isSpan),
});

const FLOW: { readonly [Member in keyof FlowDefinition]-?: MemberCheck } = {
  format: isPresent,
  name: isText,
  description: orNull(isText),
  tags: isTexts,
  file: isText,
  directory: isText,
  params: isListOf(isParam),
  dotenv: isTexts,
  max_parallel: orNull(isCount),
  fail_fast: isFlag,
  steps: isSteps,
  script: orMissing(orNull(hasMembers({ module: isText, flow: isText }))),
  outputs: isObject,
  run_name: orNull(isText),
  secrets: isListOf(isSecret),
  profile: orNull(isText),
  vars: isObject,
  schedules: orMissing(isListOf(isObject)),
  triggers: orMissing(isListOf(isObject)),
  deployed: orMissing(hasMembers({ name: isText, version: isInteger })),
  concurrency: orNull(isConcurrency),
  timeout_ms: orNull(isSpan),
  cleanup_timeout_ms: isSpan,
  retry: isRetry,
  handlers: isHandlers,
  flows: isMapOf((value) => isJsonObject(value) && misshapenPart(value as unknown as FlowDefinition) === null),
};

/** @returns null, or in a few words the first part of a definition that is not what it has to be. */
export function misshapenPart(flow: FlowDefinition): string | null {
  const member = wrongMember({ ...flow }, FLOW);
  return member === null ? misorderedStep(flow.steps) : `\`${member}\` is malformed`;
}

/** Names that stand twice or that nobody has, and circles; also within groups. */
function misorderedStep(steps: readonly StepDefinition[]): string | null {
  const known = new Set(steps.map(({ id }) => id));
  if (known.size < steps.length) return 'two steps have one name';
  for (const { id, needs, action } of steps) {
    if (needs.some((need) => !known.has(need))) return `step ${id} needs what is not there`;
    const inner = action.kind === 'group' ? misorderedStep(action.steps) : null;
    if (inner !== null) return inner;
  }
  // What is in a circle comes in no order.
  return topologicalOrder(buildGraph(steps)).length === steps.length ? null : 'its steps need each other in a circle';
}

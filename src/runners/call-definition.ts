/** From a call, as the library asks for it, to a step that the engine knows: its definition, in which every text is literal, and its work. */

import type { ContentHash, StepId, StepKey } from '../base/ids.ts';
import { contentHash, recordedStepKey } from '../base/ids.ts';
import { assertNever } from '../base/result.ts';
import type { ScriptCall, TaskFunction, Work } from '../engine/ports.ts';
import { STEP_DEFAULTS } from '../model/defaults.ts';
import type { Action, StepDefinition } from '../model/flow.ts';
import type { CallRequest, RequestedOptions } from '../flows/conductor.ts';

/** A call with its place in the run. */
export interface PlacedCall {
  readonly step: string;
  readonly items: readonly string[] | null;
  readonly arguments_hash: string;
  readonly request: CallRequest;
}

/** Where calls come from. */
export interface CallSource {
  /** The module that makes the tasks: absolute path. */
  readonly module: string;
  /** The key of a flow among those that steps may refer to, by its name. */
  flow(name: string): string;
}

/** The step that a call asks for. */
export function scriptCall({ step, items, arguments_hash, request }: PlacedCall, source: CallSource): ScriptCall {
  const key: StepKey = recordedStepKey(step);
  const hash: ContentHash = contentHash(arguments_hash);
  const name = request.kind === 'task' && request.of !== null ? request.part : request.name;
  return {
    step: key,
    name: name as StepId,
    kind: request.kind,
    arguments_hash: hash,
    needs: request.needs.map(recordedStepKey),
    run_name: request.options.run_name,
    tags: request.options.tags,
    definition: definitionOf(name as StepId, request, source),
    work: request.kind === 'task' ? workOf(source, request.task, request.part, request.arguments) : null,
    items:
      request.kind === 'map' && items !== null
        ? items.map((item, index) => ({
            key: recordedStepKey(item),
            work: workOf(source, request.task, 'body', request.arguments[index] ?? []),
            run_name: request.each?.[index]?.run_name ?? null,
            cache_key: request.each?.[index]?.cache_key ?? null,
          }))
        : null,
  };
}

const workOf = ({ module }: CallSource, task: string, part: TaskFunction, input: readonly unknown[]): Work =>
  ({ kind: 'call', module, export: task, task: part, input }) as Work;

/** Calls of a task with the same options are the same step, as often as it is called. */
const tasks = new WeakMap<RequestedOptions, StepDefinition>();

function definitionOf(id: StepId, request: CallRequest, source: CallSource): StepDefinition {
  if (request.kind !== 'task') return makeDefinition(id, request, source);
  const known = tasks.get(request.options);
  const isSame =
    known !== undefined &&
    known.id === id &&
    known.action.kind === 'call' &&
    known.action.export === request.task &&
    known.action.module === source.module;
  if (isSame) return known;
  const definition = makeDefinition(id, request, source);
  tasks.set(request.options, definition);
  return definition;
}

function makeDefinition(id: StepId, request: CallRequest, source: CallSource): StepDefinition {
  const { cache, tags: _tags, run_name: _name, ...options } = request.options;
  return {
    ...STEP_DEFAULTS,
    ...options,
    id,
    reuse: cache === null ? null : { sources: [], generates: [], cache },
    action: actionOf(request, source),
    ...more(request),
  };
}

function actionOf(request: CallRequest, { module, flow }: CallSource): Action {
  switch (request.kind) {
    case 'task':
    case 'map':
      return { kind: 'call', module, export: request.task };
    case 'command':
      return request.command;
    case 'flow':
      return { kind: 'flow', flow: flow(request.flow) };
    case 'sleep':
      return { kind: 'wait', wait: { kind: 'duration', duration: `${Math.max(0, Math.ceil(request.ms))}ms` } };
    case 'approval': {
      const { message, params, timeout_ms, on_timeout } = request;
      return { kind: 'approve', message, params, timeout_ms, on_timeout };
    }
    default:
      return assertNever(request, 'call');
  }
}

function more(request: CallRequest): Partial<StepDefinition> {
  switch (request.kind) {
    case 'map': {
      const { max_parallel, tolerate } = request;
      return { max_parallel, map: { over: { kind: 'foreach', items: [] }, key: null, tolerate } };
    }
    case 'command': {
      const { env, workdir, stdin, output, success_codes } = request;
      return { env, workdir, stdin, output, success_codes };
    }
    case 'flow':
      return { with: request.params };
    default:
      return {};
  }
}

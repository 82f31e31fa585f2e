/**
 * Flows: functions whose calls of tasks are steps, and graphs of steps written as data. This file says what a flow is to its users.
 * Where next: `flow-document.ts` for what becomes of options, `task.ts` for what flows call, `conductor.ts` for who runs them.
 */

import { isFlowName } from '../base/ids.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import { currentConductor, FLOW, type RegisteredFlow, registry } from './conductor.ts';
import { type AnyStepFunction, DECLARATION_NAMES, FLOW_OPTION_NAMES, flowDocument } from './flow-document.ts';
import type { FlowDeclaration, FlowOptions } from './flow-options.ts';
import type { Outputs } from './jsonify.ts';
import { placeOfCaller, refuseInsideFlow, registerFlow } from './making.ts';
import { NO_OPTIONS, OptionError, refuse } from './options.ts';
import type { GivenParams, Params, ParamsDeclaration } from './param-schema.ts';
import { isStandardSchema } from './standard-schema.ts';
import { checkedParams } from './standard-params.ts';
import { inTransaction } from './task-call.ts';
import { TaskError } from './task-error.ts';
import { asJson, noteOrigin, originsOf } from './values.ts';

/** The params of a call: none need to be given where all have defaults. */
type ParamsArgument<G> = Record<never, never> extends G ? [params?: G] : [params: G];

/** A flow: what a module exports for `flowctl run`, and what other flows call. */
export interface Flow<G, R> {
  /** Inside a flow or a task: a run of its own, beneath that one. Elsewhere use `runFlow()`. */
  (...params: ParamsArgument<G>): Promise<R>;
  readonly flowName: string;
  /** The same flow with a place of its own among the caller's steps, `name[key]`, instead of its number. */
  with(options: { readonly key: string | number }): Flow<G, R>;
  /** What the program needs to know of it. @internal */
  readonly [FLOW]: RegisteredFlow;
}

/** No params. */
interface NoParams {
  readonly [name: string]: never;
}

/**
 * Makes a flow of an ordinary async function. Calls of tasks in it are steps, discovered as it runs; everything else in it runs again
 * when the run is resumed, so that whatever is not the same each time belongs into a task, or comes from `context()`.
 * @param name `[A-Za-z0-9][A-Za-z0-9_.-]{0,99}`.
 * @returns the flow; the JSON that the function returns is what the run yields.
 * @throws {OptionError} for options that are none.
 * @example
 * export default flow('etl', { params: { path: { type: 'string' } }, timeout: '1h' }, async ({ path }) => {
 *   const rows = await extract(path);
 *   return load.map(rows, { maxParallel: 4 });
 * });
 */
export function flow<R>(name: string, body: (params: NoParams) => R): Flow<NoParams, Outputs<R>>;
/** With options, between the name and the function. */
export function flow<const P extends ParamsDeclaration = Record<never, never>, R = unknown>(
  name: string,
  options: FlowOptions<P>,
  body: (params: Params<P>) => R,
): Flow<GivenParams<P>, Outputs<R>>;
/**
 * Makes a flow of steps written as data: the model of YAML, with functions where YAML has `call`.
 * @returns the flow; what a run yields is what `outputs` says.
 * @example
 * export default flow({
 *   name: 'nightly',
 *   steps: { fetch: { run: 'node fetch.mjs' }, load: { needs: 'fetch', call: (input) => insert(input) } },
 * });
 */
export function flow<const P extends ParamsDeclaration = Record<never, never>, S = unknown>(
  declaration: FlowDeclaration<P, S>,
): Flow<GivenParams<P>, JsonObject>;
/** What stands behind the signatures above. */
export function flow(
  first: string | FlowDeclaration<ParamsDeclaration, unknown>,
  ...rest: readonly unknown[]
): Flow<NoParams, unknown> {
  const place = placeOfCaller();
  const file = place.replace(/:\d+:\d+$/, '');
  if (typeof first === 'string') {
    const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest;
    return makeFlow(first, place, { options, body });
  }
  if (!isJsonObject(first)) throw new OptionError('flow() takes a name and a function, or an object with steps');
  const { name = file.slice(file.lastIndexOf('/') + 1).replace(/\.[cm]?[jt]s$/, '') } = first;
  return makeFlow(name, place, { options: first, body: null });
}

interface Written {
  readonly options: unknown;
  /** Null: a declarative flow. */
  readonly body: unknown;
}

function makeFlow(name: string, place: string, { options, body }: Written): Flow<NoParams, unknown> {
  const owner = `flow \`${name}\``;
  refuseInsideFlow(owner);
  if (!isFlowName(name)) {
    throw new OptionError(
      `\`${name}\` cannot be the name of a flow: letters, digits, _ - and ., at most 100, no _ - or . first`,
    );
  }
  if (typeof options !== 'object' || options === null) refuse(owner, 'its options have to be an object');
  if (body !== null && typeof body !== 'function')
    refuse(owner, 'it is made of a function, the last argument of flow()');
  const { params, ...others } = options as { readonly params?: unknown };
  const schema = isStandardSchema(params) ? params : null;
  const { loading } = registry();
  const { document, functions } = flowDocument(
    owner,
    name,
    loading ?? place.replace(/:\d+:\d+$/, ''),
    schema === null ? options : others,
    body === null ? DECLARATION_NAMES : FLOW_OPTION_NAMES,
  );
  const registered: RegisteredFlow = {
    name,
    module: loading,
    place,
    kind: body === null ? 'declarative' : 'imperative',
    document,
    checksParams: schema !== null,
    params: (given) => checkedParams(schema, given),
    async invoke(given) {
      // Those that were given are recorded, so what the schema makes of them is made once, here, in every life of a run.
      const checked = await checkedParams(schema, given);
      if (!checked.ok)
        refuse(owner, checked.problems.map(({ path, message }) => `${path} ${message}`.trim()).join('; '));
      return (body as ((params: JsonObject) => unknown) | null)?.(checked.value);
    },
    function: (path): AnyStepFunction | null => functions.get(path) ?? null,
  };
  registerFlow(registered);
  return flowOf(registered, null);
}

/** What users export and call. */
function flowOf(registered: RegisteredFlow, key: string | null): Flow<NoParams, unknown> {
  const call = (params: object = {}): Promise<unknown> => inTransaction(callFlow(registered, key, params));
  const made = Object.assign(call, {
    flowName: registered.name,
    with: (options: { readonly key: string | number }) => flowOf(registered, String(options.key)),
    [FLOW]: registered,
  });
  Object.defineProperty(made, 'name', { value: registered.name });
  return made as Flow<NoParams, unknown>;
}

async function callFlow({ name }: RegisteredFlow, key: string | null, params: object): Promise<unknown> {
  const conductor = currentConductor();
  if (conductor === null) {
    throw new Error(`flow \`${name}\` is called outside a flow: start it with runFlow(${name}), or with flowctl run`);
  }
  const written = asJson(`the params of flow \`${name}\``, params);
  if (!isJsonObject(written)) throw new TypeError(`the params of flow \`${name}\` have to be an object`);
  // A flow's name may have a dot and begin with a digit; a step's may not.
  const step = name
    .replace(/[^A-Za-z0-9_-]/g, '_')
    .replace(/^(?=[^A-Za-z_])/, '_')
    .slice(0, 64);
  const outcome = await conductor.call({
    kind: 'flow',
    name: step,
    key,
    flow: name,
    params: written,
    needs: originsOf([params]),
    options: NO_OPTIONS,
  });
  if (outcome.kind === 'failed') throw new TaskError(outcome.step, outcome.attempts, outcome.failure);
  noteOrigin(outcome.outputs, outcome.step);
  return outcome.outputs;
}

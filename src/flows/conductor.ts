/**
 * Where the library that flows import meets the program that runs them: types, and the places under which the two find each other.
 *
 * Two copies of this file meet in one thread: that of the program (a script host, a function host), and that of the `flowctl` package
 * which user code imports. So nothing here is compared by identity: they share what stands under registered symbols, and its shape is
 * stable. The library asks (`Conductor`), the program answers; the library registers (`Registry`), the program looks up.
 *
 * This file must not know how a run is kept or where tasks run. Next: `task.ts` and `flow.ts`, which ask.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Json, JsonObject } from '../base/json.ts';
import type { CommandAction, OutputMode, ParamDefinition, RetryPolicy, StepDefinition } from '../model/flow.ts';
import type { FailureCode } from '../model/outcome.ts';

/** A retry policy with delays of its own for each retry. */
export interface RequestedRetry extends RetryPolicy {
  /** What the first, second ... retry waits for; the last one stands for all that follow. Null: as `delay_ms` and `backoff` say. */
  readonly delays_ms: readonly number[] | null;
}

/** What a call asks for beside its work, in the names and units of the normal form. Every text is literal, never a template. */
export interface RequestedOptions
  extends Pick<
    StepDefinition,
    'timeout_ms' | 'grace_ms' | 'if_lost' | 'resources' | 'priority' | 'secrets' | 'isolate' | 'artifacts'
  > {
  readonly retry: RequestedRetry;
  /** Null: it always runs. `key` null: the name of the task and the hash of its arguments. */
  readonly cache: { readonly key: string | null; readonly ttl_ms: number | null } | null;
  readonly tags: readonly string[];
  /** What people see beside the key; null: nothing. */
  readonly run_name: string | null;
}

/** What every request has. */
interface RequestBase {
  /** The name that the key is made of: a task's, a flow's, `sh`, `sleep`, `approval`. A step name by PRODUCT's rules. */
  readonly name: string;
  /** The caller's own key, for `name[key]`; null: counted by occurrence (`name`, `name#2` ...). */
  readonly key: string | null;
  /** Keys of the steps whose outputs are known to be in the arguments. */
  readonly needs: readonly string[];
  readonly options: RequestedOptions;
}

/** The functions of a task that can be called, each as a step of its own. `body` is the task itself. */
export type TaskPart = 'body' | 'on_success' | 'on_failure' | 'on_rollback';

/**
 * A call of a task. The arguments of the other parts are those of the body after one of their own: for `on_success` and
 * `on_rollback` the outputs, for `on_failure` the error as `{code, message, step, attempts}`.
 */
export interface TaskRequest extends RequestBase {
  readonly kind: 'task';
  readonly task: string;
  readonly part: TaskPart;
  /** Of a part other than the body: the key of the call it belongs to, so that its own is `<of>/on_success`. Else null. */
  readonly of: string | null;
  readonly arguments: readonly Json[];
}

/** A task called once per item; the outputs are the list of the items' outputs, null for an item that was allowed to fail. */
export interface MapRequest extends RequestBase {
  readonly kind: 'map';
  readonly task: string;
  /** The arguments of each item. */
  readonly arguments: readonly (readonly Json[])[];
  /** One name per item; null: their indices. */
  readonly keys: readonly string[] | null;
  /** Of each item, what functions of its arguments said of these options; absent: nothing. */
  readonly each?: readonly { readonly run_name: string | null; readonly cache_key: string | null }[];
  /** Null: no bound of its own. */
  readonly max_parallel: number | null;
  readonly tolerate: { readonly kind: 'count' | 'percent'; readonly value: number };
}

/** A command step. Of shell text `values` holds values, not templates: they are handed over as variables of these names. */
export interface CommandRequest extends RequestBase {
  readonly kind: 'command';
  readonly command: CommandAction;
  readonly env: { readonly [name: string]: string };
  /** Null: the flow file's folder. */
  readonly workdir: string | null;
  readonly stdin: string | null;
  readonly output: OutputMode;
  readonly success_codes: readonly number[];
}

/** Another flow as a run of its own, registered in the same thread under this name. Its outputs are what it returned. */
export interface FlowRequest extends RequestBase {
  readonly kind: 'flow';
  readonly flow: string;
  readonly params: JsonObject;
}

/** A wait. Outputs: null. */
export interface SleepRequest extends RequestBase {
  readonly kind: 'sleep';
  readonly ms: number;
}

/** A question to a person. Outputs: what was answered, as a step with `approve` has them. */
export interface ApprovalRequest extends RequestBase {
  readonly kind: 'approval';
  readonly message: string;
  readonly params: readonly ParamDefinition[];
  /** Null: it waits for ever. */
  readonly timeout_ms: number | null;
  readonly on_timeout: 'fail' | 'approve' | 'reject';
}

/** What a flow function, or a task, can ask for. */
export type CallRequest = TaskRequest | MapRequest | CommandRequest | FlowRequest | SleepRequest | ApprovalRequest;

/** Why a call failed. */
export interface CallFailure {
  readonly code: FailureCode | 'cancelled' | 'skipped';
  readonly message: string;
  /** The user's stack where there is one. */
  readonly detail: string | null;
  /** Of what a task threw: the error's name, such as `TypeError`. */
  readonly thrown: string | null;
}

/** How an item of a map ended. */
export type ItemOutcome =
  | { readonly kind: 'succeeded'; readonly index: number; readonly step: string; readonly outputs: Json }
  | { readonly kind: 'failed'; readonly index: number; readonly step: string; readonly failure: CallFailure };

/**
 * How a call ended, with its key and how many attempts it had (0: it was reused). `items`: of a map of which not all items succeeded,
 * those that ended, in order.
 */
export type CallOutcome = {
  readonly step: string;
  readonly attempts: number;
  readonly items?: readonly ItemOutcome[];
} & (
  | { readonly kind: 'succeeded'; readonly outputs: Json }
  | { readonly kind: 'failed'; readonly failure: CallFailure }
);

/** What is taken from the outside and recorded, so that a replay sees the same. */
export type RecordedKind = 'now' | 'random' | 'uuid';

/** What the library asks of whoever runs a flow function, or a task that calls tasks. */
export interface Conductor {
  /** Where the caller is: in the body of a flow function, or in an attempt of a task. */
  readonly place: 'flow' | 'task';
  /**
   * Makes a step of a call. The key is taken before this returns.
   * @returns how it ended, never rejecting: the library makes the error that the caller sees, so that one which nobody handles is an
   * unhandled rejection of the thread, which fails the run. Settled only when the outcome is durable, one at a time, and the next only
   * when the thread is quiet again. Never settled when the run is given up meanwhile.
   * @throws {Error} with a sentence, for a key that cannot be one or was used before.
   */
  call(request: CallRequest): Promise<CallOutcome>;
  /** The next recorded value of a replay, else what `make` gives, recorded. In a task: what `make` gives. */
  record(kind: RecordedKind, make: () => number | string): number | string;
}

/** A task as the program calls it. */
export interface RegisteredTask {
  readonly name: string;
  /** The value of `Registry.loading` when it was made. */
  readonly module: string | null;
  /** Where it was made, `file:line:column` as the stack says. */
  readonly place: string;
  /** The parts that it has; always `body`. */
  readonly parts: readonly TaskPart[];
  readonly options: RequestedOptions;
  /**
   * Calls one of its functions with arguments as they were requested; resolves with JSON, or a value that is not JSON, which the caller
   * of this has to tell. Rejects as the function does.
   * @param instead called in place of the function of the part.
   */
  invoke(part: TaskPart, args: readonly Json[], instead?: (...args: readonly unknown[]) => unknown): Promise<unknown>;
  /**
   * Asks `retryIf` and a delay function about an attempt of the body that failed; both null where the options have no function.
   * A function that throws rejects: the attempt is not tried again.
   * @param attempt counted from 1.
   */
  judge(error: unknown, attempt: number): Promise<{ readonly retry: boolean | null; readonly delay_ms: number | null }>;
}

/** What is wrong with params. */
export interface ParamsProblem {
  /** The name of the param and where in it, such as `rows[3].when`; empty: of all. */
  readonly path: string;
  readonly message: string;
}

/** A flow as the program runs it. */
export interface RegisteredFlow {
  readonly name: string;
  readonly module: string | null;
  readonly place: string;
  readonly kind: 'imperative' | 'declarative';
  /**
   * The options, with `steps` for a declarative flow, as a document in the keys of YAML: plain JSON that the loader of YAML checks and
   * normalises. A function stands in it as `call: ./<file>#<name>`, with a name that begins with `$`, where `function(name)` finds it.
   * Every text of an imperative flow's options but `run_name`, `concurrency.group` and defaults of params is literal.
   */
  readonly document: JsonObject;
  /** True: a Standard Schema checks the params, `document` has none, and `params()` has to be asked. */
  readonly checksParams: boolean;
  /** The params as the body is to get them, or what is wrong with them. Only where `checksParams`. */
  params(
    given: JsonObject,
  ): Promise<
    | { readonly ok: true; readonly value: JsonObject }
    | { readonly ok: false; readonly problems: readonly ParamsProblem[] }
  >;
  /**
   * Calls the flow function of an imperative flow: settles as it does, with what it returned, whatever that is. Where it checks params
   * itself, with those that were given.
   */
  invoke(params: JsonObject): Promise<unknown>;
  /** A function of a declarative flow, or a handler of any, by its name in the document, such as `$nightly$steps$load$call`. */
  function(name: string): ((input: Json, context: unknown) => unknown) | null;
}

/** What was made in this thread, in the order in which it was made. */
export interface Registry {
  /** Set by a host before it imports a module: whose tasks and flows those are. Null in programs. */
  loading: string | null;
  /** Files of the library, as stacks write them: frames in them tell a user nothing. */
  readonly libraries: Set<string>;
  readonly tasks: RegisteredTask[];
  readonly flows: RegisteredFlow[];
}

/** A flow, as its module exports it, has this member under `Symbol.for('flowctl.flow')`. */
export const FLOW = Symbol.for('flowctl.flow');
/** A task has the function that it is made of under this. */
export const BODY = Symbol.for('flowctl.task-body');
const REGISTRY = Symbol.for('flowctl.registry');
const CONDUCTOR = Symbol.for('flowctl.conductor');

/** The registry of this thread. */
export function registry(): Registry {
  const shared = globalThis as { [REGISTRY]?: Registry };
  shared[REGISTRY] ??= { loading: null, libraries: new Set(), tasks: [], flows: [] };
  return shared[REGISTRY];
}

/** The flow behind an export, or null. */
export function flowBehind(exported: unknown): RegisteredFlow | null {
  if ((typeof exported !== 'function' && typeof exported !== 'object') || exported === null) return null;
  return (exported as { readonly [FLOW]?: RegisteredFlow })[FLOW] ?? null;
}

/**
 * The function that a `call` means: of a task the one that it is made of, for the step itself is there already; of anything else itself.
 * Null for what is no function.
 */
export function functionBehind(exported: unknown): ((input: Json, context: unknown) => unknown) | null {
  const body = typeof exported === 'function' ? ((exported as { readonly [BODY]?: unknown })[BODY] ?? exported) : null;
  return body as ((input: Json, context: unknown) => unknown) | null;
}

/** A function inside of a flow, by its name in the flow's document; of the module when that has one. */
export function functionInFlow(
  module: string | null,
  name: string,
): ((input: Json, context: unknown) => unknown) | null {
  const { flows } = registry();
  const nearestFirst = [...flows.filter((flow) => flow.module === module), ...flows];
  for (const flow of nearestFirst) {
    const found = flow.function(name);
    if (found !== null) return found;
  }
  return null;
}

/** A task by name: of the module when that has one, else of any, as packages are loaded once for all modules. */
export function registeredTask(module: string | null, name: string): RegisteredTask | null {
  const named = registry().tasks.filter((task) => task.name === name);
  return named.find((task) => task.module === module) ?? named.at(-1) ?? null;
}

/** A flow by name, as `registeredTask`. */
export function registeredFlow(module: string | null, name: string): RegisteredFlow | null {
  const named = registry().flows.filter((flow) => flow.name === name);
  return named.find((flow) => flow.module === module) ?? named.at(-1) ?? null;
}

function storage(): AsyncLocalStorage<Conductor> {
  const shared = globalThis as { [CONDUCTOR]?: AsyncLocalStorage<Conductor> };
  shared[CONDUCTOR] ??= new AsyncLocalStorage();
  return shared[CONDUCTOR];
}

/** Whom the calling code asks, also behind `await` and in callbacks; null outside flows and tasks. */
export const currentConductor = (): Conductor | null => storage().getStore() ?? null;

/** Calls a function with a conductor: tasks and flows that it calls ask this one. */
export const conducted = <T>(conductor: Conductor, call: () => T): T => storage().run(conductor, call);

/**
 * Tasks: functions whose calls are steps. This file says what a task is to its users; how a call becomes a step is `task-call.ts`.
 * Where next: `flow.ts`, whose functions call them.
 */

import { parseStepId } from '../base/ids.ts';
import { BODY, registry } from './conductor.ts';
import type { ArgumentsAreJson, Outputs } from './jsonify.ts';
import { placeOfCaller, refuseInsideFlow, registerTask } from './making.ts';
import {
  checkNames,
  type Duration,
  NO_OPTIONS,
  OptionError,
  refuse,
  requestedOptions,
  STEP_OPTION_NAMES,
  type StepOptions,
} from './options.ts';
import { callTask, mapTask, type TaskSettings } from './task-call.ts';
import { partsOf, registeredTaskOf, type TaskFunctions } from './task-parts.ts';
import type { Serializer } from './values.ts';

export type { Serializer } from './values.ts';

/** What a failed call is told to `onFailure`. */
export interface CallProblem {
  readonly step: string;
  readonly attempts: number;
  readonly code: string;
  readonly message: string;
}

/** Options of a task. */
export interface TaskOptions<A extends readonly unknown[], R> extends StepOptions<A> {
  /** Writes arguments and results that are not JSON. Default: they have to be JSON. */
  readonly serializer?: Serializer;
  /** Runs after a call that succeeded, as a step of its own (`save/on_success`). When it fails, the run does. */
  readonly onSuccess?: (outputs: R, ...args: A) => unknown;
  /** Runs after a call that failed for good (`save/on_failure`). */
  readonly onFailure?: (problem: CallProblem, ...args: A) => unknown;
  /** Undoes a call that succeeded, when the `transaction()` around it fails (`save/on_rollback`). */
  readonly onRollback?: (outputs: R, ...args: A) => unknown;
}

/** Options of one call, above those of the task. What is a function runs where the call is made, so `retry` takes data only. */
export interface CallOptions<A extends readonly unknown[]> extends StepOptions<A> {
  /** The call's place in the run, `save[key]`, instead of its number. Each key once. */
  readonly key?: string | number;
}

/** How many items of a map may fail: a number, or a part such as `10%`. */
export type Tolerance = number | `${number}%`;

/** Options of a map. */
export interface MapOptions<I, A extends readonly unknown[], T extends Tolerance | undefined = Tolerance | undefined> {
  /** The arguments for an item. Default: the item alone. */
  readonly args?: (item: I, index: number) => A;
  /** An item's name, `transform[name]`; each once. Default: its index. */
  readonly key?: (item: I, index: number) => string | number;
  /** How many items may be under way at once. Default: what the run allows. */
  readonly maxParallel?: number;
  /** How many items may fail; the results of those are null. Default: none. */
  readonly tolerate?: T;
}

/** The result of a map: where items may fail, some may be null. */
type MapResult<R, T> = [T] extends [undefined] ? R[] : (R | null)[];

/** A task: call it as the function that it is made of. */
export interface Task<A extends readonly unknown[], R> {
  /** Inside a flow, a step; inside a task, a step within that one's. Elsewhere, a plain call of the function. */
  (...args: A): Promise<R>;
  readonly taskName: string;
  /** The same task with options of one call above its own. */
  with(options: CallOptions<A>): Task<A, R>;
  /**
   * Calls the task for every item, as the steps `name[0]`, `name[1]` ...
   * @returns the results in the order of the items.
   */
  map<const T extends Tolerance | undefined = undefined>(
    items: A extends readonly [infer First, ...infer Rest]
      ? [] extends Rest
        ? Iterable<First>
        : never
      : Iterable<A[0]>,
    options?: Omit<MapOptions<A[0], A, T>, 'args'> & { readonly args?: undefined },
  ): Promise<MapResult<R, T>>;
  map<I, const T extends Tolerance | undefined = undefined>(
    items: Iterable<I>,
    options: MapOptions<I, A, T> & { readonly args: (item: I, index: number) => A },
  ): Promise<MapResult<R, T>>;
}

/** A function with any arguments. */
type AnyTaskFunction = (...args: never) => unknown;

const TASK_OPTION_NAMES = [...STEP_OPTION_NAMES, 'serializer', 'onSuccess', 'onFailure', 'onRollback'] as const;

/**
 * Makes a task of a function. Arguments and results have to be JSON, or `serializer` writes them; results are typed as they are after
 * their way through JSON.
 *
 * Every call inside a flow is a step: recorded under the task's name and its occurrence (`save`, `save#2`) or key, with a hash of its
 * arguments, before the flow sees how it ended. A resumed flow gets recorded results without running the task again.
 * @param name `[A-Za-z_][A-Za-z0-9_-]{0,63}`, once in a thread.
 * @throws {OptionError} for options that are none; {Error} for a name that is taken, and inside a flow function.
 * @example
 * const download = task('download', { retry: { max: 3, delay: '1s' }, timeout: '1m' }, async (url: string) => {
 *   const response = await fetch(url, { signal: context().signal });
 *   return response.text();
 * });
 */
export function task<F extends AnyTaskFunction>(
  name: string,
  body: F & ArgumentsAreJson<Parameters<F>>,
): Task<Parameters<F>, Outputs<ReturnType<F>>>;
/** With a serializer: arguments and results may be whatever it can write. */
export function task<F extends AnyTaskFunction>(
  name: string,
  options: TaskOptions<Parameters<F>, Awaited<ReturnType<F>>> & { readonly serializer: Serializer },
  body: F,
): Task<Parameters<F>, Awaited<ReturnType<F>>>;
/** With options, between the name and the function. */
export function task<F extends AnyTaskFunction>(
  name: string,
  options: TaskOptions<Parameters<F>, Outputs<ReturnType<F>>> & { readonly serializer?: undefined },
  body: F & ArgumentsAreJson<Parameters<F>>,
): Task<Parameters<F>, Outputs<ReturnType<F>>>;
/** What stands behind the signatures above. */
export function task(
  name: string,
  ...rest: readonly [(...args: never) => unknown] | readonly [TaskOptions<never, never>, (...args: never) => unknown]
): Task<readonly unknown[], unknown> {
  const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest;
  const owner = `task \`${name}\``;
  refuseInsideFlow(owner);
  if (parseStepId(name) === null) {
    throw new OptionError(
      `\`${name}\` cannot be the name of a task: letters, digits, _ and -, at most 64, no digit first`,
    );
  }
  if (typeof body !== 'function') refuse(owner, 'it is made of a function, the last argument of task()');
  if (typeof options !== 'object' || options === null) refuse(owner, 'its options have to be an object');
  checkNames(owner, options, TASK_OPTION_NAMES);
  const { serializer = null, onSuccess, onFailure, onRollback, retry, ...others } = options;
  const given = retry === undefined ? others : { ...others, retry };
  const functions = { body, onSuccess, onFailure, onRollback, serializer, retry } as unknown as TaskFunctions;
  const beneath = requestedOptions(owner, given as StepOptions<never>, NO_OPTIONS, null);
  const parts = partsOf(owner, functions);
  registerTask(
    registeredTaskOf({ name, module: registry().loading, place: placeOfCaller(), parts, options: beneath }, functions),
  );
  return taskOf({ name, functions, parts, given: [given as StepOptions<never>], beneath, key: null });
}

/** What users call. */
function taskOf(settings: TaskSettings): Task<readonly unknown[], unknown> {
  const { name } = settings;
  const call = (...args: readonly unknown[]): Promise<unknown> => callTask(settings, args);
  const made = Object.assign(call, {
    [BODY]: settings.functions.body,
    taskName: name,
    with: (options: CallOptions<readonly unknown[]>) => taskOf(withOptions(settings, options)),
    map: (items: Iterable<unknown>, options: MapOptions<unknown, readonly unknown[]> = {}) =>
      mapTask(settings, items, options),
  });
  Object.defineProperty(made, 'name', { value: name });
  return made as Task<readonly unknown[], unknown>;
}

function withOptions(settings: TaskSettings, options: CallOptions<readonly unknown[]>): TaskSettings {
  const owner = `task \`${settings.name}\`.with()`;
  checkNames(owner, options, ['key', ...STEP_OPTION_NAMES]);
  const { key = settings.key, ...given } = options;
  const retry = given.retry;
  if (typeof retry === 'object' && (typeof retry.delay === 'function' || retry.retryIf !== undefined)) {
    refuse(owner, 'functions of `retry` belong to the task, which is asked where it runs');
  }
  const read = given as StepOptions<never>;
  const beneath = requestedOptions(owner, read, settings.beneath, null);
  return { ...settings, key: key === null ? null : String(key), given: [...settings.given, read], beneath };
}

/** A duration as options take it; see `Duration`. @internal */
export type { Duration };

/** From a call of a task to a step, and from the step's end to what the caller gets. */

import type { Json } from '../base/json.ts';
import {
  type CallFailure,
  type CallOutcome,
  type Conductor,
  type ItemOutcome,
  currentConductor,
  type MapRequest,
  type RequestedOptions,
  type TaskPart,
} from './conductor.ts';
import { dependOnArguments, refuse, requestedOptions, type StepOptions, wholeNumber } from './options.ts';
import type { MapOptions } from './task.ts';
import { TaskError } from './task-error.ts';
import type { TaskFunctions } from './task-parts.ts';
import { currentTransaction } from './transaction.ts';
import { noteOrigin, originsOf, readValue, writeArguments } from './values.ts';

/** A task with the options of one call. */
export interface TaskSettings {
  readonly name: string;
  readonly functions: TaskFunctions;
  readonly parts: readonly TaskPart[];
  /** The options as they were given, those of the task first. */
  readonly given: readonly StepOptions<never>[];
  /** The same, read without arguments. */
  readonly beneath: RequestedOptions;
  readonly key: string | null;
}

/** A call, or an item of a map, that ended. */
interface Ended {
  readonly step: string;
  readonly arguments: readonly Json[];
}

/** The options of a call, for some depend on its arguments. */
function optionsFor(settings: TaskSettings, args: readonly unknown[]): RequestedOptions {
  if (!settings.given.some(dependOnArguments)) return settings.beneath;
  return settings.given.reduce<RequestedOptions>(
    (beneath, given) => requestedOptions(`task \`${settings.name}\``, given, beneath, args),
    settings.beneath,
  );
}

function itemOptions(settings: TaskSettings, args: readonly unknown[]): NonNullable<MapRequest['each']>[number] {
  const { run_name, cache } = optionsFor(settings, args);
  return { run_name, cache_key: cache?.key ?? null };
}

/** Calls one of the hooks as a step of its own. @throws {TaskError} when it fails. */
async function callHook(
  conductor: Conductor,
  settings: TaskSettings,
  part: TaskPart,
  first: Json,
  ended: Ended,
): Promise<void> {
  const { name, beneath } = settings;
  const outcome = await conductor.call({
    kind: 'task',
    name,
    key: null,
    task: name,
    part,
    of: ended.step,
    arguments: [first, ...ended.arguments],
    needs: [ended.step],
    options: { ...beneath, cache: null, run_name: null },
  });
  if (outcome.kind === 'failed') throw new TaskError(outcome.step, outcome.attempts, outcome.failure);
}

/** What follows a success: the hook runs beside the flow, which is not over before; a failing one that nobody awaits fails the run. */
function afterSuccess(conductor: Conductor, settings: TaskSettings, outputs: Json, ended: Ended): void {
  if (settings.parts.includes('on_rollback')) {
    currentTransaction()?.succeeded(() => callHook(conductor, settings, 'on_rollback', outputs, ended));
  }
  if (settings.parts.includes('on_success')) void callHook(conductor, settings, 'on_success', outputs, ended);
}

function afterFailure(
  conductor: Conductor,
  settings: TaskSettings,
  failure: CallFailure,
  attempts: number,
  ended: Ended,
): void {
  if (!settings.parts.includes('on_failure')) return;
  const problem = { step: ended.step, attempts, code: failure.code, message: failure.message };
  void callHook(conductor, settings, 'on_failure', problem, ended);
}

/** Tells the transaction around a call of it. */
export function inTransaction<T>(call: Promise<T>): Promise<T> {
  currentTransaction()?.made(call);
  return call;
}

/** Calls a task. Its key is taken before this returns. */
export const callTask = (settings: TaskSettings, args: readonly unknown[]): Promise<unknown> => {
  const conductor = currentConductor();
  return conductor === null ? callPlainly(settings, args) : inTransaction(callAsStep(conductor, settings, args));
};

async function callPlainly({ functions }: TaskSettings, args: readonly unknown[]): Promise<unknown> {
  return functions.body(...args);
}

async function callAsStep(conductor: Conductor, settings: TaskSettings, args: readonly unknown[]): Promise<unknown> {
  const { name, key, functions } = settings;
  const written = writeArguments(name, args, functions.serializer);
  const outcome = await conductor.call({
    kind: 'task',
    name,
    key,
    task: name,
    part: 'body',
    of: null,
    arguments: written,
    needs: originsOf(args),
    options: optionsFor(settings, args),
  });
  const ended = { step: outcome.step, arguments: written };
  if (outcome.kind === 'failed') {
    afterFailure(conductor, settings, outcome.failure, outcome.attempts, ended);
    throw new TaskError(outcome.step, outcome.attempts, outcome.failure);
  }
  afterSuccess(conductor, settings, outcome.outputs, ended);
  const value = readValue(outcome.outputs, functions.serializer);
  noteOrigin(value, outcome.step);
  return value;
}

type AnyMapOptions = MapOptions<unknown, readonly unknown[]>;

function toleranceOf(owner: string, tolerate: AnyMapOptions['tolerate']): { kind: 'count' | 'percent'; value: number } {
  if (tolerate === undefined) return { kind: 'count', value: 0 };
  const percent = typeof tolerate === 'string' ? /^(\d+(?:\.\d+)?)%$/.exec(tolerate)?.[1] : undefined;
  if (percent !== undefined && Number(percent) <= 100) return { kind: 'percent', value: Number(percent) };
  if (typeof tolerate === 'string') refuse(owner, "`tolerate` has to be a number, or a part such as '10%'");
  return { kind: 'count', value: wholeNumber(owner, 'tolerate', tolerate, 0, 1_000_000) };
}

/** Calls a task for every item. Its key is taken before this returns. */
export const mapTask = (
  settings: TaskSettings,
  items: Iterable<unknown>,
  options: AnyMapOptions,
): Promise<unknown[]> => {
  const conductor = currentConductor();
  const list = [...items];
  const args = list.map((item, index) => options.args?.(item, index) ?? [item]);
  return conductor === null
    ? Promise.all(args.map((each) => callPlainly(settings, each)))
    : inTransaction(mapAsStep(conductor, settings, { list, origins: originsOf([items]) }, args, options));
};

async function mapAsStep(
  conductor: Conductor,
  settings: TaskSettings,
  { list: items, origins }: { readonly list: readonly unknown[]; readonly origins: readonly string[] },
  args: readonly (readonly unknown[])[],
  { key, maxParallel, tolerate }: AnyMapOptions,
): Promise<unknown[]> {
  const { name, functions } = settings;
  const owner = `task \`${name}\`.map()`;
  const written = args.map((each) => writeArguments(name, each, functions.serializer));
  const keys = key === undefined ? null : items.map((item, index) => String(key(item, index)));
  const outcome = await conductor.call({
    kind: 'map',
    name,
    key: settings.key,
    task: name,
    arguments: written,
    keys,
    max_parallel: maxParallel === undefined ? null : wholeNumber(owner, 'maxParallel', maxParallel, 1, 100_000),
    tolerate: toleranceOf(owner, tolerate),
    ...(settings.given.some(dependOnArguments) ? { each: args.map((each) => itemOptions(settings, each)) } : {}),
    // The list is a copy of what was given, which is what is known to have come from a call.
    needs: [...new Set([...origins, ...originsOf([items, ...args.slice(0, 1_000)])])],
    options: settings.beneath,
  });
  tellItems(conductor, settings, outcome, written, keys);
  if (outcome.kind === 'failed') throw new TaskError(outcome.step, outcome.attempts, outcome.failure);
  const outputs = [...(outcome.outputs as readonly Json[])];
  const values =
    functions.serializer === null
      ? outputs
      : outputs.map((each) => (each === null ? null : readValue(each, functions.serializer)));
  noteOrigin(values, outcome.step);
  return values;
}

/** The items of a map of which all succeeded. */
function succeededItems(outcome: CallOutcome, keys: readonly string[] | null): readonly ItemOutcome[] {
  if (outcome.kind === 'failed') return [];
  return (outcome.outputs as readonly Json[]).map((outputs, index) => {
    return { kind: 'succeeded', index, step: `${outcome.step}[${keys?.[index] ?? index}]`, outputs };
  });
}

/** What follows the end of each item, where the task has anything to do then. */
function tellItems(
  conductor: Conductor,
  settings: TaskSettings,
  outcome: CallOutcome,
  written: readonly (readonly Json[])[],
  keys: readonly string[] | null,
): void {
  if (settings.parts.length === 1) return;
  for (const item of outcome.items ?? succeededItems(outcome, keys)) {
    const ended = { step: item.step, arguments: written[item.index] ?? [] };
    if (item.kind === 'succeeded') afterSuccess(conductor, settings, item.outputs, ended);
    else afterFailure(conductor, settings, item.failure, 0, ended);
  }
}

/** A task as the program calls it: its functions by their parts, with values read and written. */

import type { Json } from '../base/json.ts';
import type { RegisteredTask, TaskPart } from './conductor.ts';
import { type Duration, milliseconds, refuse, type RetryOptions } from './options.ts';
import { readValue, type Serializer } from './values.ts';

type AnyFunction = (...args: readonly unknown[]) => unknown;

/** What a task is made of that is no data. */
export interface TaskFunctions {
  readonly body: AnyFunction;
  readonly onSuccess: AnyFunction | undefined;
  readonly onFailure: AnyFunction | undefined;
  readonly onRollback: AnyFunction | undefined;
  readonly serializer: Serializer | null;
  readonly retry: number | RetryOptions | undefined;
}

const HOOKS = [
  ['on_success', 'onSuccess'],
  ['on_failure', 'onFailure'],
  ['on_rollback', 'onRollback'],
] as const;

/** The parts that a task has. @throws {OptionError} for a hook that is no function. */
export function partsOf(owner: string, functions: TaskFunctions): readonly TaskPart[] {
  const hooks = HOOKS.filter(([, name]) => functions[name] !== undefined);
  for (const [, name] of hooks)
    if (typeof functions[name] !== 'function') refuse(owner, `\`${name}\` has to be a function`);
  return ['body', ...hooks.map(([part]) => part)];
}

const functionOf = (functions: TaskFunctions, part: TaskPart): AnyFunction | undefined => {
  const hook = HOOKS.find(([name]) => name === part);
  return hook === undefined ? functions.body : functions[hook[1]];
};

/** What the registry keeps of a task. */
export function registeredTaskOf(
  facts: Pick<RegisteredTask, 'name' | 'module' | 'place' | 'parts' | 'options'>,
  functions: TaskFunctions,
): RegisteredTask {
  const { serializer, retry } = functions;
  const policy: Partial<RetryOptions> = typeof retry === 'object' ? retry : {};
  return {
    ...facts,
    async invoke(part, args, instead) {
      // A problem is data of ours; outputs and arguments were written as the task writes its own.
      const read = (json: Json, index: number): unknown =>
        part === 'on_failure' && index === 0 ? json : readValue(json, serializer);
      const called = instead ?? functionOf(functions, part);
      if (called === undefined) throw new Error(`task \`${facts.name}\` has no ${part} any more`);
      const returned: unknown = await called(...args.map(read));
      if (part !== 'body') return null;
      return serializer === null ? returned : serializer.stringify(returned);
    },
    async judge(error, attempt) {
      const { retryIf, delay } = policy;
      const wanted = retryIf === undefined ? null : Boolean(await retryIf(error, attempt));
      if (wanted === false || typeof delay !== 'function') return { retry: wanted, delay_ms: null };
      const chosen: Duration = delay(attempt, error);
      return { retry: wanted, delay_ms: milliseconds(`task \`${facts.name}\``, 'retry.delay', chosen) };
    },
  };
}

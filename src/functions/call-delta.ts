/**
 * A call on its way to a host, less what the host knows from the call before: most calls of a run have their environment and their run
 * in common, and copying those into another thread costs more than most tasks do. What is sent last is known; messages keep their order.
 */

import { Bug } from '../base/result.ts';
import type { ContextFacts, FunctionCall } from './messages.ts';

/** What of an environment is new. */
export interface EnvironmentDelta {
  readonly set: { readonly [name: string]: string };
  readonly unset: readonly string[];
}

/** Which function is called. */
type Target = Pick<FunctionCall, 'module' | 'export' | 'task'> & { readonly url: string };

/** What of a call is new. */
export interface CallDelta extends Omit<FunctionCall, 'env' | 'context' | keyof Target> {
  /** Absent where it is the one before. */
  readonly target?: Target;
  readonly env: EnvironmentDelta;
  readonly context: Partial<ContextFacts>;
}

/** The pool's side: one for each host. */
export class CallWriter {
  #target: Target | null = null;
  #env: FunctionCall['env'] = NOTHING;
  #context: Partial<ContextFacts> = {};

  write(url: string, { env, context, module, export: name, task, input, log, secrets }: FunctionCall): CallDelta {
    const last = this.#target;
    const isSame = last !== null && last.url === url && last.export === name && last.task === task;
    if (!isSame) this.#target = { url, module, export: name, ...(task === undefined ? {} : { task }) };
    const delta: CallDelta = {
      input,
      log,
      ...(secrets === undefined ? {} : { secrets }),
      ...(isSame || this.#target === null ? {} : { target: this.#target }),
      env: environmentDelta(this.#env, env),
      context: membersThatDiffer(this.#context, context),
    };
    this.#env = env;
    this.#context = context;
    return delta;
  }
}

/** The host's side. */
export class CallReader {
  #target: Target | null = null;
  #context: Partial<ContextFacts> = {};

  /** @returns what is called, and the context, as they were given to the writer. */
  read({ target, context }: Pick<CallDelta, 'target' | 'context'>): {
    readonly target: Target;
    readonly facts: ContextFacts;
  } {
    this.#target = target ?? this.#target;
    if (this.#target === null) throw new Bug('the first call of a host does not say what is called');
    this.#context = { ...this.#context, ...context };
    return { target: this.#target, facts: this.#context as ContextFacts };
  }
}

const NOTHING: FunctionCall['env'] = { shared: {}, own: {} };

/** What makes one environment of another. */
export function environmentDelta(before: FunctionCall['env'], after: FunctionCall['env']): EnvironmentDelta {
  if (before.shared === after.shared) return variablesThatDiffer(before.own, after.own, after.shared);
  return variablesThatDiffer(whole(before), whole(after), {});
}

type Variables = { readonly [name: string]: string };

const whole = ({ shared, own }: FunctionCall['env']): Variables => Object.assign(Object.create(null), shared, own);

/** @param below what a variable is where the environment after has none of its own. */
function variablesThatDiffer(before: Variables, after: Variables, below: Variables): EnvironmentDelta {
  const set: { [name: string]: string } = {};
  const unset: string[] = [];
  for (const name in after) {
    const value = after[name];
    if (value !== undefined && before[name] !== value) put(set, name, value);
  }
  for (const name in before) {
    if (Object.hasOwn(after, name)) continue;
    const value = Object.hasOwn(below, name) ? below[name] : undefined;
    if (value === undefined) unset.push(name);
    else put(set, name, value);
  }
  return { set, unset };
}

/** A variable may bear any name. An object without a prototype would do as well, but V8 is slow with those. */
function put(set: { [name: string]: string }, name: string, value: string): void {
  if (name !== '__proto__') set[name] = value;
  else Object.defineProperty(set, name, { value, enumerable: true, configurable: true, writable: true });
}

/** A context has the same members every time. */
function membersThatDiffer(before: Partial<ContextFacts>, after: ContextFacts): Partial<ContextFacts> {
  const differing: { -readonly [Name in keyof ContextFacts]?: unknown } = {};
  for (const name in after) {
    const member = name as keyof ContextFacts;
    if (before[member] !== after[member]) differing[member] = after[member];
  }
  return differing as Partial<ContextFacts>;
}

/**
 * A call on its way to a host, less what the host knows from the call before: most calls of a run have their environment and their run
 * in common, and copying those into another thread costs more than most tasks do. What is sent last is known; messages keep their order.
 */

import type { ContextFacts, FunctionCall } from './messages.ts';

/** What of an environment is new. */
export interface EnvironmentDelta {
  readonly set: { readonly [name: string]: string };
  readonly unset: readonly string[];
}

/** What of a call is new. */
export interface CallDelta extends Omit<FunctionCall, 'env' | 'context'> {
  readonly url: string;
  readonly env: EnvironmentDelta;
  readonly context: Partial<ContextFacts>;
}

/** The pool's side: one for each host. */
export class CallWriter {
  #env: FunctionCall['env'] = NOTHING;
  #context: Partial<ContextFacts> = {};

  write(url: string, { env, context, ...call }: FunctionCall): CallDelta {
    const delta = {
      ...call,
      url,
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
  #context: Partial<ContextFacts> = {};

  /** @returns the context as it was given to the writer. */
  read({ context }: Pick<CallDelta, 'context'>): ContextFacts {
    this.#context = { ...this.#context, ...context };
    return this.#context as ContextFacts;
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
  const set: { [name: string]: string } = Object.create(null);
  const unset: string[] = [];
  for (const name in after) {
    const value = after[name];
    if (value !== undefined && before[name] !== value) set[name] = value;
  }
  for (const name in before) {
    if (Object.hasOwn(after, name)) continue;
    const value = Object.hasOwn(below, name) ? below[name] : undefined;
    if (value === undefined) unset.push(name);
    else set[name] = value;
  }
  return { set, unset };
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

/**
 * What a function knows about the attempt it runs in. Two copies of this file meet in one thread: the host's, which sets the context,
 * and that of the `flowctl` package which user code imports. They share one storage under a registered symbol; its shape is stable.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { JsonObject } from '../base/json.ts';

/** The attempt that a function runs in. */
export interface StepContext {
  readonly run: string;
  /** The flow's name. */
  readonly flow: string;
  /** The step's key. */
  readonly step: string;
  /** Counted from 1, going on across resumes. */
  readonly attempt: number;
  /** The run's private folder, absolute. */
  readonly run_dir: string;
  /** The step's working directory, absolute. A thread cannot change its own: resolve relative paths against this one. */
  readonly workdir: string;
  /** The same for every attempt of this step in this run. */
  readonly idempotency_key: string;
  /** The values of the secrets that the step names (`secrets`, or in `env` and `with`), by name. Printed as a whole they are hidden. */
  readonly secrets: { readonly [name: string]: string };
  /** The project's values that expressions see as `vars`. */
  readonly vars: JsonObject;
  /** Aborted when the attempt is asked to end, by a timeout or a cancellation; after the grace time the thread is ended. */
  readonly signal: AbortSignal;
}

const STORAGE = Symbol.for('flowctl.context');

function storage(): AsyncLocalStorage<StepContext> {
  const shared = globalThis as { [STORAGE]?: AsyncLocalStorage<StepContext> };
  shared[STORAGE] ??= new AsyncLocalStorage();
  return shared[STORAGE];
}

/**
 * The attempt that the calling code runs in, also behind `await` and in callbacks.
 * @throws {Error} outside a function that flowctl called.
 */
export function context(): StepContext {
  const current = currentContext();
  if (current === null) throw new Error('context() is only available inside a function that flowctl called');
  return current;
}

/** As `context`, but null outside. @internal */
export const currentContext = (): StepContext | null => storage().getStore() ?? null;

/** Calls a function so that `context()` answers inside it. @internal */
export const runInContext = <T>(current: StepContext, call: () => T): T => storage().run(current, call);

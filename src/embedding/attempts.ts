/** The attempts of a step in a rehearsal: retries by its policy, and a timeout of each. */

import type { Json } from '../base/json.ts';
import { retryDelay } from '../engine/verdict.ts';
import type { CallFailure, CallOutcome, RegisteredTask, RequestedOptions } from '../flows/conductor.ts';
import { asJson } from '../flows/values.ts';
import { runInContext, type StepContext } from '../functions/context.ts';
import { describeThrown } from '../functions/thrown.ts';
import type { RehearsalClock } from './rehearsal-clock.ts';

/** How an attempt ended. */
export type Ended =
  | { readonly kind: 'succeeded'; readonly outputs: Json }
  | { readonly kind: 'failed'; readonly failure: CallFailure };

/** What is tried. */
export interface Trial extends Pick<RegisteredTask, 'judge'> {
  call(): Promise<unknown>;
}

class TimedOut extends Error {}

/** What was thrown, as a record would have it. */
export function failureOf(error: unknown): CallFailure {
  const { name, message, stack } = describeThrown(error, null);
  const code = error instanceof TimedOut ? 'timed_out' : 'thrown';
  return { code, message: `${name}: ${message}`, detail: stack === '' ? null : stack, thrown: name };
}

/** Runs attempts. */
export class Attempts {
  readonly #clock: RehearsalClock;
  readonly #facts: Omit<StepContext, 'step' | 'attempt' | 'signal' | 'idempotency_key'>;

  /** @param facts what `context()` says in all of them. */
  constructor(clock: RehearsalClock, facts: Omit<StepContext, 'step' | 'attempt' | 'signal' | 'idempotency_key'>) {
    this.#clock = clock;
    this.#facts = facts;
  }

  /** Tries until it succeeds or the policy gives up. Never rejects. */
  async run({ retry, timeout_ms }: RequestedOptions, step: string, trial: Trial): Promise<CallOutcome> {
    for (let attempt = 1; ; attempt += 1) {
      const controller = new AbortController();
      try {
        const called = this.#inContext(step, attempt, controller.signal, () => trial.call());
        const returned = await (timeout_ms === null ? called : within(called, timeout_ms, controller));
        const outputs = asJson(`what \`${step}\` returned`, returned ?? null);
        return { kind: 'succeeded', step, attempts: attempt, outputs };
      } catch (error) {
        const cause = error instanceof TimedOut ? 'timed_out' : 'failed';
        const failure = failureOf(error);
        const { retry: wanted, delay_ms } = await trial
          .judge(error, attempt)
          .catch(() => ({ retry: false, delay_ms: null }));
        if (attempt > retry.max || wanted === false || !retry.on.includes(cause)) {
          return { kind: 'failed', step, attempts: attempt, failure };
        }
        const listed = retry.delays_ms?.[Math.min(attempt, retry.delays_ms.length) - 1];
        // Half way: a rehearsal is the same each time.
        const delay = delay_ms ?? (listed === undefined ? retryDelay(retry, attempt, 0.5) : listed);
        this.#clock.end();
        await this.#clock.wait(delay);
        this.#clock.begin();
      }
    }
  }

  /** Calls something as the body of a flow. @param step empty for the run's own. */
  inFlow<T>(step: string, call: () => T): T {
    return this.#inContext(step, 1, new AbortController().signal, call);
  }

  #inContext<T>(step: string, attempt: number, signal: AbortSignal, call: () => T): T {
    return runInContext({ ...this.#facts, step, attempt, signal, idempotency_key: `${this.#facts.run}/${step}` }, call);
  }
}

/** What was called, or its timeout: the code itself cannot be ended in this thread, and is told by its signal. */
async function within<T>(called: Promise<T>, timeoutMs: number, controller: AbortController): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const reason = new TimedOut(`it took longer than ${timeoutMs} ms`);
      controller.abort(reason);
      reject(reason);
    }, timeoutMs);
  });
  try {
    return await Promise.race([called, late]);
  } finally {
    clearTimeout(timer);
  }
}

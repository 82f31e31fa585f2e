/** What follows from an attempt that did not succeed: another one after a delay, or the end of the step. Pure arithmetic. */

import type { RetryPolicy } from '../model/flow.ts';
import type { AttemptRecord } from '../model/run.ts';

/** What follows. */
export type Verdict = { readonly kind: 'retry'; readonly delay_ms: number } | { readonly kind: 'give_up' };

/**
 * Decides about an attempt that failed or timed out.
 * @param failures attempts of this step that failed or timed out since it last had a fresh budget, this one included.
 * @param random a number from 0 up to 1, for the jitter.
 */
export function verdictOn(
  policy: RetryPolicy,
  attempt: Pick<AttemptRecord, 'outcome' | 'exit_code' | 'judged'>,
  failures: number,
  random: number,
): Verdict {
  const isCause = policy.on.some((cause) => cause === attempt.outcome);
  const isCode =
    policy.on_exit_codes === null ||
    attempt.outcome === 'timed_out' ||
    (attempt.exit_code !== null && policy.on_exit_codes.includes(attempt.exit_code));
  const { retry: again = null, delay_ms = null } = attempt.judged ?? {};
  const isToRetry = again ?? (isCause && isCode);
  if (!isToRetry || failures > policy.max) return { kind: 'give_up' };
  return { kind: 'retry', delay_ms: delay_ms ?? retryDelay(policy, failures, random) };
}

/**
 * The delay before an extra attempt. Back-off first (`linear`: delay x n; `exponential`: delay x 2^(n-1)), capped by `max_delay`,
 * then the jitter: `full` is uniform from 0 to the delay, `equal` from half of it to the whole (both as in "Exponential Backoff
 * And Jitter", AWS Architecture Blog, 2015), a fraction f from (1-f) to (1+f) times the delay.
 * @param failures how many attempts failed so far, from 1.
 * @returns whole milliseconds.
 */
export function retryDelay(policy: RetryPolicy, failures: number, random: number): number {
  const listed = policy.delays_ms?.[failures - 1] ?? policy.delays_ms?.at(-1) ?? null;
  const factor =
    listed !== null || policy.backoff === 'none'
      ? 1
      : policy.backoff === 'linear'
        ? failures
        : 2 ** Math.min(failures - 1, 62);
  const delay = Math.min(
    (listed ?? policy.delay_ms) * factor,
    policy.max_delay_ms ?? LONGEST_DELAY_MS,
    LONGEST_DELAY_MS,
  );
  switch (policy.jitter) {
    case 'none':
      return Math.round(delay);
    case 'full':
      return Math.round(delay * random);
    case 'equal':
      return Math.round(delay / 2 + (delay / 2) * random);
    default:
      return Math.round(delay * (1 - policy.jitter + 2 * policy.jitter * random));
  }
}

/** Without a `max_delay` an exponential back-off still never waits longer than 30 days. */
const LONGEST_DELAY_MS = 30 * 86_400_000;

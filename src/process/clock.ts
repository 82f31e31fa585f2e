/** The system's clocks behind the engine's `Clock` port; tests of the engine use a manual one instead. */

import { monotonicMs } from '../base/stopwatch.ts';
import type { Clock } from '../engine/ports.ts';

/** The longest delay that `setTimeout` takes; a longer one would overflow and fire after 1 ms. */
const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * The real clocks: `wall` is the system's time of day, `monotonic` counts from some moment in the past and never goes back.
 * Timers of `after` are chained where the delay is longer than one timer takes (24.8 days), and are measured by the monotonic
 * clock, so that a changed time of day neither hastens nor delays them.
 */
export function systemClock(): Clock {
  return {
    wall: () => Date.now(),
    monotonic: monotonicMs,
    after: (delayMs, callback) => {
      const due = monotonicMs() + delayMs;
      let timer: NodeJS.Timeout;
      const arm = (remainingMs: number): void => {
        timer = setTimeout(
          () => {
            const restMs = due - monotonicMs();
            // Timers may fire up to a millisecond early by the monotonic clock; that is no reason for another turn.
            if (restMs > 1) arm(restMs);
            else callback();
          },
          Math.min(Math.max(0, remainingMs), LONGEST_TIMER_MS),
        );
      };
      arm(delayMs);
      return () => clearTimeout(timer);
    },
  };
}

/**
 * Resolves after at least `delayMs` of the given clock.
 * @param hurry ends the pause as soon as it is aborted; none by default.
 */
export const pause = (clock: Clock, delayMs: number, hurry?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (hurry?.aborted === true) return resolve();
    const end = (): void => {
      takeBack();
      hurry?.removeEventListener('abort', end);
      resolve();
    };
    const takeBack = clock.after(delayMs, end);
    hurry?.addEventListener('abort', end);
  });

/** A wait that may become pointless. */
export interface Wait {
  readonly over: Promise<void>;
  /** Takes the timer back, which would keep the program alive; `over` then never resolves. */
  cancel(): void;
}

/** As `pause`, for waits that something else may end first. */
export function startWait(clock: Clock, delayMs: number): Wait {
  let cancel = (): void => {};
  const over = new Promise<void>((resolve) => {
    cancel = clock.after(delayMs, resolve);
  });
  return { over, cancel };
}

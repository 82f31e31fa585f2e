/**
 * The signals that end a run. Taken from the moment a run exists until it is recorded as ended; then the handlers go and the signal
 * is sent again to ourselves, so that whoever started us sees that we died of it, and a shell loop around us stops.
 */

import type { EndingSignal } from '../model/outcome.ts';

const ENDING: readonly EndingSignal[] = ['SIGHUP', 'SIGINT', 'SIGTERM'];

/** The handlers, while they are installed. */
export interface SignalHandlers {
  /** Aborted by the first signal, whoever it is handed to: for work that ends before the run hears of any. */
  readonly asked: AbortSignal;
  /** Hands every signal, also those that came before, to the run. */
  deliverTo(target: (signal: EndingSignal) => void): void;
  /** Takes the handlers away. */
  remove(): void;
}

/**
 * Takes the ending signals from now on. Under `nohup` SIGHUP is ignored: Node resets the disposition that nohup left, but bash and
 * zsh name the program that they start in `_`.
 * @param isDetached true where flowctl outlives whoever started it: SIGHUP, which tells of their end, is ignored as well. Default: false.
 */
export function takeSignals(
  environment: { readonly [name: string]: string | undefined },
  isDetached = false,
): SignalHandlers {
  const ignoresHangUp = isDetached || (environment['_'] ?? '').endsWith('/nohup');
  const asked = new AbortController();
  const early: EndingSignal[] = [];
  let target: ((signal: EndingSignal) => void) | null = null;
  const handlers = ENDING.map((signal) => {
    const handler = (): void => {
      if (signal === 'SIGHUP' && ignoresHangUp) return;
      asked.abort();
      if (target === null) early.push(signal);
      else target(signal);
    };
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return {
    asked: asked.signal,
    deliverTo(next) {
      target = next;
      for (const signal of early.splice(0)) next(signal);
    },
    remove() {
      for (const off of handlers) off();
    },
  };
}

/** Dies of a signal, as if it had never been handled. Handlers must be gone. */
export function dieOf(signal: EndingSignal): void {
  process.kill(process.pid, signal);
}

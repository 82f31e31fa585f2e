/**
 * Function hosts: calls of exported functions off the orchestrator's thread, so that they run in parallel, can be timed out even in an
 * endless loop, and never block the loop that writes the journal. One worker thread serves one call at a time; threads are started when
 * needed, reused while nothing of an earlier call is left in them, and replaced otherwise.
 *
 * This room must not know steps, retries, timeouts or records: the function runner maps a `FunctionResult` to an outcome and walks the
 * ladder: `abort()`, wait for the grace time, `terminate()`. `done` never rejects and resolves after either.
 * A thread inside a native call (`execSync('sleep 60')`) cannot be interrupted: `terminate()` and `done` wait until the call returns.
 * So never await them before killing the processes that carry the attempt's token, which makes such a call return; and do not call
 * `process.exit()` meanwhile, it waits as well. A host that is ending no longer counts against `maxHosts`.
 *
 * Where next: `modules` (what a host imports), `host` (the thread's entry, a file of its own in the build), `perform` (one call).
 */

import type { CallOutcome } from '../flows/conductor.ts';
import type { SentCall } from './calling.ts';
import { HostThread } from './host-thread.ts';
import type { FunctionCall, FunctionResult } from './messages.ts';
import type { ModuleLoader } from './modules.ts';

/** What a pool needs. */
export interface FunctionPoolOptions {
  /** The built `host` entry. */
  readonly hostUrl: URL;
  readonly modules: ModuleLoader;
  /** How many threads serve calls at once, from 1; further calls wait their turn. */
  readonly maxHosts: number;
  /** The heap of one thread, in MiB (2^20 bytes). Default: as much as Node grants. */
  readonly maxHeapMiB?: number;
}

/** What a caller may want to know while a call runs. */
export interface FunctionListener {
  /** A host was found and the call handed to it: a timeout counts from here. */
  begun?(): void;
  /** Bytes that the function printed were lost. Told once per call. */
  logFailed?(message: string): void;
  /** The function calls a task; `answer` tells it how that ended. */
  called?(call: SentCall, answer: (outcome: CallOutcome) => void): void;
}

/** A call under way. */
export interface RunningFunction {
  /** Never rejects. Resolves when nothing of the call runs any more. */
  readonly done: Promise<FunctionResult>;
  /** Aborts the function's `signal`; a call that has not begun is taken back. The reason is its message. */
  abort(reason: string): void;
  /** Ends the thread. Resolves when it has ended; see above for when that takes long. */
  terminate(): Promise<void>;
  /**
   * True when the function's thread comes back to its event loop within the time, so that it can hear `abort`; true also for a call
   * that has not begun or has ended. False: it is in an endless loop or a native call, and no grace time will change that.
   */
  answers(withinMs: number): Promise<boolean>;
}

/** Calls functions in threads. */
export interface FunctionPool {
  start(call: FunctionCall, listener?: FunctionListener): RunningFunction;
  /** Ends every thread, waiting calls first. Resolves when all have ended; no call may be started any more. */
  close(): Promise<void>;
}

/** A call from its start to its end. */
interface Attempt {
  readonly call: FunctionCall;
  readonly listener: FunctionListener;
  readonly finish: (result: FunctionResult) => void;
  url: string;
  /** `over`: the host has let go of it, and may serve another call by now. */
  state:
    | { readonly kind: 'waiting' }
    | { readonly kind: 'serving'; readonly host: HostThread }
    | { readonly kind: 'over' };
}

const TERMINATED: FunctionResult = { kind: 'host_ended', reason: 'terminated', code: null, detail: null };

/** Makes a pool. No thread is started before the first call. */
export function createFunctionPool(options: FunctionPoolOptions): FunctionPool {
  const hosts = new Set<HostThread>();
  const waiting: Attempt[] = [];
  let closed = false;

  const dispatch = (): void => {
    while (waiting.length > 0) {
      const idle = [...hosts].find((host) => host.isIdle);
      const serving = [...hosts].filter((host) => !host.isEnding && !host.isWaiting).length;
      if (idle === undefined && serving >= Math.max(1, options.maxHosts)) return;
      const attempt = waiting.shift();
      if (attempt !== undefined) serve(attempt, idle ?? startHost());
    }
  };

  const startHost = (): HostThread => {
    const host = new HostThread(options.hostUrl, options.maxHeapMiB ?? null, () => {
      hosts.delete(host);
      dispatch();
    });
    hosts.add(host);
    return host;
  };

  const located = async (attempt: Attempt, result: FunctionResult): Promise<FunctionResult> => {
    if (result.kind !== 'module_not_loaded' || !result.message.startsWith('SyntaxError:')) return result;
    const mistake = await options.modules.locateMistake(attempt.call.module);
    return mistake === null ? result : { kind: 'module_not_loaded', ...mistake };
  };

  const serve = (attempt: Attempt, host: HostThread): void => {
    attempt.state = { kind: 'serving', host };
    host.serve(attempt.url, attempt.call, {
      ended: (result) => {
        attempt.state = { kind: 'over' };
        void located(attempt, result).then(attempt.finish);
        dispatch();
      },
      logFailed: (message) => attempt.listener.logFailed?.(message),
      called: (made, answer) => {
        attempt.listener.called?.(made, answer);
        dispatch();
      },
    });
    attempt.listener.begun?.();
  };

  const prepare = async (attempt: Attempt): Promise<void> => {
    const module = await options.modules.prepare(attempt.call.module);
    if (closed) attempt.finish(TERMINATED);
    if (attempt.state.kind === 'over') return;
    if (!module.ok) {
      attempt.finish({ kind: 'module_not_loaded', ...module.error });
      return;
    }
    attempt.url = module.value;
    waiting.push(attempt);
    dispatch();
  };

  const takeBack = (attempt: Attempt): void => {
    const position = waiting.indexOf(attempt);
    if (position !== -1) waiting.splice(position, 1);
    attempt.finish(TERMINATED);
  };

  return {
    start: (call, listener = {}) => {
      let resolve: (result: FunctionResult) => void = () => {};
      const done = new Promise<FunctionResult>((settle) => {
        resolve = settle;
      });
      const attempt: Attempt = {
        call,
        listener,
        url: '',
        state: { kind: 'waiting' },
        finish: (result) => {
          attempt.state = { kind: 'over' };
          resolve(result);
        },
      };
      if (closed) attempt.finish(TERMINATED);
      else void prepare(attempt);
      return {
        done,
        abort: (reason) => {
          const { state } = attempt;
          if (state.kind === 'waiting') takeBack(attempt);
          else if (state.kind === 'serving') state.host.abort(reason);
        },
        terminate: async () => {
          const { state } = attempt;
          if (state.kind === 'waiting') takeBack(attempt);
          else if (state.kind === 'serving') await state.host.terminate();
        },
        answers: async (withinMs) => attempt.state.kind !== 'serving' || attempt.state.host.answers(withinMs),
      };
    },
    close: async () => {
      closed = true;
      for (const attempt of [...waiting]) takeBack(attempt);
      await Promise.all([...hosts].map((host) => host.terminate()));
    },
  };
}

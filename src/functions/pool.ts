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
 * Where next: `lines` (quick calls behind each other), `modules` (what a host imports), `host` (the thread's entry, a file of its own in the build), `perform` (one call).
 */

import type { CallOutcome } from '../flows/conductor.ts';
import type { SentCall } from './calling.ts';
import { type HostListener, HostThread } from './host-thread.ts';
import type { FunctionCall, FunctionResult } from './messages.ts';
import { Lines, type Queue } from './lines.ts';
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
  /** How long a call that may have waited in line ran, before `done` resolves. */
  ran?(ms: number): void;
  /** Nothing of the call is left, not even the folder for artifacts. Told before `done` resolves, where it is so. */
  leftNothing?(): void;
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
  /** @param queue of a quick call, which may wait in line behind others of the same queue. Default: it has a host to itself. */
  start(call: FunctionCall, listener?: FunctionListener, queue?: Queue | null): RunningFunction;
  /** Ends every thread, waiting calls first. Resolves when all have ended; no call may be started any more. */
  close(): Promise<void>;
}

const TERMINATED: FunctionResult = { kind: 'host_ended', reason: 'terminated', code: null, detail: null };

/** Makes a pool. No thread is started before the first call. */
export function createFunctionPool(options: FunctionPoolOptions): FunctionPool {
  const hosts = new Set<HostThread>();
  const lines = new Lines();
  const urls = new Map<string, string>();
  let waiting: Call[] = [];
  let closed = false;

  const dispatch = (): void => {
    if (waiting.length === 0) return;
    const attempts = waiting;
    waiting = [];
    // One that finds no host must not hold up those that would find one.
    for (const attempt of attempts) {
      const host = hostFor(attempt);
      if (host === null) waiting.push(attempt);
      else hand(attempt, host);
    }
  };

  const hostFor = ({ call, queue }: Call): HostThread | null => {
    if (queue === null) return freeHost();
    const { host, isEnough, mayGrow } = lines.find(call, queue);
    return isEnough || !mayGrow ? host : (freeHost() ?? host);
  };

  const freeHost = (): HostThread | null => {
    let serving = 0;
    for (const host of hosts) {
      if (host.isIdle) return host;
      if (!host.isEnding && !host.isWaiting) serving += 1;
    }
    return serving < Math.max(1, options.maxHosts) ? startHost() : null;
  };

  const startHost = (): HostThread => {
    const host = new HostThread(options.hostUrl, options.maxHeapMiB ?? null, () => {
      hosts.delete(host);
      // What it had in line comes back first.
      queueMicrotask(dispatch);
    });
    hosts.add(host);
    return host;
  };

  const located = async (attempt: Call, result: FunctionResult): Promise<FunctionResult> => {
    if (result.kind !== 'module_not_loaded' || !result.message.startsWith('SyntaxError:')) return result;
    const mistake = await options.modules.locateMistake(attempt.call.module);
    return mistake === null ? result : { kind: 'module_not_loaded', ...mistake };
  };

  const hand = (attempt: Call, host: HostThread): void => {
    lines.join(attempt.queue, host);
    attempt.ticket = host.hand(attempt.url, attempt.call, attempt);
    attempt.host = host;
    if (host.length > 1) lines.watch(hosts, dispatch);
  };

  const giveBack = (attempt: Call): void => {
    if (closed) attempt.finish(TERMINATED);
    else waiting.push(attempt);
  };

  const enqueue = (attempt: Call, url: string): void => {
    attempt.url = url;
    waiting.push(attempt);
    dispatch();
  };

  const prepare = async (attempt: Call): Promise<void> => {
    const { module } = attempt.call;
    const prepared = await options.modules.prepare(module);
    if (closed) attempt.finish(TERMINATED);
    if (attempt.isOver) return;
    if (!prepared.ok) {
      attempt.finish({ kind: 'module_not_loaded', ...prepared.error });
      return;
    }
    urls.set(module, prepared.value);
    enqueue(attempt, prepared.value);
  };

  const forget = (attempt: Call): void => {
    waiting = waiting.filter((other) => other !== attempt);
  };

  const desk: Desk = { lines, dispatch, forget, giveBack, located };
  return {
    start: (call, listener = {}, queue = null) => {
      const attempt = new Call(desk, call, listener, queue);
      const url = urls.get(call.module);
      if (closed) attempt.finish(TERMINATED);
      else if (url === undefined) void prepare(attempt);
      else enqueue(attempt, url);
      return attempt;
    },
    close: async () => {
      closed = true;
      lines.close();
      for (const attempt of [...waiting]) attempt.takeBack();
      await Promise.all([...hosts].map((host) => host.close()));
    },
  };
}

/** What a call needs of its pool. */
interface Desk {
  readonly lines: Lines;
  /** Hands over what waits, as far as there are hosts. */
  readonly dispatch: () => void;
  /** It waits no longer. */
  readonly forget: (call: Call) => void;
  /** It waits again. */
  readonly giveBack: (call: Call) => void;
  /** Says where a module has the mistake for which it was not loaded. */
  readonly located: (call: Call, result: FunctionResult) => Promise<FunctionResult>;
}

/** A call from its start to its end: what the caller has of it, and what a host tells of it. */
class Call implements RunningFunction, HostListener {
  readonly done: Promise<FunctionResult>;
  readonly call: FunctionCall;
  readonly queue: Queue | null;
  url = '';
  /** The host that serves it, or has it in line, and its number there. */
  host: HostThread | null = null;
  ticket = 0;
  /** The host has let go of it, and may serve another call by now. */
  isOver = false;
  readonly #desk: Desk;
  readonly #listener: FunctionListener;
  #resolve: (result: FunctionResult) => void = () => {};

  constructor(desk: Desk, call: FunctionCall, listener: FunctionListener, queue: Queue | null) {
    this.call = call;
    this.queue = queue;
    this.#desk = desk;
    this.#listener = listener;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  finish(result: FunctionResult): void {
    this.#leave();
    this.#resolve(result);
  }

  abort(reason: string): void {
    if (!this.isOver && !this.takeBack()) this.host?.abort(this.ticket, reason);
  }

  async terminate(): Promise<void> {
    if (this.isOver || this.takeBack()) return;
    this.host?.terminate(this.ticket);
    // A thread in a native call may take long to end: what it had in line goes elsewhere meanwhile.
    this.#desk.dispatch();
    await this.done;
  }

  async answers(withinMs: number): Promise<boolean> {
    return this.host === null || this.host.answers(withinMs);
  }

  /** @returns false when a host has begun it. */
  takeBack(): boolean {
    if (this.host !== null && !this.host.takeBack(this.ticket)) return false;
    this.#desk.forget(this);
    this.finish(TERMINATED);
    return true;
  }

  begun(): void {
    this.#listener.begun?.();
  }

  ended(result: FunctionResult, ranMs: number | null, isClean: boolean): void {
    const { lines, located, dispatch } = this.#desk;
    this.#leave();
    if (isClean) this.#listener.leftNothing?.();
    if (ranMs !== null) lines.learn(this.call, ranMs);
    if (ranMs !== null && this.queue !== null) this.#listener.ran?.(ranMs);
    if (result.kind === 'module_not_loaded') void located(this, result).then((end) => this.finish(end));
    else this.finish(result);
    dispatch();
  }

  returned(): void {
    this.host = null;
    this.#desk.giveBack(this);
  }

  logFailed(message: string): void {
    this.#listener.logFailed?.(message);
  }

  called(made: SentCall, answer: (outcome: CallOutcome) => void): void {
    this.#listener.called?.(made, answer);
    this.#desk.dispatch();
  }

  #leave(): void {
    this.isOver = true;
    this.host = null;
  }
}

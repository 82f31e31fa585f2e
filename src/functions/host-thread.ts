/** One host as the pool sees it: a worker thread, what it is doing, and how what happens to it becomes the result of a call. */

import { Worker } from 'node:worker_threads';
import type { CallOutcome } from '../flows/conductor.ts';
import { CallWriter } from './call-delta.ts';
import type { SentCall } from './calling.ts';
import type { FromHost, FunctionCall, FunctionResult, HostEndReason, ToHost } from './messages.ts';
import { resultOf } from './report.ts';

/** Who hears how a call went. */
export interface HostListener {
  ended(result: FunctionResult): void;
  logFailed(message: string): void;
  /** The function calls a task; `answer` tells it how that ended. */
  called(call: SentCall, answer: (outcome: CallOutcome) => void): void;
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'busy'; readonly listener: HostListener; logFailed: boolean; calls: number }
  /** The thread is being ended; a call that it still serves ends with it. */
  | { readonly kind: 'ending'; readonly listener: HostListener | null };

/** A worker thread that serves one call at a time. */
export class HostThread {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #pings = new Set<() => void>();
  readonly #calls = new CallWriter();
  #state: State = { kind: 'idle' };
  /** The reason that a coming exit has, when it is not the function's own doing. */
  #reason: HostEndReason = 'exit';
  #detail: string | null = null;

  /**
   * Starts the thread.
   * @param maxHeapMiB the limit of its heap; null for Node's own.
   * @param gone told when the thread has ended, whatever ended it.
   */
  constructor(hostUrl: URL, maxHeapMiB: number | null, gone: () => void) {
    const limits = maxHeapMiB === null ? {} : { resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB } };
    // Its own stdout and stderr: what Node itself prints about the thread must not reach ours.
    this.#worker = new Worker(hostUrl, { env: {}, execArgv: [], stdout: true, stderr: true, ...limits });
    this.#worker.on('message', (message: FromHost) => this.#receive(message));
    this.#worker.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out_of_memory' : 'crashed';
      this.#detail = this.#reason === 'crashed' ? error.message : null;
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        const { kind } = this.#state;
        const listener = this.#state.kind === 'idle' ? null : this.#state.listener;
        this.#state = { kind: 'ending', listener: null };
        resolve();
        gone();
        const reason = kind === 'ending' ? 'terminated' : this.#reason;
        const detail = reason === 'crashed' ? this.#detail : null;
        listener?.ended({ kind: 'host_ended', reason, code: reason === 'exit' ? code : null, detail });
      });
    });
  }

  /** True when the next call may be handed over. */
  get isIdle(): boolean {
    return this.#state.kind === 'idle';
  }

  /** True when the thread serves nothing more, though it may not have ended yet. */
  get isEnding(): boolean {
    return this.#state.kind === 'ending';
  }

  /** True while its function waits for tasks that it called: they have to run meanwhile. */
  get isWaiting(): boolean {
    return this.#state.kind === 'busy' && this.#state.calls > 0;
  }

  /** Hands over a call; only while idle. */
  serve(url: string, call: FunctionCall, listener: HostListener): void {
    this.#state = { kind: 'busy', listener, logFailed: false, calls: 0 };
    this.#worker.ref();
    this.#send({ kind: 'call', call: this.#calls.write(url, call) });
  }

  /** Aborts the signal of the call that is being served. */
  abort(reason: string): void {
    if (this.#state.kind === 'busy') this.#send({ kind: 'abort', reason });
  }

  /** True when the thread comes back to its event loop within the time; false when it does not, or ends. */
  async answers(withinMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), withinMs);
    });
    const answer = new Promise<boolean>((resolve) => this.#pings.add(() => resolve(true)));
    this.#send({ kind: 'ping' });
    try {
      return await Promise.race([answer, silence, this.#exited.then(() => false)]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the thread. Resolves when it has ended, which a native call can put off. */
  async terminate(): Promise<void> {
    if (this.#state.kind !== 'ending') {
      this.#state = { kind: 'ending', listener: this.#state.kind === 'busy' ? this.#state.listener : null };
      void this.#worker.terminate();
    }
    await this.#exited;
  }

  #send(message: ToHost): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromHost): void {
    if (message.kind === 'pong') {
      for (const answered of this.#pings) answered();
      this.#pings.clear();
      return;
    }
    // What arrives after a termination was asked for comes too late: the ladder has been walked, the end is not the function's.
    if (this.#state.kind !== 'busy') return;
    const { listener, logFailed } = this.#state;
    if (message.kind === 'log_failed') {
      this.#state.logFailed = true;
      if (!logFailed) listener.logFailed(message.message);
      return;
    }
    if (message.kind === 'called') {
      this.#pass(this.#state, message.call);
      return;
    }
    const result = resultOf(message.report);
    if (message.reusable) {
      this.#state = { kind: 'idle' };
      // An idle thread must not keep a program alive that is done.
      this.#worker.unref();
      listener.ended(result);
      return;
    }
    // The call has ended only when nothing of it can act any more.
    this.#state = {
      kind: 'ending',
      listener: { ended: () => listener.ended(result), logFailed: () => {}, called: () => {} },
    };
    void this.#worker.terminate();
  }

  #pass(busy: State & { readonly kind: 'busy' }, call: SentCall): void {
    busy.calls += 1;
    busy.listener.called(call, (outcome) => {
      busy.calls -= 1;
      if (this.#state === busy) this.#send({ kind: 'outcome', outcome });
    });
  }
}

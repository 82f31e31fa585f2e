/**
 * One host as the pool sees it: a worker thread, the call that it serves, those that wait in line behind it, and how what happens to the
 * thread becomes the result of a call. What waits in line can be taken back until the thread begins it (`claims.ts`).
 */

import { Worker } from 'node:worker_threads';
import type { CallOutcome } from '../flows/conductor.ts';
import { CallWriter } from './call-delta.ts';
import type { SentCall } from './calling.ts';
import { Claims } from './claims.ts';
import type { FromHost, FunctionCall, FunctionResult, HandedCall, HostEndReason, ToHost } from './messages.ts';
import { resultOf } from './report.ts';

/** Who hears how a call went. */
export interface HostListener {
  /** The thread begins it, as far as is known. */
  begun(): void;
  /** @param ranMs how long the function ran; null where that is not known. @param isClean nothing of it is left, not even a folder. */
  ended(result: FunctionResult, ranMs: number | null, isClean: boolean): void;
  /** It was taken back before it began. */
  returned(): void;
  logFailed(message: string): void;
  /** The function calls a task; `answer` tells it how that ended. */
  called(call: SentCall, answer: (outcome: CallOutcome) => void): void;
}

interface Handed {
  readonly ticket: number;
  readonly listener: HostListener;
  logFailed: boolean;
  /** Tasks that it called and waits for. */
  calls: number;
}

/** A worker thread that serves calls, one at a time. */
export class HostThread {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #pings = new Set<() => void>();
  /** It began a call. */
  #hasServed = false;
  #isOnline = false;
  readonly #calls = new CallWriter();
  readonly #claims = new Claims();
  /** The first is being served. */
  readonly #line: Handed[] = [];
  #outgoing: HandedCall[] = [];
  #tickets = 0;
  #isEnding = false;
  /** The call for whose sake the thread is ended. */
  #doomed: number | null = null;
  /** The reason that a coming exit has, when it is not the function's own doing. */
  #reason: HostEndReason = 'exit';
  #detail: string | null = null;
  /** When the call that is served began, as `performance.now()`. */
  since = Number.POSITIVE_INFINITY;

  /**
   * Starts the thread.
   * @param maxHeapMiB the limit of its heap; null for Node's own.
   * @param gone told when the thread has ended, whatever ended it.
   */
  constructor(hostUrl: URL, maxHeapMiB: number | null, gone: () => void) {
    const limits = maxHeapMiB === null ? {} : { resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB } };
    const workerData = { claims: this.#claims.memory };
    // Its own stdout and stderr: what Node itself prints about the thread must not reach ours.
    this.#worker = new Worker(hostUrl, { env: {}, execArgv: [], stdout: true, stderr: true, workerData, ...limits });
    this.#worker.once('online', () => {
      this.#isOnline = true;
      if (this.#line.length > 0) this.#begin();
    });
    this.#worker.on('message', (message: FromHost) => this.#receive(message));
    this.#worker.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out_of_memory' : 'crashed';
      this.#detail = this.#reason === 'crashed' ? error.message : null;
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        const wasEnding = this.#isEnding;
        this.#isEnding = true;
        resolve();
        gone();
        this.#settleLine(wasEnding, code);
      });
    });
  }

  /** True when it serves nothing and the next call may be handed over. */
  get isIdle(): boolean {
    return !this.#isEnding && this.#line.length === 0;
  }

  /** True when the thread serves nothing more, though it may not have ended yet. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** True while its function waits for tasks that it called: they have to run meanwhile. */
  get isWaiting(): boolean {
    return (this.#line[0]?.calls ?? 0) > 0;
  }

  /** How many calls it serves or has in line. */
  get length(): number {
    return this.#line.length;
  }

  /** Hands over a call. Those of one turn go together. @returns the number by which it is known here. */
  hand(url: string, call: FunctionCall, listener: HostListener): number {
    const ticket = this.#tickets;
    this.#tickets += 1;
    this.#claims.open(ticket);
    this.#line.push({ ticket, listener, logFailed: false, calls: 0 });
    if (this.#line.length === 1) this.#worker.ref();
    this.#outgoing.push({ ticket, call: this.#calls.write(url, call) });
    if (this.#outgoing.length === 1) queueMicrotask(() => this.#handOver());
    // How long a thread takes to start is nobody's time.
    if (this.#line.length === 1 && this.#isOnline) this.#begin();
    return ticket;
  }

  /** Takes back what waits in line and was not begun. */
  takeBackLine(): void {
    for (const handed of this.#line.slice(1)) this.#takeBack(handed);
  }

  /** Takes back a call. @returns false when it was begun. */
  takeBack(ticket: number): boolean {
    const handed = this.#line.find((each, place) => place > 0 && each.ticket === ticket);
    return handed !== undefined && this.#takeBack(handed);
  }

  /** Aborts the signal of a call that was begun. */
  abort(ticket: number, reason: string): void {
    if (!this.#isEnding) this.#send({ kind: 'abort', ticket, reason });
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

  /** Ends the thread for the sake of a call that was begun, unless that has ended meanwhile: then its end is on the way. */
  terminate(ticket: number): void {
    if (this.#isEnding) return;
    this.takeBackLine();
    const [first, second] = this.#line;
    if (first?.ticket === ticket && second !== undefined) return;
    this.#doomed = ticket;
    this.#end();
  }

  /** Ends the thread. Resolves when it has ended, which a native call can put off. */
  async close(): Promise<void> {
    if (!this.#isEnding) {
      this.#doomed = this.#line[0]?.ticket ?? null;
      this.#end();
    }
    await this.#exited;
  }

  #end(): void {
    this.#isEnding = true;
    void this.#worker.terminate();
  }

  #takeBack(handed: Handed): boolean {
    if (!this.#claims.takeBack(handed.ticket)) return false;
    this.#line.splice(this.#line.indexOf(handed), 1);
    handed.listener.returned();
    return true;
  }

  /** The first in line is being served from now on. */
  #begin(): void {
    this.since = performance.now();
    this.#line[0]?.listener.begun();
  }

  /** The thread has ended: everything that it had to say has been heard. */
  #settleLine(wasEnding: boolean, code: number): void {
    const reason = wasEnding ? 'terminated' : this.#reason;
    const detail = reason === 'crashed' ? this.#detail : null;
    const result: FunctionResult = { kind: 'host_ended', reason, code: reason === 'exit' ? code : null, detail };
    for (const { ticket, listener } of this.#line.splice(0)) {
      const wasBegun = !this.#claims.takeBack(ticket);
      // A thread that never came to serve anything must not be tried for ever.
      if (wasBegun || ticket === this.#doomed || !this.#hasServed) listener.ended(result, null, false);
      else listener.returned();
      this.#hasServed ||= wasBegun;
    }
  }

  #handOver(): void {
    const calls = this.#outgoing;
    this.#outgoing = [];
    this.#send({ kind: 'calls', calls });
  }

  #send(message: ToHost): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromHost): void {
    const [first] = this.#line;
    if (message.kind === 'pong') {
      for (const answered of this.#pings) answered();
      this.#pings.clear();
      return;
    }
    // What arrives after a termination was asked for comes too late: the ladder has been walked, the end is not the function's.
    if (first === undefined || (this.#isEnding && first.ticket === this.#doomed)) return;
    if (message.kind === 'called') this.#pass(first, message.call);
    else if (message.kind === 'ended') this.#close(first, message);
    else {
      if (!first.logFailed) first.listener.logFailed(message.message);
      first.logFailed = true;
    }
  }

  #close({ listener }: Handed, { report, reusable, ran_ms, artifacts }: FromHost & { readonly kind: 'ended' }): void {
    const result = resultOf(report);
    this.#hasServed = true;
    if (!reusable) {
      this.takeBackLine();
      // The call has ended only when nothing of it can act any more.
      this.#end();
      void this.#exited.then(() => listener.ended(result, ran_ms, false));
      this.#line.shift();
      return;
    }
    this.#line.shift();
    // An idle thread must not keep a program alive that is done.
    if (this.#line.length === 0) this.#worker.unref();
    else this.#begin();
    listener.ended(result, ran_ms, !artifacts);
  }

  #pass(first: Handed, call: SentCall): void {
    first.calls += 1;
    this.takeBackLine();
    first.listener.called(call, (outcome) => {
      first.calls -= 1;
      if (this.#line[0] === first && !this.#isEnding) this.#send({ kind: 'outcome', ticket: first.ticket, outcome });
    });
  }
}

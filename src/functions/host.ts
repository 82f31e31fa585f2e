/**
 * The entry of a function host: a worker thread that serves calls, one at a time. It is a file of its own in the build, since a thread
 * starts from a file. It knows the pool only by its messages; nothing a user's function does reaches further than this thread.
 *
 *     idle -- calls --> busy -- ended, quiet --> busy with the next in line, or idle
 *                       busy -- ended, not quiet, or something uncaught --> over: the pool ends the thread
 */

import { parentPort, workerData } from 'node:worker_threads';
import { assertNever } from '../base/result.ts';
import { CallReader } from './call-delta.ts';
import { Capture } from './capture.ts';
import { Claims } from './claims.ts';
import { ISOLATED_CALL, serveIsolatedCall } from './host-process.ts';
import { CallEnvironment } from './host-environment.ts';
import type { FromHost, HandedCall, HostReport, ToHost } from './messages.ts';
import { type CallToPerform, perform } from './perform.ts';
import { ServedCall, type WayOut } from './served-call.ts';
import { Surroundings } from './surroundings.ts';
import { describeThrown } from './thrown.ts';

/** What serves calls until the thread is ended. */
class FunctionHost {
  readonly #send: (message: FromHost) => void;
  readonly #hold: (hold: boolean) => void;
  readonly #capture: Capture;
  readonly #calls = new CallReader();
  readonly #environment = new CallEnvironment();
  /** The modules that were loaded, and the globals as they have left them: a module may replace some, a call may not. */
  readonly #loaded = new Set<string>();
  #surroundings: Surroundings | null = null;
  readonly #claims: Claims;
  readonly #line: HandedCall[] = [];
  #isOver = false;
  #busy: ServedCall | null = null;
  readonly #way: WayOut = {
    send: (call) => {
      this.#hold(true);
      this.#send({ kind: 'called', call });
    },
    ended: (open) => {
      if (open === 0) this.#hold(false);
    },
  };

  /**
   * @param send tells the pool.
   * @param hold keeps the thread alive while there is nothing to do, or no longer.
   */
  constructor(claims: Claims, send: (message: FromHost) => void, hold: (hold: boolean) => void) {
    this.#claims = claims;
    this.#send = send;
    this.#hold = hold;
    this.#capture = new Capture((message) => send({ kind: 'log_failed', message }));
  }

  start(): void {
    process.setSourceMapsEnabled(true);
    this.#capture.install();
    this.#environment.install();
    process.on('uncaughtException', (error, origin) => {
      const rejected = origin === 'unhandledRejection';
      const thrown = describeThrown(error, null);
      this.#end({ kind: 'threw', origin: rejected ? 'unhandled_rejection' : 'uncaught_exception', ...thrown }, false);
      process.exit(1);
    });
    // Node prints warnings to the program's own stderr, past everything that was replaced.
    process.removeAllListeners('warning');
    process.on('warning', ({ name, message }) => process.stderr.write(`${name}: ${message}\n`));
    // What a mask holds back, for it may be the beginning of a secret, is no secret any more.
    process.on('exit', () => this.#busy?.log.close());
    // During a call only the call keeps the thread alive. So this says that the function waits and nothing will come.
    process.on('beforeExit', () => this.#end({ kind: 'never_settled' }, false));
  }

  receive(message: ToHost): void {
    switch (message.kind) {
      case 'calls':
        this.#line.push(...message.calls);
        if (this.#busy === null) this.#goOn();
        return;
      case 'abort':
        if (this.#busy?.ticket === message.ticket) this.#busy.abort(message.reason);
        return;
      case 'outcome':
        if (this.#busy?.ticket === message.ticket) this.#busy.hear(message.outcome);
        return;
      case 'ping':
        this.#send({ kind: 'pong' });
        return;
      default:
        assertNever(message, 'message to a host');
    }
  }

  /** Begins the next call in line that was not taken back. */
  #goOn(): void {
    if (this.#isOver) return;
    for (let next = this.#line.shift(); next !== undefined; next = this.#line.shift()) {
      const { ticket, call } = next;
      // Also of one that is passed over: the next one says only what is new to it.
      const { target, facts } = this.#calls.read(call);
      this.#environment.apply(call.env);
      if (!this.#claims.begin(ticket)) continue;
      this.#busy = new ServedCall(ticket, call, facts, this.#way);
      void this.#serve(this.#busy, { ...target, input: call.input });
      return;
    }
  }

  async #serve(served: ServedCall, call: CallToPerform): Promise<void> {
    this.#capture.begin(served.context, served.log);
    this.#hold(false);
    const report = await perform(call, served.context, served, () => {
      if (this.#loaded.has(call.url)) return;
      this.#loaded.add(call.url);
      this.#surroundings = new Surroundings();
    });
    const isUnchanged = this.#surroundings?.areIntact === true;
    // A module that failed to load would fail again from the loader's memory, whatever made it fail.
    this.#end(report, report.kind !== 'module_not_loaded' && !served.isWaiting && isUnchanged && isQuiet());
  }

  #end(report: HostReport, reusable: boolean): void {
    const ended = this.#busy;
    if (ended === null) return;
    this.#busy = null;
    this.#hold(true);
    try {
      ended.log.close();
    } catch (error) {
      this.#send({ kind: 'log_failed', message: error instanceof Error ? error.message : String(error) });
    }
    this.#isOver = !reusable;
    const ran_ms = performance.now() - ended.since;
    this.#send({ kind: 'ended', report, reusable, ran_ms, artifacts: this.#environment.hasArtifacts });
    this.#goOn();
  }
}

/** True when no timer, socket, process or other resource of the call is left that could print or throw during the next one. */
function isQuiet(): boolean {
  const resources = process.getActiveResourcesInfo();
  const canPrint = !process.stdout.writableEnded && !process.stderr.writableEnded;
  return canPrint && resources.every((resource) => resource === 'MessagePort');
}

if (parentPort !== null) {
  const port = parentPort;
  const { claims } = workerData as { readonly claims: SharedArrayBuffer };
  const host = new FunctionHost(
    new Claims(claims),
    (message) => port.postMessage(message),
    (hold) => (hold ? port.ref() : port.unref()),
  );
  host.start();
  port.on('message', (message: ToHost) => host.receive(message));
} else if (process.argv[2] === ISOLATED_CALL) void serveIsolatedCall();

/**
 * The entry of a function host: a worker thread that serves one call at a time. It is a file of its own in the build, since a thread
 * starts from a file. It knows the pool only by its messages; nothing a user's function does reaches further than this thread.
 *
 *     idle -- call --> busy -- ended, quiet --> idle
 *                      busy -- ended, not quiet, or something uncaught --> the pool ends the thread
 */

import { parentPort } from 'node:worker_threads';
import { assertNever } from '../base/result.ts';
import { handedSecrets, maskOf } from './call-secrets.ts';
import { type CallDelta, CallReader } from './call-delta.ts';
import { Calling } from './calling.ts';
import { AttemptLog, Capture } from './capture.ts';
import type { StepContext } from './context.ts';
import { ISOLATED_CALL, serveIsolatedCall } from './host-process.ts';
import { CallEnvironment } from './host-environment.ts';
import type { FromHost, HostReport, ToHost } from './messages.ts';
import { perform } from './perform.ts';
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
  #busy: { readonly log: AttemptLog; readonly controller: AbortController; readonly calling: Calling } | null = null;

  /**
   * @param send tells the pool.
   * @param hold keeps the thread alive while there is nothing to do, or no longer.
   */
  constructor(send: (message: FromHost) => void, hold: (hold: boolean) => void) {
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
      case 'call':
        void this.#serve(message.call);
        return;
      case 'abort':
        this.#busy?.controller.abort(new DOMException(message.reason, 'AbortError'));
        return;
      case 'outcome':
        this.#busy?.calling.hear(message.outcome);
        return;
      case 'ping':
        this.#send({ kind: 'pong' });
        return;
      default:
        assertNever(message, 'message to a host');
    }
  }

  async #serve(call: CallDelta): Promise<void> {
    const controller = new AbortController();
    const secrets = handedSecrets(call.secrets?.values ?? {});
    const facts = this.#calls.read(call);
    const context: StepContext = Object.freeze({ ...facts, secrets, signal: controller.signal });
    const log = new AttemptLog(call.log, maskOf(call.secrets));
    this.#capture.begin(context, log);
    const calling = new Calling({
      place: 'task',
      caller: facts.step,
      send: (made) => {
        this.#hold(true);
        this.#send({ kind: 'called', call: made });
      },
      record: (_kind, make) => make(),
      ended: (open) => {
        if (open === 0) this.#hold(false);
      },
    });
    this.#busy = { log, controller, calling };
    this.#environment.apply(call.env);
    this.#hold(false);
    const report = await perform(call.url, call, context, calling, () => {
      if (this.#loaded.has(call.url)) return;
      this.#loaded.add(call.url);
      this.#surroundings = new Surroundings();
    });
    const isUnchanged = this.#surroundings?.areIntact === true;
    // A module that failed to load would fail again from the loader's memory, whatever made it fail.
    this.#end(report, report.kind !== 'module_not_loaded' && calling.open === 0 && isUnchanged && isQuiet());
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
    this.#send({ kind: 'ended', report, reusable });
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
  const host = new FunctionHost(
    (message) => port.postMessage(message),
    (hold) => (hold ? port.ref() : port.unref()),
  );
  host.start();
  port.on('message', (message: ToHost) => host.receive(message));
} else if (process.argv[2] === ISOLATED_CALL) void serveIsolatedCall();

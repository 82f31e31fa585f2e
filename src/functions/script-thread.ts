/** A script's thread as the program sees it: started for one flow function, or to look at one module, and ended with it. */

import type { JsonObject } from '../base/json.ts';
import { Worker } from 'node:worker_threads';
import type { CallOutcome } from '../flows/conductor.ts';
import type { SentCall } from './calling.ts';
import type { FunctionResult, HostEndReason } from './messages.ts';
import type { ModuleLoader } from './modules.ts';
import { OptionsReader } from './options-border.ts';
import { resultOf } from './report.ts';
import type { Description, FromScript, ScriptStart, ToScript, Unheard } from './script-messages.ts';

/** How a flow function ended. */
export interface ScriptResult {
  readonly result: FunctionResult;
  readonly unheard: readonly Unheard[];
  readonly blamed: readonly string[];
}

/** Who hears of a script. */
export interface ScriptThreadListener {
  /** It made a call. */
  called(call: SentCall): void;
  told(message: Exclude<FromScript, { readonly kind: 'ended' | 'described' | 'called' }>): void;
  /** Once, whatever happened; nothing is told any more. */
  ended(result: ScriptResult): void;
}

/** A thread that runs one flow function. */
export class ScriptThread {
  readonly #worker: Worker;
  readonly #listener: ScriptThreadListener;
  readonly #options = new OptionsReader();
  #outcomes: CallOutcome[] = [];
  #isOver = false;
  #reason: HostEndReason = 'exit';
  #detail: string | null = null;

  /** @param hostUrl the built `script-host` entry. */
  constructor(hostUrl: URL, start: ScriptStart, listener: ScriptThreadListener) {
    this.#listener = listener;
    this.#worker = startWorker(hostUrl);
    this.#worker.on('message', (message: FromScript) => this.#receive(message));
    this.#worker.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out_of_memory' : 'crashed';
      this.#detail = this.#reason === 'crashed' ? error.message : null;
    });
    this.#worker.on('exit', (code) => {
      const reason = this.#reason;
      const detail = this.#detail;
      this.#end({ kind: 'host_ended', reason, code: reason === 'exit' ? code : null, detail }, [], []);
    });
    this.send({ kind: 'start', start });
  }

  send(message: ToScript): void {
    this.#tellOutcomes();
    this.#post(message);
  }

  /** Tells how a call ended. Ends that were recorded together go together. */
  tell(outcome: CallOutcome): void {
    this.#outcomes.push(outcome);
    if (this.#outcomes.length === 1) queueMicrotask(() => this.#tellOutcomes());
  }

  #tellOutcomes(): void {
    const outcomes = this.#outcomes;
    if (outcomes.length === 0) return;
    this.#outcomes = [];
    this.#post({ kind: 'outcomes', outcomes });
  }

  #post(message: ToScript): void {
    if (!this.#isOver) this.#worker.postMessage(message);
  }

  /** Ends the thread, whatever it is in; nothing is told of that. */
  stop(): void {
    this.#isOver = true;
    void this.#worker.terminate();
  }

  #receive(message: FromScript): void {
    if (this.#isOver || message.kind === 'described') return;
    if (message.kind === 'called') for (const call of message.calls) this.#listener.called(this.#options.read(call));
    else if (message.kind !== 'ended') this.#listener.told(message);
    else this.#end(resultOf(message.report), message.unheard, message.blamed);
  }

  #end(result: FunctionResult, unheard: readonly Unheard[], blamed: readonly string[]): void {
    if (this.#isOver) return;
    this.stop();
    this.#listener.ended({ result, unheard, blamed });
  }
}

const startWorker = (hostUrl: URL): Worker =>
  new Worker(hostUrl, { env: {}, execArgv: [], stdout: true, stderr: true });

/** A module that takes longer to load is taken for one that never ends. */
const DESCRIBE_LIMIT_MS = 30_000;

/**
 * Loads a module in a thread of its own and asks what it makes. Its top level runs, with an empty environment but for what is given.
 * @param name the export, or the flow, that is asked for. @param params that the flow is to check by its own code. Default: none.
 */
export async function describeModule(
  hostUrl: URL,
  modules: Pick<ModuleLoader, 'prepare' | 'locateMistake'>,
  module: string,
  name: string,
  params: JsonObject | null = null,
): Promise<Description> {
  const prepared = await modules.prepare(module);
  if (!prepared.ok) return { kind: 'not_loaded', ...prepared.error };
  const worker = startWorker(hostUrl);
  let timer: NodeJS.Timeout | undefined;
  const answer = await new Promise<Description>((resolve) => {
    const fail = (message: string): void => resolve({ kind: 'not_loaded', message, detail: null });
    worker.on('message', (message: FromScript) => {
      if (message.kind === 'described') resolve(message.description);
      else if (message.kind === 'ended' && message.report.kind === 'threw') {
        fail(`${message.report.name}: ${message.report.message}`);
      }
    });
    worker.on('error', (error) => fail(error.message));
    worker.on('exit', () => fail('the module ended the thread that loads it'));
    timer = setTimeout(() => fail('loading the module does not come to an end'), DESCRIBE_LIMIT_MS);
    const ask: ToScript = { kind: 'describe', url: prepared.value, module, export: name, params };
    worker.postMessage(ask);
  });
  clearTimeout(timer);
  await worker.terminate();
  if (answer.kind !== 'not_loaded' || !answer.message.startsWith('SyntaxError:')) return answer;
  const mistake = await modules.locateMistake(module);
  return mistake === null ? answer : { kind: 'not_loaded', ...mistake };
}

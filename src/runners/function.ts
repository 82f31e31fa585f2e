/**
 * Calls the function of an attempt in a host of its own thread, and turns what came of it into an end. A function is asked to end
 * by its abort signal; one that does not return within the grace time is ended with its thread. A thread that is stuck, in an
 * endless loop or in a call like `execSync`, cannot hear the signal, so it gets no grace: it is ended at once, and so is what
 * it waits for.
 */

import type { JsonObject } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import type { AttemptRequest, Work } from '../engine/ports.ts';
import type { CallOutcome } from '../flows/conductor.ts';
import type { SentCall } from '../functions/calling.ts';
import type { FunctionCall, FunctionResult } from '../functions/messages.ts';
import { startWait } from '../process/clock.ts';
import { appendToLog } from '../process/log.ts';
import { sweep } from '../process/sweep.ts';
import { removeEmptyArtifacts } from './attempt-files.ts';
import { scriptCall } from './call-definition.ts';
import { layersOf, type InheritedEnvironment } from './environment.ts';
import { INLINE_OUTPUT_LIMIT } from '../model/outcome.ts';
import { failureOf } from './function-failure.ts';
import { type IsolatedHost, startIsolated } from './isolated-function.ts';
import { keepOutputs, type OutputKeeping } from './outputs.ts';
import { scriptFlowKey } from './script-key.ts';
import { shortageIn } from './shortage.ts';
import type { Runner, RunnerContext, RunningWork, WorkEnd } from './runner.ts';

/** A call under way, as the pool of function hosts gives it. */
export interface RunningCall {
  /** Never rejects. */
  readonly done: Promise<FunctionResult>;
  /** Aborts the function's signal; takes back a call that has not begun. */
  abort(reason: string): void;
  /** Ends the host's thread, when what it is in allows. */
  terminate(): Promise<void>;
  /** True when the thread answers within the time; without this, every thread gets its grace time. */
  answers?(withinMs: number): Promise<boolean>;
}

/** What the runner needs of the pool of function hosts. */
export interface FunctionCaller {
  start(
    call: FunctionCall,
    listener: CallListener,
    queue?: { readonly name: string; readonly hosts: number } | null,
  ): RunningCall;
}

/** What the pool tells of a call. */
export interface CallListener {
  begun(): void;
  logFailed(message: string): void;
  /** The function calls a task; `answer` tells it how that ended. */
  called(call: SentCall, answer: (outcome: CallOutcome) => void): void;
  /** How long a call that may have waited in line ran. */
  ran(ms: number): void;
  /** Nothing of the call is left, not even the folder for artifacts. */
  leftNothing(): void;
}

/** What the function runner works with. */
export interface FunctionRunnerOptions extends OutputKeeping {
  /** Asked for with the first call: threads cost time that a run without functions need not pay. */
  readonly pool: () => Promise<FunctionCaller>;
  readonly inherited: InheritedEnvironment;
  /** What `context().vars` gives. Default: nothing. */
  readonly vars?: JsonObject;
  /** Where functions with `isolate: process` run. */
  readonly isolated?: { readonly host: IsolatedHost; readonly command: Runner };
}

type CallWork = Extract<Work, { readonly kind: 'call' }>;

/** A thread that has not answered by then is stuck. */
const ANSWER_MS = 200;
/** What a stuck thread waits for is asked, and killed after this. */
const STUCK_GRACE_MS = 500;
/** A native call that nothing can interrupt is not waited for longer; its thread ends when the call does. */
const THREAD_LIMIT_MS = 1_000;

/** Runs work of the kind `call`. */
export function functionRunner(options: FunctionRunnerOptions): Runner {
  let ready: FunctionCaller | null = null;
  const opened = async (): Promise<FunctionCaller> => {
    ready = await options.pool();
    return ready;
  };
  return {
    start: (request, context) => {
      if (request.work.kind !== 'call') throw new Bug('the function runner was given a command');
      const { work } = request;
      if (request.isolate === 'thread') {
        return new FunctionAttempt(ready ?? opened(), { options, request, work, context });
      }
      if (options.isolated === undefined) throw new Bug('nobody runs functions in processes of their own');
      const call = callOf(options, request, work, context);
      const conclude = async (result: FunctionResult): Promise<WorkEnd> =>
        endOf(result, { options, request, work, context });
      return startIsolated({ ...options.isolated, call, request, context, conclude });
    },
  };
}

interface Task {
  readonly options: FunctionRunnerOptions;
  readonly request: AttemptRequest;
  readonly work: CallWork;
  readonly context: RunnerContext;
}

const STOPPED: WorkEnd = { kind: 'stopped', exit_code: null, signal: null };

/** One attempt: what is asked of it, and what the pool tells of its call. One object, for most calls take less time than to make some. */
class FunctionAttempt implements RunningWork, CallListener {
  readonly ended: Promise<WorkEnd>;
  isKilled = false;
  readonly #task: Task;
  #isStopped = false;
  #isClean = false;
  #changed: () => void = () => {};

  constructor(pool: FunctionCaller | Promise<FunctionCaller>, task: Task) {
    this.#task = task;
    this.ended = pool instanceof Promise ? pool.then((ready) => this.#perform(ready)) : this.#perform(pool);
  }

  stop(): void {
    this.#isStopped = true;
    this.#changed();
  }

  kill(): void {
    this.isKilled = true;
    this.stop();
  }

  hasLeftNothing(): boolean {
    return this.#isClean;
  }

  begun(): void {
    this.#task.context.begun();
  }

  logFailed(): void {
    const { context, request } = this.#task;
    context.listener.warned('log_truncated', `part of what \`${request.step}\` printed could not be written`);
  }

  called(made: SentCall, answer: (outcome: CallOutcome) => void): void {
    const { module } = this.#task.work;
    const call = scriptCall(made, { module, flow: (name) => scriptFlowKey(module, name) });
    void this.#task.context.listener.called?.(call).then(answer);
  }

  ran(ms: number): void {
    this.#task.context.listener.ran?.(ms);
  }

  leftNothing(): void {
    this.#isClean = true;
  }

  async #perform(pool: FunctionCaller): Promise<WorkEnd> {
    if (this.#isStopped) return STOPPED;
    const { options, request, work, context } = this.#task;
    const queue = request.lanes === undefined ? null : { name: request.run, hosts: request.lanes };
    // Making files and folders costs more than most functions do: the log is made when one prints, the folder when one looks for it.
    const call = pool.start(callOf(options, request, work, context), this, queue);
    const result = await new Promise<FunctionResult | null>((resolve) => {
      void call.done.then(resolve);
      this.#changed = () => resolve(null);
    });
    if (result === null) await climbDown(call, request, context, this);
    if (!this.#isClean) await removeEmptyArtifacts(context.places);
    if (result === null) return STOPPED;
    const short = shortageIn(result);
    return short === null ? endOf(result, this.#task) : { kind: 'refused', code: short };
  }

  /** Resolves when nothing is to be waited for any longer. */
  whenKilled(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (this.isKilled) resolve();
      };
      this.#changed();
    });
  }
}

function callOf(
  { inherited, vars = {} }: FunctionRunnerOptions,
  request: AttemptRequest,
  work: CallWork,
  { places, secrets }: RunnerContext,
): FunctionCall {
  return {
    module: work.module,
    export: work.export,
    input: work.input,
    ...(work.task === undefined ? {} : { task: work.task }),
    env: layersOf(inherited, request, places, secrets?.withheld),
    log: places.log,
    context: {
      run: request.run,
      flow: request.flow,
      step: request.step,
      attempt: request.attempt,
      run_dir: places.runDirectory,
      workdir: request.workdir,
      idempotency_key: request.idempotency_key,
      vars,
    },
    ...(secrets === undefined ? {} : { secrets: { values: secrets.values, hidden: secrets.mask.hidden() } }),
  };
}

/** The ladder of a function: abort, grace, the end of the thread and of what it started. */
async function climbDown(
  call: RunningCall,
  request: AttemptRequest,
  { clock }: RunnerContext,
  attempt: FunctionAttempt,
): Promise<void> {
  let hasEnded = false;
  const done = call.done.then(() => {
    hasEnded = true;
  });
  const killed = attempt.whenKilled();
  call.abort('the attempt was asked to end');
  const isStuck = call.answers === undefined ? Promise.resolve(false) : call.answers(ANSWER_MS).then((heard) => !heard);
  const grace = startWait(clock, request.grace_ms);
  const stuck = isStuck.then((is) => (is ? undefined : grace.over));
  await Promise.race([done, killed, stuck]);
  grace.cancel();
  // Not awaited: a thread inside `execSync` ends only when the sweep has ended what it waits for.
  const terminated = hasEnded ? Promise.resolve() : call.terminate();
  const graceMs = attempt.isKilled ? 0 : STUCK_GRACE_MS;
  const pattern = { kind: 'attempt', run: request.run, step: request.step, attempt: request.attempt } as const;
  await sweep({ pattern, clock, graceMs });
  const limit = startWait(clock, THREAD_LIMIT_MS);
  await Promise.race([Promise.all([done, terminated]), limit.over]);
  limit.cancel();
  // What the function started between the first look and its end.
  await sweep({ pattern, clock, graceMs: 0 });
}

function endOf(result: FunctionResult, { options, request, work, context }: Task): WorkEnd | Promise<WorkEnd> {
  const { secrets, places } = context;
  if (result.kind !== 'returned') {
    const failure = failureOf(result, work);
    if (failure.detail !== undefined) {
      const trace = `${failure.detail.trimEnd()}\n`;
      appendToLog(places.log, secrets?.mask.text(trace) ?? trace);
    }
    const exit_code = result.kind === 'host_ended' ? result.code : null;
    const judged = result.kind === 'threw' && result.judged !== undefined ? { judged: result.judged } : {};
    return { kind: 'failed', failure, exit_code, signal: null, ...judged };
  }
  const { value, json } = result;
  const isChecked = request.outputs_schema !== null || secrets !== undefined;
  // The value comes from JSON, and is as it will be read back.
  if (!isChecked && value === null) return { kind: 'succeeded', exit_code: null, outputs: null };
  if (!isChecked && json.length * BYTES_PER_UNIT <= INLINE_OUTPUT_LIMIT) {
    return { kind: 'succeeded', exit_code: null, outputs: { kind: 'inline', value } };
  }
  return keepOutputs(options, request.outputs_schema, value, secrets).then((kept) =>
    kept.ok
      ? { kind: 'succeeded', exit_code: null, outputs: kept.value }
      : { kind: 'failed', failure: kept.error, exit_code: null, signal: null },
  );
}

/** A unit of JavaScript's texts takes at most so many bytes. */
const BYTES_PER_UNIT = 3;

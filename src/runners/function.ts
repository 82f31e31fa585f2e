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
    listener: {
      begun(): void;
      logFailed(message: string): void;
      /** The function calls a task; `answer` tells it how that ended. */
      called(call: SentCall, answer: (outcome: CallOutcome) => void): void;
      /** How long a call that may have waited in line ran. */
      ran(ms: number): void;
      /** Nothing of the call is left, not even the folder for artifacts. */
      leftNothing(): void;
    },
    queue?: { readonly name: string; readonly hosts: number } | null,
  ): RunningCall;
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
  return {
    start: (request, context) => {
      if (request.work.kind !== 'call') throw new Bug('the function runner was given a command');
      const { work } = request;
      if (request.isolate === 'thread') return startFunction(options, request, work, context);
      if (options.isolated === undefined) throw new Bug('nobody runs functions in processes of their own');
      const call = callOf(options, request, work, context);
      const conclude = (result: FunctionResult): Promise<WorkEnd> => endOf(result, request, work, options, context);
      return startIsolated({ ...options.isolated, call, request, context, conclude });
    },
  };
}

interface Control {
  stopped: boolean;
  killed: boolean;
  /** Not even the folder for artifacts. */
  leftNothing: boolean;
  changed(): void;
}

function startFunction(
  options: FunctionRunnerOptions,
  request: AttemptRequest,
  work: CallWork,
  context: RunnerContext,
): RunningWork {
  const control: Control = { stopped: false, killed: false, leftNothing: false, changed: () => {} };
  return {
    ended: runFunction(options, request, work, context, control),
    stop: () => {
      control.stopped = true;
      control.changed();
    },
    kill: () => {
      control.stopped = true;
      control.killed = true;
      control.changed();
    },
    hasLeftNothing: () => control.leftNothing,
  };
}

const STOPPED: WorkEnd = { kind: 'stopped', exit_code: null, signal: null };

async function runFunction(
  options: FunctionRunnerOptions,
  request: AttemptRequest,
  work: CallWork,
  context: RunnerContext,
  control: Control,
): Promise<WorkEnd> {
  const pool = await options.pool();
  if (control.stopped) return STOPPED;
  const { places, listener } = context;
  // Making files and folders costs more than most functions do: the log is made when one prints, the folder when one looks for it.
  const queue = request.lanes === undefined ? null : { name: request.run, hosts: request.lanes };
  const heard: Parameters<FunctionCaller['start']>[1] = {
    begun: () => context.begun(),
    logFailed: () => listener.warned('log_truncated', `part of what \`${request.step}\` printed could not be written`),
    called: (made, answer) => {
      const { module } = work;
      const call = scriptCall(made, { module, flow: (name) => scriptFlowKey(module, name) });
      void listener.called?.(call).then(answer);
    },
    ran: (ms) => listener.ran?.(ms),
    leftNothing: () => {
      control.leftNothing = true;
    },
  };
  const call = pool.start(callOf(options, request, work, context), heard, queue);
  const stopped = new Promise<null>((resolve) => {
    control.changed = () => resolve(null);
  });
  const result = await Promise.race([call.done, stopped]);
  if (result === null) await climbDown(call, request, context, control);
  if (!control.leftNothing) await removeEmptyArtifacts(places);
  const short = result === null ? null : shortageIn(result);
  if (short !== null) return { kind: 'refused', code: short };
  return result === null ? STOPPED : endOf(result, request, work, options, context);
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
  control: Control,
): Promise<void> {
  let hasEnded = false;
  const done = call.done.then(() => {
    hasEnded = true;
  });
  const killed = new Promise<void>((resolve) => {
    control.changed = () => {
      if (control.killed) resolve();
    };
    control.changed();
  });
  call.abort('the attempt was asked to end');
  const isStuck = call.answers === undefined ? Promise.resolve(false) : call.answers(ANSWER_MS).then((heard) => !heard);
  const grace = startWait(clock, request.grace_ms);
  const stuck = isStuck.then((is) => (is ? undefined : grace.over));
  await Promise.race([done, killed, stuck]);
  grace.cancel();
  // Not awaited: a thread inside `execSync` ends only when the sweep has ended what it waits for.
  const terminated = hasEnded ? Promise.resolve() : call.terminate();
  const graceMs = control.killed ? 0 : STUCK_GRACE_MS;
  const pattern = { kind: 'attempt', run: request.run, step: request.step, attempt: request.attempt } as const;
  await sweep({ pattern, clock, graceMs });
  const limit = startWait(clock, THREAD_LIMIT_MS);
  await Promise.race([Promise.all([done, terminated]), limit.over]);
  limit.cancel();
  // What the function started between the first look and its end.
  await sweep({ pattern, clock, graceMs: 0 });
}

async function endOf(
  result: FunctionResult,
  { outputs_schema }: AttemptRequest,
  work: CallWork,
  keeping: OutputKeeping,
  { places: { log }, secrets }: RunnerContext,
): Promise<WorkEnd> {
  if (result.kind !== 'returned') {
    const failure = failureOf(result, work);
    if (failure.detail !== undefined) {
      const trace = `${failure.detail.trimEnd()}\n`;
      appendToLog(log, secrets?.mask.text(trace) ?? trace);
    }
    const exit_code = result.kind === 'host_ended' ? result.code : null;
    const judged = result.kind === 'threw' && result.judged !== undefined ? { judged: result.judged } : {};
    return { kind: 'failed', failure, exit_code, signal: null, ...judged };
  }
  const kept = await keepOutputs(keeping, outputs_schema, result.value, secrets);
  return kept.ok
    ? { kind: 'succeeded', exit_code: null, outputs: kept.value }
    : { kind: 'failed', failure: kept.error, exit_code: null, signal: null };
}

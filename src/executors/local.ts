/**
 * Runs attempts on this machine: picks the runner, keeps the attempt's timeout, lets the first reason to stop win, and tries again
 * when the system has no room for another process. It must not know what an outcome leads to: retries and what follows are the
 * engine's. From here go to `runners/` (what an attempt does) and `process/` (how processes live and end).
 */

import type { RunId, StepKey } from '../base/ids.ts';
import { assertNever, Bug } from '../base/result.ts';
import type {
  AttemptListener,
  AttemptRequest,
  Clock,
  Executor,
  RunningAttempt,
  StopReason,
  Work,
} from '../engine/ports.ts';
import type { Failure, Outcome } from '../model/outcome.ts';
import { startWait } from '../process/clock.ts';
import { type SweepReport, sweepRun } from '../process/sweep.ts';
import { UnwritableState } from '../process/unwritable-state.ts';
import type { Watchdog } from '../process/watchdog.ts';
import type { AttemptPlaces, Runner, RunningWork, WorkEnd } from '../runners/runner.ts';
import { type Admission, createAdmission } from './admission.ts';
import { Told } from './told.ts';

/** What the executor of a run works with. */
export interface LocalExecutorOptions {
  readonly run: RunId;
  readonly clock: Clock;
  /** Who performs which kind of work. */
  readonly runners: {
    readonly command: Runner;
    readonly function: Runner;
    readonly flow?: Runner;
    readonly wait?: Runner;
    readonly notify?: Runner;
  };
  readonly watchdog: Watchdog;
  /** Where an attempt keeps its files. */
  readonly places: (step: StepKey, attempt: number) => AttemptPlaces;
  /** From TERM to KILL for what outlives the run's steps. */
  readonly graceMs: number;
  /** Shared by the runs of a tree. Default: one of its own. */
  readonly admission?: Admission;
  /** Stands around attempts of steps that make files or may be reused. Default: nobody does. */
  readonly results?: Results;
  /** Told when nothing of the steps runs any more, before what outlived them is ended. Default: nobody is. */
  readonly rested?: () => void;
  /** Told when the disk refused a file of an attempt, which ends before it begins: nothing more is to be started. */
  readonly stateLost: (error: UnwritableState) => void;
}

/** Looks after what attempts make. */
export interface Results {
  /** Before anything runs. @returns a sentence when nothing may. @throws {UnwritableState} */
  begin(request: AttemptRequest): Promise<string | null>;
  /** After a success: what it comes to when what was made is looked at. */
  conclude(
    request: AttemptRequest,
    success: Extract<Outcome, { readonly kind: 'succeeded' }>,
    warn: (message: string) => void,
  ): Promise<Outcome>;
}

/** The executor of one run. */
export interface LocalExecutor extends Executor {
  /**
   * Ends what outlived the steps, when none runs any more. Never rejects; after 30 s it gives up and says who is left.
   * @param hurry aborted to skip what is left of the grace time: KILL at once. Default: never.
   */
  reapRun(hurry?: AbortSignal): Promise<SweepReport>;
  /** Sends the watchdog home. Nothing may run any more. */
  close(): Promise<void>;
}

/** A start that the system refuses is tried again after this, twice as long each time, up to the second figure. */
const BACK_OFF_MS = { first: 50, longest: 1_000 };
/** When nothing else runs whose end could make room, a start is given up after this. */
const PATIENCE_MS = 60_000;

/** An executor for one run on this machine. */
export function createLocalExecutor(options: LocalExecutorOptions): LocalExecutor {
  const admission = options.admission ?? createAdmission();
  return {
    start: (request, listener) => startAttempt(options, admission, request, listener),
    reapRun: (hurry) => {
      options.rested?.();
      return sweepRun(options.run, { clock: options.clock, graceMs: options.graceMs, hurry });
    },
    close: () => options.watchdog.close(),
  };
}

/** The end of an attempt that was not let begin: what it does could not be recorded. */
const STATE_LOST: Outcome = {
  kind: 'cancelled',
  by: { kind: 'policy', policy: 'state_error' },
  exit_code: null,
  signal: null,
};

/** What is known of an attempt while it runs. */
interface Progress {
  reason: StopReason | null;
  killed: boolean;
  /** It acts, or did. */
  begun: boolean;
  work: RunningWork | null;
  /** The listener could not record the process: the state is broken, and nothing ran. */
  unrecorded: boolean;
  /** Ends a wait between two starts. */
  wake(): void;
  /** Takes the timeout back. */
  disarm(): void;
}

function startAttempt(
  options: LocalExecutorOptions,
  admission: Admission,
  request: AttemptRequest,
  listener: AttemptListener,
): RunningAttempt {
  const progress: Progress = {
    reason: null,
    killed: false,
    begun: false,
    work: null,
    unrecorded: false,
    wake: () => {},
    disarm: () => {},
  };
  const stop = (reason: StopReason): void => {
    if (progress.reason !== null) return;
    progress.reason = reason;
    if (progress.killed) progress.work?.kill();
    else progress.work?.stop(reason.kind === 'cancelled' ? reason.signal : 'SIGTERM', reason);
    progress.wake();
    admission.review();
  };
  const attempt = { options, admission, request, listener, progress, stop };
  const { results } = options;
  const isKept = request.generates.length > 0 || request.reuse !== null;
  return {
    done: results !== undefined && isKept ? performAndKeep(attempt, results) : perform(attempt),
    hasBegun: () => progress.begun,
    stop,
    kill: () => {
      progress.killed = true;
      if (progress.reason !== null) progress.work?.kill();
    },
  };
}

interface Attempt {
  readonly options: LocalExecutorOptions;
  readonly admission: Admission;
  readonly request: AttemptRequest;
  readonly listener: AttemptListener;
  readonly progress: Progress;
  readonly stop: (reason: StopReason) => void;
}

async function performAndKeep(attempt: Attempt, results: Results): Promise<Outcome> {
  const { request, listener, options } = attempt;
  try {
    const refusal = await results.begin(request);
    if (refusal !== null) {
      const failure: Failure = { code: 'start_refused', message: refusal };
      return { kind: 'failed', failure, exit_code: null, signal: null };
    }
    const outcome = await perform(attempt);
    if (outcome.kind !== 'succeeded') return outcome;
    return await results.conclude(request, outcome, (message) => listener.warned('result_not_kept', message));
  } catch (error) {
    return stateLost(options, error);
  }
}

/** @throws whatever is no refusal of the disk. */
function stateLost({ stateLost: tell }: LocalExecutorOptions, error: unknown): Outcome {
  if (!(error instanceof UnwritableState)) throw error;
  tell(error);
  return STATE_LOST;
}

async function perform({ options, admission, request, listener, progress, stop }: Attempt): Promise<Outcome> {
  const { clock } = options;
  const runner = runnerFor(options, request.work);
  const isProcess = takesRoom(request.work);
  const context = {
    places: options.places(request.step, request.attempt),
    clock,
    listener: new Told(listener, () => {
      progress.unrecorded = true;
    }),
    begun: () => {
      progress.begun = true;
      const { timeout_ms } = request;
      if (timeout_ms === null) return;
      progress.disarm = clock.after(timeout_ms, () => stop({ kind: 'timed_out', after_ms: timeout_ms }));
    },
  };
  let firstRefusalMs: number | undefined;
  for (let delayMs = BACK_OFF_MS.first; ; delayMs = Math.min(delayMs * 2, BACK_OFF_MS.longest)) {
    if (isProcess && !admission.enterAtOnce() && !(await admission.enter(() => progress.reason === null))) break;
    let end: WorkEnd | undefined;
    try {
      if (progress.reason !== null) break;
      progress.work = runner.start(request, context);
      end = await progress.work.ended;
    } catch (error) {
      return progress.unrecorded ? STATE_LOST : stateLost(options, error);
    } finally {
      progress.disarm();
      progress.work = null;
      if (isProcess) admission.leave(end?.kind === 'refused' ? 'refused' : 'started');
    }
    if (end.kind !== 'refused') return outcomeOf(end, progress.reason);
    firstRefusalMs ??= clock.monotonic();
    if (admission.running === 0 && clock.monotonic() - firstRefusalMs > PATIENCE_MS) return refusedForGood(end.code);
    const wait = startWait(clock, delayMs);
    const woken = new Promise<void>((resolve) => {
      progress.wake = resolve;
    });
    await Promise.race([wait.over, woken]);
    wait.cancel();
    if (progress.reason !== null) break;
  }
  return outcomeOf({ kind: 'stopped', exit_code: null, signal: null }, progress.reason);
}

function runnerFor({ runners }: LocalExecutorOptions, { kind }: Work): Runner {
  const name = kind === 'call' ? 'function' : kind === 'shell' || kind === 'argv' ? 'command' : kind;
  const runner = runners[name];
  if (runner === undefined) throw new Bug(`nobody performs work of the kind ${name}`);
  return runner;
}

/** Work whose processes are those of other attempts, or that has none, must not keep them from starting. */
const takesRoom = ({ kind }: Work): boolean => kind === 'shell' || kind === 'argv' || kind === 'call';

const refusedForGood = (code: string): Outcome => ({
  kind: 'failed',
  failure: {
    code: 'start_refused',
    message: `the system has had no room for another process for ${PATIENCE_MS / 1_000} s (${code})`,
  },
  exit_code: null,
  signal: null,
});

function outcomeOf(end: Exclude<WorkEnd, { readonly kind: 'refused' }>, reason: StopReason | null): Outcome {
  switch (end.kind) {
    case 'succeeded':
    case 'failed':
      // It had ended by itself before the reason came.
      return end;
    case 'stopped': {
      const { exit_code, signal, detail = 'the work was stopped by nobody' } = end;
      if (reason === null) return { kind: 'lost', detail };
      return reason.kind === 'timed_out'
        ? { ...reason, exit_code, signal }
        : { kind: 'cancelled', by: reason.by, exit_code, signal };
    }
    default:
      return assertNever(end, 'end of work');
  }
}

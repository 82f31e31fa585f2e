/**
 * Runs the sub-flow of an attempt: a run of its own, in this process, under the lock of its root. What that takes is handed in; here is
 * how a run's end becomes the end of an attempt, and how the attempt's end is asked of the run.
 */

import type { Json } from '../base/json.ts';
import { assertNever, Bug } from '../base/result.ts';
import type { AttemptListener, AttemptRequest, StopReason, Work } from '../engine/ports.ts';
import type { Failure } from '../model/outcome.ts';
import { failedSteps } from '../model/news.ts';
import type { RunRecord } from '../model/run.ts';
import { keepOutputs, type OutputKeeping } from './outputs.ts';
import type { Runner, RunnerContext, RunningWork, WorkEnd } from './runner.ts';

/** The work of a sub-flow. */
export type FlowWork = Extract<Work, { readonly kind: 'flow' }>;

/** How a sub-run came to its end. */
export type SubRunEnd =
  | { readonly kind: 'ended'; readonly run: RunRecord; readonly outputs: Json }
  /** Its state could not be kept: the whole tree of runs comes to its end. */
  | { readonly kind: 'state_lost' }
  /** It waits for a person or an instant, and nobody stays: the whole tree is left, and so is the attempt. */
  | { readonly kind: 'parked' };

/** A sub-run on disk, in which nothing happens yet. */
export interface SubRun {
  /**
   * Runs to the end. Call it once. Rejects only with a bug.
   * @param stopped why it is to end before it begins; null: it begins.
   */
  execute(stopped: StopReason | null): Promise<SubRunEnd>;
  /** Asks it to end, as its parent was asked. */
  stop(reason: StopReason): void;
  /** Waits for nothing any longer. */
  kill(): void;
}

/** Opens sub-runs. */
export interface SubRuns {
  /**
   * Makes the run of an attempt, or opens the one that an earlier attempt began.
   * @returns the run; a failure for which there is none; or `state_lost`, when it could not be written or read.
   */
  open(
    request: AttemptRequest,
    work: FlowWork,
    listener: AttemptListener,
  ): Promise<
    | { readonly kind: 'opened'; readonly run: SubRun }
    | { readonly kind: 'impossible'; readonly failure: Failure }
    | { readonly kind: 'state_lost' }
  >;
}

/** What the runner of sub-flows works with. */
export interface FlowRunnerOptions extends OutputKeeping {
  readonly subRuns: SubRuns;
}

/** Runs work of the kind `flow`. */
export function flowRunner(options: FlowRunnerOptions): Runner {
  return {
    start: (request, context) => {
      const { work } = request;
      if (work.kind !== 'flow') throw new Bug(`the runner of sub-flows was given a ${work.kind}`);
      return startFlow(options, request, work, context);
    },
  };
}

/** What `stop` and `kill` act upon, whatever has been reached when they are called. */
interface Control {
  reason: StopReason | null;
  killed: boolean;
  run: SubRun | null;
}

function startFlow(
  options: FlowRunnerOptions,
  request: AttemptRequest,
  work: FlowWork,
  context: RunnerContext,
): RunningWork {
  const control: Control = { reason: null, killed: false, run: null };
  return {
    ended: runFlow(options, request, work, context, control),
    stop: (signal, reason) => {
      if (control.reason !== null) return;
      control.reason = reason ?? stoppedBy(signal);
      control.run?.stop(control.reason);
    },
    kill: () => {
      control.killed = true;
      control.reason ??= stoppedBy('SIGTERM');
      control.run?.kill();
    },
  };
}

const stoppedBy = (signal: NodeJS.Signals): StopReason => ({
  kind: 'cancelled',
  signal: signal === 'SIGINT' || signal === 'SIGHUP' ? signal : 'SIGTERM',
  by: { kind: 'policy', policy: 'parent' },
});

/** Nobody waits for it: the engine that did has been left. */
const NEVER: Promise<WorkEnd> = new Promise(() => {});

const STOPPED: WorkEnd = { kind: 'stopped', exit_code: null, signal: null };

async function runFlow(
  options: FlowRunnerOptions,
  request: AttemptRequest,
  work: FlowWork,
  { listener, begun, secrets }: RunnerContext,
  control: Control,
): Promise<WorkEnd> {
  const opened = await options.subRuns.open(request, work, listener);
  if (opened.kind === 'state_lost') return STOPPED;
  if (opened.kind === 'impossible') return failed(opened.failure);
  const { run } = opened;
  begun();
  // Stopped in between: it is ended by its own engine, so that its record says so.
  const ending = run.execute(control.reason);
  control.run = run;
  if (control.killed) run.kill();
  const end = await ending;
  if (end.kind === 'state_lost') return STOPPED;
  if (end.kind === 'parked') return NEVER;
  return endOf(options, request, end, secrets);
}

async function endOf(
  options: FlowRunnerOptions,
  request: AttemptRequest,
  { run, outputs }: Extract<SubRunEnd, { readonly kind: 'ended' }>,
  secrets: RunnerContext['secrets'],
): Promise<WorkEnd> {
  const { ending } = run;
  if (ending === null) throw new Bug(`run ${run.id} came to no end`);
  switch (ending.state) {
    case 'succeeded': {
      const kept = await keepOutputs(options, request.outputs_schema, outputs, secrets);
      return kept.ok ? { kind: 'succeeded', exit_code: null, outputs: kept.value } : failed(kept.error);
    }
    case 'skipped':
      // The policy of its concurrency group said "not now": there was nothing to do.
      return { kind: 'succeeded', exit_code: null, outputs: null, skips: true };
    case 'cancelled':
      return run.cancellation?.by.kind === 'policy' && run.cancellation.by.policy === 'cancel_running'
        ? failed({ code: 'sub_flow', message: `a newer run took the place of run ${run.id}` })
        : STOPPED;
    case 'failed':
      return failed(failureOf(run));
    default:
      return assertNever(ending.state, 'state of a run');
  }
}

const failed = (failure: Failure): WorkEnd => ({ kind: 'failed', failure, exit_code: null, signal: null });

const MOST_NAMES = 5;

/** Why a sub-run failed: its time, its outputs, or the steps that did. */
function failureOf(run: RunRecord): Failure {
  const { id, ending } = run;
  if (ending?.timed_out === true) return { code: 'timed_out', message: `run ${id} ran out of its time` };
  if (ending !== null && ending.error !== null) {
    return { ...ending.error, message: `run ${id}: ${ending.error.message}` };
  }
  const names = failedSteps(run).map((key) => `\`${key}\``);
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  const list = `${names.slice(0, MOST_NAMES).join(', ')}${more}`;
  return { code: 'members_failed', message: names.length === 0 ? `run ${id} failed` : `${list} failed in run ${id}` };
}

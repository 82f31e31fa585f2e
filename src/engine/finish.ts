/** How a run whose steps are all settled ends: another try of it, its handlers, or the end. */

import type { EventBody, FinalRunState } from '../model/event.ts';
import type { EndingSignal } from '../model/outcome.ts';
import type { RunRecord } from '../model/run.ts';
import type { Situation } from './decide.ts';
import { nextPhase, phaseFor } from './handler-phases.ts';
import { retryDelay } from './verdict.ts';

/** The end of a run. */
export interface Finish {
  readonly state: FinalRunState;
  readonly exit_code: number;
  readonly timed_out: boolean;
}

/** What follows when every step is settled. */
export function endOfRun(situation: Situation): { readonly event: EventBody } | { readonly finish: Finish } {
  const { run, plan } = situation;
  const finish = finishOf(situation);
  if (finish.state === 'skipped') return { finish };
  const isRetried = finish.state === 'failed' && !finish.timed_out && finish.exit_code === 1;
  const retry = run.handlers.length === 0 && isRetried ? retryOf(situation) : null;
  if (retry !== null) return { event: retry };
  // Also when the time for cleaning up is over: then they are given up at once, and it is on record that they were.
  const phase = nextPhase(plan.flow.handlers, run.handlers, phaseFor(finish.state));
  if (phase === null) return { finish };
  const count = plan.flow.handlers[phase].length;
  return { event: { type: 'handlers.started', step: null, phase, count } };
}

/** Another try of the whole run, as a resume would. */
function retryOf({ run, plan, random, now, isCleanupOver, script }: Situation): EventBody | null {
  const { retry } = plan.flow;
  const count = run.retries + 1;
  if (count > retry.max || run.cancellation !== null || isCleanupOver) return null;
  const delay_ms = retryDelay(retry, count, random());
  const caught = script?.caught ?? [];
  const due = new Date(now + delay_ms).toISOString();
  return { type: 'run.retried', retry: count, delay_ms, due, ...(caught.length === 0 ? {} : { caught }) };
}

/** The state in which a run is about to end, as its handlers see it. */
export const stateAhead = (situation: Situation): FinalRunState => finishOf(situation).state;

function finishOf({ run, frontier, refusal, script }: Situation): Finish {
  const { cancellation } = run;
  if (cancellation !== null) {
    const { signal, by } = cancellation;
    if (signal !== null) return { state: 'cancelled', exit_code: 128 + SIGNAL_NUMBERS[signal], timed_out: false };
    if (by.kind === 'policy' && by.policy === 'timeout') return { state: 'failed', exit_code: 124, timed_out: true };
    return { state: 'cancelled', exit_code: 5, timed_out: false };
  }
  if (refusal !== null) return { state: 'skipped', exit_code: 75, timed_out: false };
  if (script?.hasDrifted === true) return { state: 'failed', exit_code: 4, timed_out: false };
  return frontier.hasFailed || (script?.failure ?? null) !== null
    ? { state: 'failed', exit_code: hasDriftedBelow(run) ? 4 : 1, timed_out: false }
    : { state: 'succeeded', exit_code: 0, timed_out: false };
}

/** True when the flow function of a sub-run contradicts its record: only a person can do something about that. */
const hasDriftedBelow = ({ steps }: RunRecord): boolean =>
  [...steps.values()].some(
    ({ child, phase }) => child !== null && phase.kind === 'failed' && phase.error?.code === 'drift',
  );

/** Numbers of signals (POSIX.1-2017, `kill`): a shell reports 128 plus these. */
const SIGNAL_NUMBERS: { readonly [Signal in EndingSignal]: number } = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

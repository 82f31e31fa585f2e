/**
 * The decider: reads the run and says which events should follow. Pure: it changes nothing, asks no clock, and draws only from the
 * random source that it is given. The engine folds what it says and asks again until it says nothing. It looks at queues of what
 * changed, never at all steps (but when a run is being ended early).
 *
 * It must not know how anything is done; `engine.ts` performs what was decided. What follows a failure is `verdict.ts`.
 */

import type { EventBody, FinalRunState, StepSettled } from '../model/event.ts';
import type { EndingSignal, Failure } from '../model/outcome.ts';
import type { RunRecord, StepRecord } from '../model/run.ts';
import type { Frontier } from './frontier.ts';
import { isCleanup, type Plan, stepAt } from './plan.ts';
import type { Random } from './ports.ts';
import { verdictOn } from './verdict.ts';

/** How a run whose steps are all settled is to end. */
export interface Finish {
  readonly state: FinalRunState;
  readonly exit_code: number;
}

/** What should be true next: events to record now, conditions to evaluate, or the end; nothing of it: wait for a message. */
export interface Decision {
  readonly events: readonly EventBody[];
  /** Steps whose conditions decide what follows. */
  readonly questions: readonly number[];
  readonly finish: Finish | null;
}

/** What the decider looks at. */
export interface Situation {
  readonly run: RunRecord;
  readonly plan: Plan;
  readonly frontier: Frontier;
  readonly random: Random;
  /** Wall clock in milliseconds, for the due time that a scheduled retry shows. */
  readonly now: number;
  /** True when the time for cleaning up after a cancellation is over. */
  readonly isCleanupOver: boolean;
}

const nothing: Decision = { events: [], questions: [], finish: null };

/** Says what should follow. Costs time linear in what it decides. */
export function decide(situation: Situation): Decision {
  const { run, frontier } = situation;
  if (run.ending !== null) return nothing;
  const closing = closeSteps(situation);
  if (closing.length > 0) return { ...nothing, events: closing };
  if (frontier.unsettled === 0) return { ...nothing, finish: finishOf(situation) };
  const givenUp = isStopping(situation) ? giveUpUnstarted(situation) : [];
  if (givenUp.length > 0) return { ...nothing, events: givenUp };
  return { ...nothing, events: startReady(situation), questions: [...frontier.questions()] };
}

/** Everything that ends without another attempt, or waits for its next one. */
function closeSteps(situation: Situation): EventBody[] {
  const { frontier } = situation;
  const events: EventBody[] = [];
  for (const index of frontier.undecided()) events.push(closeOrRetry(situation, index));
  for (const index of frontier.unstartable()) {
    const reason = frontier.blockedBy(index) ?? 'upstream_skipped';
    events.push({ type: 'step.skipped', step: frontier.recordAt(index).key, reason });
  }
  for (const [index, judgement] of frontier.turnedDown()) {
    const step = frontier.recordAt(index);
    if (judgement.kind === 'unmet') events.push({ type: 'step.skipped', step: step.key, reason: 'condition' });
    else events.push(settle(step, 'failed', stepAt(situation.plan, index).continue_on_error, judgement.failure));
  }
  return events;
}

function startReady({ run, frontier }: Situation): EventBody[] {
  const events: EventBody[] = [];
  let free = run.settings.max_parallel - frontier.running;
  for (const index of frontier.ready()) {
    if (free <= 0) break;
    events.push(nextAttempt(frontier.recordAt(index)));
    free -= 1;
  }
  return events;
}

/** Walks over all steps, a few times per life of a run: afterwards none is left that is neither running nor settled. */
function giveUpUnstarted(situation: Situation): EventBody[] {
  const { plan, frontier } = situation;
  const sparesCleanup = !isCleanupOver(situation);
  if (frontier.notStarted(sparesCleanup ? 'plain' : 'all') === 0) return [];
  const given = [...frontier.unstarted()].filter((index) => !sparesCleanup || !isCleanup(plan, index));
  // What had begun is closed first: what comes after it is skipped for its sake, and says so.
  const begun = given.filter((index) => frontier.recordAt(index).phase.kind !== 'pending');
  return (begun.length > 0 ? begun : given).map((index) => giveUpBeforeStart(situation, index));
}

/** True when nothing more is to be started in this run but what cleans up. */
function isStopping({ run, frontier }: Situation): boolean {
  return run.cancellation !== null || (run.settings.fail_fast && frontier.failed > 0);
}

const isCleanupOver = ({ run, isCleanupOver }: Situation): boolean =>
  isCleanupOver || (run.cancellation !== null && run.cancellation.signals > 1);

function nextAttempt(step: StepRecord): EventBody {
  const last = step.attempts.at(-1);
  return {
    type: 'attempt.started',
    step: step.key,
    attempt: step.attempts.length + 1,
    iteration: last?.iteration ?? 0,
  };
}

function closeOrRetry(situation: Situation, index: number): EventBody {
  const { plan, frontier, random, now } = situation;
  const step = frontier.recordAt(index);
  const definition = stepAt(plan, index);
  const attempt = step.attempts.at(-1);
  if (attempt === undefined || attempt.outcome === 'cancelled') return settle(step, 'cancelled', false, null);
  if (attempt.outcome === 'succeeded') return { type: 'step.skipped', step: step.key, reason: 'skip_code' };
  // One that may start again never comes here: the frontier has it among the ready ones.
  if (attempt.outcome === 'lost') return settle(step, 'failed', definition.continue_on_error, lostFailure(step));
  const verdict = verdictOn(definition.retry, attempt, step.failures, random());
  if (verdict.kind === 'give_up' || (isStopping(situation) && !isCleanup(plan, index))) {
    return settle(step, 'failed', definition.continue_on_error, attempt.error);
  }
  return {
    type: 'retry.scheduled',
    step: step.key,
    attempt: step.attempts.length + 1,
    delay_ms: verdict.delay_ms,
    due: new Date(now + verdict.delay_ms).toISOString(),
  };
}

/** A run that is being ended starts nothing more; a step that had failed and waits for its retry has failed. */
function giveUpBeforeStart({ run, plan, frontier }: Situation, index: number): EventBody {
  const step = frontier.recordAt(index);
  if (step.phase.kind === 'retrying') {
    if (run.cancellation !== null) return settle(step, 'cancelled', false, null);
    return settle(step, 'failed', stepAt(plan, index).continue_on_error, step.attempts.at(-1)?.error ?? null);
  }
  if (step.phase.kind === 'waiting' || step.phase.kind === 'undecided') return settle(step, 'cancelled', false, null);
  const reason = frontier.blockedBy(index) === 'upstream_failed' ? 'upstream_failed' : 'cancelled';
  return { type: 'step.skipped', step: step.key, reason };
}

function settle(step: StepRecord, state: StepSettled['state'], tolerated: boolean, error: Failure | null): EventBody {
  return { type: 'step.settled', step: step.key, state, tolerated, error, outputs: null };
}

function lostFailure(step: StepRecord): Failure {
  const attempt = step.attempts.length;
  return {
    code: 'lost_attempt',
    message: `attempt ${attempt} was lost, and \`if_lost: fail\` leaves it to a person: \`flowctl resume --from ${step.key}\``,
  };
}

function finishOf({ run, frontier }: Situation): Finish {
  if (run.cancellation !== null) {
    const { signal } = run.cancellation;
    return { state: 'cancelled', exit_code: signal === null ? 5 : 128 + SIGNAL_NUMBERS[signal] };
  }
  return frontier.failed > 0 ? { state: 'failed', exit_code: 1 } : { state: 'succeeded', exit_code: 0 };
}

/** Numbers of signals (POSIX.1-2017, `kill`): a shell reports 128 plus these. */
const SIGNAL_NUMBERS: { readonly [Signal in EndingSignal]: number } = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** `--output plain`: one line per event that a person cares for, each with its time (RFC 3339, UTC). */

import { formatDuration } from '../base/duration.ts';
import type { RunId, StepKey } from '../base/ids.ts';
import type {
  ApprovalAnswered,
  AttemptFinished,
  CancelRequested,
  RunEvent,
  RunStarted,
  SkipReason,
  StepExpanded,
  StepSettled,
} from '../model/event.ts';
import type { Observer } from './hub.ts';
import { withoutControls } from './terminal-filter.ts';

/** The tones a line can have; a view gives functions that colour them. */
export interface LinePaint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly odd: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly strong: (text: string) => string;
}

const unchanged = (text: string): string => text;

/** No colour at all. */
export const plainLines: LinePaint = {
  good: unchanged,
  bad: unchanged,
  odd: unchanged,
  faint: unchanged,
  strong: unchanged,
};

const SKIPPED: { readonly [Reason in SkipReason]: string } = {
  condition: 'its condition is false',
  upstream_failed: 'a step before it failed',
  upstream_skipped: 'a step before it was skipped',
  not_selected: 'it was not selected',
  cancelled: 'the run was being ended',
  skip_code: 'it said that there was nothing to do',
};

/** Why a step was skipped, as the end of a sentence. */
export const skipSentence = (reason: SkipReason): string => SKIPPED[reason];

/** Writes a line for each event that a person cares for. */
export function createPlainObserver(run: RunId, write: (line: string) => void, paint: LinePaint): Observer {
  let signals = 0;
  // Why the last attempt of a step failed, until the step is settled: that need not be said twice.
  const said = new Map<StepKey, string>();
  return {
    name: 'plain',
    observe(event) {
      if (event.type === 'run.signalled') signals += 1;
      if (event.type === 'attempt.finished') {
        if (event.error === null) said.delete(event.step);
        else said.set(event.step, event.error.message);
      }
      const text =
        signals > 1 && event.type === 'run.signalled'
          ? atOnce(event.signal, paint)
          : lineOf(run, event, paint, 'step' in event && event.step !== null ? said.get(event.step) : undefined);
      if (event.type === 'step.settled') said.delete(event.step);
      if (text !== null) write(`${paint.faint(event.time)} ${text}\n`);
    },
  };
}

const atOnce = (signal: string, paint: LinePaint): string => paint.odd(`${signal} received: ending at once`);

/** Why a step runs that a recorded result could have stood for. */
const reasonFor = (why: string | undefined): string => (why === undefined ? '' : `: ${withoutControls(why)}`);

/** @param said why the last attempt of the event's step failed; undefined where there was none. */
function lineOf(run: RunId, event: RunEvent, paint: LinePaint, said: string | undefined): string | null {
  switch (event.type) {
    case 'run.started':
      return `run ${paint.strong(run)} of ${event.flow}${event.name === undefined ? '' : ` (${withoutControls(event.name)})`} started, ${planSentence(event)}`;
    case 'run.resumed':
      return `run ${paint.strong(run)} resumed${event.revision > 1 ? ` with definition ${event.revision}` : ''}`;
    case 'attempt.started':
      return `${event.step} started${event.attempt > 1 ? ` (attempt ${event.attempt})` : ''}${reasonFor(event.why)}`;
    case 'attempt.finished':
      return finishedLine(event, paint);
    case 'retry.scheduled':
      return `${event.step} ${paint.odd('will be tried again')} in ${formatDuration(event.delay_ms)} (attempt ${event.attempt})`;
    case 'wait.started':
      return event.until === null ? null : `${event.step} waits until ${event.until}`;
    case 'artifact.published':
      return `${event.step} published ${withoutControls(event.name)}`;
    case 'step.timed_out':
      return `${event.step} ${paint.bad('timed out')} after ${formatDuration(event.after_ms)}: ending what is in it`;
    case 'step.settled':
      if (event.state === 'succeeded') return `${event.step} ${paint.good('succeeded')}`;
      return event.state === 'cancelled' ? null : settledLine(event, paint, said);
    case 'step.skipped':
      return `${event.step} ${paint.odd('skipped')}: ${skipSentence(event.reason)}`;
    case 'step.reused':
      return `${event.step} ${paint.good('reused')}: ${withoutControls(event.why)}`;
    case 'run.signalled':
      return paint.odd(`${event.signal} received: ending the run, once more to end it at once`);
    case 'run.cancel_requested':
      return paint.odd(withoutControls(`${cancelSentence(event)}: ending the run`));
    case 'processes.reaped':
      return `${event.step === null ? '' : `${event.step} `}${paint.odd('left processes behind')}, ended: ${event.pids.join(', ')}`;
    case 'warning.raised':
      return `${event.step === null ? '' : `${event.step} `}${paint.odd('warning')}: ${withoutControls(event.message)}`;
    case 'run.finished': {
      const tone = event.state === 'succeeded' ? paint.good : event.state === 'failed' ? paint.bad : paint.odd;
      return `run ${run} ${tone(event.state)}${event.timed_out ? ' (timed out)' : ''} in ${formatDuration(event.duration_ms)}`;
    }
    case 'run.retried':
      return `run ${run} ${paint.odd('will be tried again')}${delayed(event)}: what failed, and what comes after it`;
    case 'run.queued':
      return paint.odd(
        `waits for other runs of concurrency group ${withoutControls(event.group)} (limit ${event.limit})`,
      );
    case 'run.admitted':
      return `goes on: concurrency group ${withoutControls(event.group)} has room`;
    case 'step.queued':
      // A line for each of ten thousand items would say nothing more.
      return event.step.includes('[') ? null : `${event.step} waits for ${event.resources.join(', ')}`;
    case 'step.expanded':
      return expandedLine(event);
    case 'iteration.scheduled':
      return `${event.step} goes on with iteration ${event.iteration + 1}${delayed(event)}`;
    case 'run.parked':
      return `run ${run} ${paint.odd('is left waiting')}`;
    case 'approval.requested':
      return `${event.step} ${paint.odd('waits for an answer')}: ${withoutControls(event.message)} (flowctl approve ${run} ${event.step})`;
    case 'approval.answered':
      return answeredLine(event, paint);
    case 'handlers.started':
      return `${event.step === null ? '' : `${event.step}: `}${event.phase} begins`;
    case 'attempt.spawned':
    case 'step.requested':
    case 'value.recorded':
    case 'child.started':
      return null;
  }
}

function expandedLine({ step, items, members }: StepExpanded): string {
  if (members !== undefined) return `${step} started, ${counted(members.length, 'step')}`;
  return items.length === 0 ? `${step} has no items` : `${step} started, ${counted(items.length, 'item')}`;
}

function answeredLine({ step, approved, by, comment }: ApprovalAnswered, paint: LinePaint): string {
  const word = approved ? paint.good('approved') : paint.bad('rejected');
  const who = by.kind === 'user' ? `by ${by.name} on ${by.host}` : 'for the time is up';
  return `${step} ${word} ${withoutControls(`${who}${comment === null ? '' : `: ${comment}`}`)}`;
}

const delayed = ({ delay_ms: delay }: { readonly delay_ms: number }): string =>
  delay === 0 ? '' : ` in ${formatDuration(delay)}`;

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function cancelSentence({ by, reason }: CancelRequested): string {
  if (by.kind === 'policy' && by.policy === 'timeout') return 'the `timeout` of the run is over';
  const who = by.kind === 'user' ? ` by ${by.name} on ${by.host}` : '';
  return `cancellation requested${who}${reason === null ? '' : ` (${reason})`}`;
}

function planSentence({ steps, settings }: RunStarted): string {
  const atOnce = `at most ${settings.max_parallel} at once`;
  // The steps of a flow function are known when it has called them.
  return steps.length === 0 ? atOnce : `${counted(steps.length, 'step')}, ${atOnce}`;
}

/** Of a failed command or function the end of its attempt has said it; of a wait, a map or a group nothing has. */
function settledLine({ step, tolerated, error }: StepSettled, paint: LinePaint, said: string | undefined) {
  const message = error?.message ?? '';
  const why = message === '' || message === said ? '' : `: ${withoutControls(message)}`;
  if (tolerated) return `${step} ${paint.odd('failed, which is tolerated')}${why}`;
  return why === '' ? null : `${step} ${paint.bad('failed')}${why}`;
}

function finishedLine(event: AttemptFinished, paint: LinePaint): string {
  const took = event.duration_ms === null ? '' : ` after ${formatDuration(event.duration_ms)}`;
  switch (event.outcome) {
    case 'succeeded':
      // Whether that was the last one, the next line says.
      if (event.continues === true) return `${event.step} finished an iteration${took}`;
      return `${event.step} ${paint.good('succeeded')}${took}`;
    case 'failed':
    case 'timed_out':
      return `${event.step} ${paint.bad('failed')}${took}: ${withoutControls(event.error?.message ?? 'no reason is known')}`;
    case 'cancelled':
      return `${event.step} ${paint.odd('cancelled')}${took}`;
    case 'lost':
      if (event.error?.code === 'left_waiting')
        return `${event.step} ${paint.odd('was left waiting')} (attempt ${event.attempt})`;
      return `${event.step} ${paint.odd('was lost')} (attempt ${event.attempt}): ${event.error?.message ?? 'flowctl ended while it ran'}`;
  }
}

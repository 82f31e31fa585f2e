/** An outcome as the event that records it. */

import { assertNever } from '../base/result.ts';
import type { AttemptFinished, EventBody } from '../model/event.ts';
import { formatDuration } from '../base/duration.ts';
import type { Failure, Outcome } from '../model/outcome.ts';
import type { Message } from './inbox.ts';

/** The event for an attempt that ended. @param repeats true for a step that may go on with another iteration. */
export function finishedEvent(
  { step, attempt, outcome, duration_ms }: Message & { kind: 'attempt_ended' },
  repeats: boolean,
): AttemptFinished {
  return {
    type: 'attempt.finished',
    step,
    attempt,
    outcome: outcome.kind,
    exit_code: outcome.kind === 'lost' ? null : outcome.exit_code,
    signal: outcome.kind === 'succeeded' || outcome.kind === 'lost' ? null : outcome.signal,
    error: failureOf(outcome),
    outputs: outcome.kind === 'succeeded' ? outcome.outputs : null,
    duration_ms: outcome.kind === 'lost' ? null : duration_ms,
    ...(outcome.kind === 'failed' && outcome.judged !== undefined ? { judged: outcome.judged } : {}),
    ...(outcome.kind === 'succeeded' && outcome.skips === true ? { skips: true } : {}),
    ...(outcome.kind === 'succeeded' && outcome.skips !== true && repeats ? { continues: true } : {}),
    ...(outcome.kind === 'succeeded' && outcome.generated !== undefined ? { generated: outcome.generated } : {}),
  };
}

function failureOf(outcome: Outcome): Failure | null {
  switch (outcome.kind) {
    case 'succeeded':
    case 'cancelled':
      return null;
    case 'failed':
      return outcome.failure;
    case 'timed_out':
      if (outcome.clock === 'cleanup') return { code: 'timed_out', message: '`cleanup_timeout` was over' };
      return { code: 'timed_out', message: `timed out after ${formatDuration(outcome.after_ms)}` };
    case 'lost':
      return { code: 'lost_attempt', message: outcome.detail };
    default:
      return assertNever(outcome, 'outcome');
  }
}

/** What is to be known of an attempt beside its end. */
export function remarkOf(message: Message & { kind: 'processes_reaped' | 'warned' }): EventBody {
  const { step, attempt } = message;
  if (message.kind === 'warned') {
    return { type: 'warning.raised', step, attempt, code: message.code, message: message.message };
  }
  return { type: 'processes.reaped', when: 'attempt_end', step, attempt, pids: message.pids };
}

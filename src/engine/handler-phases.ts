/** Which handlers come next: one phase for how the work ended, then `finally`. */

import type { HandlerPhase, Handlers } from '../model/policies.ts';
import type { FinalRunState } from '../model/event.ts';
import type { StepPhase } from '../model/run.ts';
import type { Node } from './node.ts';

/**
 * The phase that follows.
 * @param begun those that have begun; all of them have ended. @param after the phase for how the work ended; null: none of the three.
 */
export function nextPhase(
  handlers: Handlers,
  begun: readonly HandlerPhase[],
  after: HandlerPhase | null,
): HandlerPhase | null {
  if (after !== null && begun.length === 0 && handlers[after].length > 0) return after;
  return handlers.finally.length > 0 && !begun.includes('finally') ? 'finally' : null;
}

/** The phase of handlers that follows a settled step; null where none does. What was skipped or reused did not run: it has none. */
export function nextStepHandlers({ record, definition }: Node): HandlerPhase | null {
  if (record.role !== 'step') return null;
  const after = phaseAfter(record.phase);
  return after === null ? null : nextPhase(definition.handlers, record.handlers, after);
}

function phaseAfter(phase: StepPhase): HandlerPhase | null {
  if (phase.kind === 'succeeded') return phase.reused ? null : 'on_success';
  if (phase.kind === 'failed') return 'on_failure';
  return phase.kind === 'cancelled' ? 'on_cancel' : null;
}

/** The phase of the flow's handlers for how its run is about to end. */
export function phaseFor(state: FinalRunState): HandlerPhase | null {
  switch (state) {
    case 'succeeded':
      return 'on_success';
    case 'failed':
      return 'on_failure';
    case 'cancelled':
      return 'on_cancel';
    case 'skipped':
      return null;
  }
}

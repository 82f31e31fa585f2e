/** The table of legal moves: which events a step may meet in which phase. The fold refuses every other one. */

import type { EventType } from './event.ts';
import type { StepPhase } from './run.ts';

type PhaseKind = StepPhase['kind'];

/** The phases in which a step may meet an event about it; events that do not change a phase are legal in every one. */
const LEGAL: { readonly [Type in EventType]: 'any' | 'run' | readonly PhaseKind[] } = {
  'run.started': 'run',
  'run.resumed': 'run',
  'attempt.started': ['pending', 'retrying', 'undecided', 'waiting', 'queued'],
  'attempt.spawned': ['running'],
  'attempt.finished': ['running'],
  'retry.scheduled': ['undecided', 'open'],
  'step.settled': ['pending', 'undecided', 'retrying', 'waiting', 'open', 'queued'],
  'step.skipped': ['pending', 'undecided', 'waiting', 'queued'],
  'step.reused': ['pending'],
  'step.expanded': ['pending', 'queued', 'retrying'],
  'iteration.scheduled': ['undecided'],
  'step.timed_out': ['open'],
  'step.queued': ['pending', 'retrying', 'undecided', 'waiting'],
  'run.queued': 'run',
  'run.admitted': 'run',
  'run.parked': 'run',
  'run.retried': 'run',
  'step.requested': [
    'pending',
    'undecided',
    'retrying',
    'waiting',
    'queued',
    'open',
    'succeeded',
    'failed',
    'skipped',
    'cancelled',
  ],
  'value.recorded': 'run',
  'child.started': ['pending', 'running'],
  'wait.started': ['pending'],
  'approval.requested': ['pending'],
  'approval.answered': ['waiting'],
  'run.cancel_requested': 'run',
  'run.signalled': 'run',
  'processes.reaped': 'any',
  'handlers.started': 'any',
  'artifact.published': 'any',
  'warning.raised': 'any',
  'run.finished': 'run',
};

/** True when a step in this phase may meet this event. */
export function isLegalMove(phase: PhaseKind, type: EventType): boolean {
  const legal = LEGAL[type];
  return typeof legal === 'string' || legal.includes(phase);
}

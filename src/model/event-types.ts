/** The names of all events, as values: for schemas, filters, and readers of journals that a later version wrote. */

import type { EventType } from './event.ts';

const TYPES: { readonly [Type in EventType]: true } = {
  'run.started': true,
  'run.resumed': true,
  'attempt.started': true,
  'attempt.spawned': true,
  'attempt.finished': true,
  'retry.scheduled': true,
  'step.settled': true,
  'step.skipped': true,
  'step.reused': true,
  'step.expanded': true,
  'iteration.scheduled': true,
  'step.timed_out': true,
  'step.queued': true,
  'run.queued': true,
  'run.admitted': true,
  'run.parked': true,
  'run.retried': true,
  'step.requested': true,
  'value.recorded': true,
  'child.started': true,
  'wait.started': true,
  'approval.requested': true,
  'approval.answered': true,
  'run.cancel_requested': true,
  'run.signalled': true,
  'processes.reaped': true,
  'handlers.started': true,
  'artifact.published': true,
  'warning.raised': true,
  'run.finished': true,
};

/** Every event type of this format, for schemas and readers. */
export const EVENT_TYPES = Object.keys(TYPES) as readonly EventType[];

/** True when this version of flowctl knows the event; readers pass over the others. */
export const isKnownEventType = (type: string): type is EventType => Object.hasOwn(TYPES, type);

/** Handlers in the normal form: steps without needs, whose ids are their places. */

import { handlerId } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import type { NotifyAction } from '../model/action.ts';
import { STEP_DEFAULTS } from '../model/defaults.ts';
import type { StepDefinition } from '../model/flow.ts';
import { HANDLER_PHASES, type Handlers } from '../model/policies.ts';
import { type DocumentNode, entriesOf, textOf, toJsonValue } from './document.ts';
import { NOTIFY_CHANNELS } from './check-handlers.ts';
import type { HandlerOutline } from './handlers.ts';
import { durationOf, retryOf } from './node-values.ts';
import { stepValue } from './outline.ts';

/** A message: the key that names a channel holds its address, the rest are its options. */
export function notifyOf(node: DocumentNode): NotifyAction {
  const options: { [name: string]: JsonObject[string] } = {};
  let channel = '';
  let text: string | null = null;
  for (const { key, value } of entriesOf(node)) {
    if (NOTIFY_CHANNELS.includes(key)) {
      channel = key;
      options['url'] = toJsonValue(value);
    } else if (key === 'text') text = textOf(value) ?? null;
    else options[key] = toJsonValue(value);
  }
  return { kind: 'notify', channel, options, text };
}

/**
 * The handlers of a flow or step.
 * @param own as they are written. @param cleanupTimeoutMs what a handler has that names no timeout.
 * @param stepOf writes a handler as a step.
 */
export function handlersOf(
  own: readonly HandlerOutline[],
  cleanupTimeoutMs: number,
  stepOf: (handler: HandlerOutline) => Omit<StepDefinition, 'id'>,
): Handlers {
  const inPhase = (phase: (typeof HANDLER_PHASES)[number]): readonly StepDefinition[] =>
    own
      .filter(({ handler }) => handler.phase === phase)
      .map((outline) => ({
        ...stepOf(outline),
        id: handlerId(phase, outline.handler.position),
        // Of `defaults` a handler takes where and how it runs; how often and how long is decided here.
        timeout_ms: durationOf(stepValue(outline, 'timeout')) ?? cleanupTimeoutMs,
        retry: retryOf(stepValue(outline, 'retry')),
        if_lost: STEP_DEFAULTS.if_lost,
      }));
  const [onSuccess, onFailure, onCancel, last] = HANDLER_PHASES.map(inPhase);
  return { on_success: onSuccess ?? [], on_failure: onFailure ?? [], on_cancel: onCancel ?? [], finally: last ?? [] };
}

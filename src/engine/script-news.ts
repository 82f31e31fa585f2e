/** What reaches the loop from flow functions, and what is recorded of it. */

import type { StepKey } from '../base/ids.ts';
import type { EventBody } from '../model/event.ts';
import type { Failure } from '../model/outcome.ts';
import type { Script } from './script.ts';
import type { CallOutcome, ScriptCall, ScriptEnd } from './script-ports.ts';

/** Tells a task how what it called has ended. */
export type Answer = (outcome: CallOutcome) => void;

/** What reaches the engine from a flow function, and from tasks that call tasks. */
export type ScriptNews =
  | { readonly kind: 'called'; readonly call: ScriptCall }
  | { readonly kind: 'called_by_step'; readonly call: ScriptCall; readonly caller: StepKey; readonly answer: Answer }
  | { readonly kind: 'recorded'; readonly value: Extract<EventBody, { type: 'value.recorded' }> }
  | { readonly kind: 'waits'; readonly told: number; readonly asked: number }
  | { readonly kind: 'settled' }
  | { readonly kind: 'ended'; readonly end: ScriptEnd };

/** The same, as a message to the loop. `from`: whose; null: a task's. */
export interface ScriptMessage {
  readonly kind: 'script';
  readonly news: ScriptNews;
  readonly from: Script | null;
}

/** The event that makes a step of a call. @param caller the step whose attempt made it; null: the flow function. */
export const requested = (call: ScriptCall, caller: StepKey | null): EventBody & { type: 'step.requested' } => ({
  type: 'step.requested',
  step: call.step,
  name: call.name,
  arguments_hash: call.arguments_hash,
  needs: call.needs,
  ...(call.kind === 'task' ? {} : { kind: call.kind }),
  ...(caller === null ? {} : { caller }),
  ...(call.run_name === null ? {} : { run_name: call.run_name }),
  ...(call.tags.length === 0 ? {} : { tags: call.tags }),
});

/** The end of a call that is refused. */
export const failed = (step: string, { code, message }: Failure): CallOutcome => ({
  kind: 'failed',
  step,
  attempts: 0,
  failure: { code, message, detail: null, thrown: null },
});

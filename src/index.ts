/**
 * What programs import from `flowctl`: so far, what a function that a flow calls may ask about the attempt it runs in, and the
 * shapes of what `--json` prints.
 */

export { context, type StepContext } from './functions/context.ts';
export type { Json, JsonObject } from './base/json.ts';
export type { RunEvent } from './model/event.ts';
export type { AttemptView, RunDetail, RunRow, StepView } from './model/view.ts';

/**
 * What programs import from `flowctl`: tasks, flows, and what goes with them; the shapes of what `--json` prints. Nothing else.
 * `docs/typescript.md` is the guide.
 */

export { type KeptValues, state } from './embedding/kept-values.ts';
export type { RecordedRun } from './embedding/recorded-run.ts';
export { type FlowRun, type RecordedRunOptions, type RunFlowOptions, runFlow } from './embedding/run-flow.ts';
export type { Artifacts } from './flows/artifacts.ts';
export { type ApprovalQuestion, type Context, context, type Logger } from './flows/context.ts';
export { type Flow, flow } from './flows/flow.ts';
export type {
  FlowDeclaration,
  FlowOptions,
  Handler,
  EventDeclaration,
  ScheduleDeclaration,
  TriggerDeclaration,
  StepDeclaration,
  StepFunction,
} from './flows/flow-options.ts';
export type { Jsonify } from './flows/jsonify.ts';
export { type ConcurrentMapOptions, map } from './flows/map.ts';
export { type CacheOptions, type Duration, OptionError, type RetryOptions, type StepOptions } from './flows/options.ts';
export type { GivenParams, ParamDeclaration, Params, ParamSchema, ParamsDeclaration } from './flows/param-schema.ts';
export { type Shell, type ShellOptions, type ShellValue, sh } from './flows/sh.ts';
export type { StandardSchema } from './flows/standard-schema.ts';
export {
  type CallOptions,
  type CallProblem,
  type MapOptions,
  type Serializer,
  type Task,
  type TaskOptions,
  type Tolerance,
  task,
} from './flows/task.ts';
export { RollbackError, TaskError } from './flows/task-error.ts';
export { transaction } from './flows/transaction.ts';
export type { StepContext } from './functions/context.ts';
export type { Json, JsonObject } from './base/json.ts';
export type { RunEvent } from './model/event.ts';
export type { AttemptView, RunDetail, RunRow, StepView } from './model/view.ts';

/** What a flow and its steps can say, as types: the keys of YAML in camelCase, with functions where YAML has `call`. */

import type { Json, JsonObject } from '../base/json.ts';
import type { StepContext } from '../functions/context.ts';
import type { FLOW, RegisteredFlow } from './conductor.ts';
import type { Duration, RetryOptions } from './options.ts';
import type { ParamsDeclaration } from './param-schema.ts';

/** A function that a step or a handler calls: with the step's `with`, and what it may know of the attempt. */
export type StepFunction = (input: never, context: StepContext) => unknown;

/** A retry policy without functions. */
type RetryData = number | (Omit<RetryOptions, 'delay' | 'retryIf'> & { readonly delay?: Duration });

/** What runs after the work: a function, a command, or a message. */
export type Handler =
  | StepFunction
  | { readonly run: string | readonly string[]; readonly [option: string]: unknown }
  | { readonly call: string | StepFunction; readonly [option: string]: unknown }
  | { readonly notify: { readonly [channel: string]: unknown }; readonly [option: string]: unknown };

/** Handlers of a flow or a step. */
interface HandlerOptions {
  readonly onSuccess?: Handler | readonly Handler[];
  readonly onFailure?: Handler | readonly Handler[];
  readonly onCancel?: Handler | readonly Handler[];
  readonly finally?: Handler | readonly Handler[];
}

/** When a flow is due; `docs/schedules.md` says what each means. One of the first four names the instants. */
export interface ScheduleDeclaration {
  readonly cron?: string;
  readonly interval?: Duration;
  readonly rrule?: string;
  readonly at?: string;
  readonly timezone?: string;
  readonly anchor?: string;
  readonly start?: string;
  readonly end?: string;
  readonly params?: JsonObject;
  readonly jitter?: Duration;
  readonly active?: boolean;
  readonly overlap?: 'skip' | 'queue' | 'cancel_running' | 'allow';
  readonly catchUp?: 'none' | 'latest' | 'all';
  readonly catchUpWindow?: Duration;
}

/** What an event comes from; `docs/triggers.md` says what each means. One of `file`, `flow` and `webhook` names it. */
export interface EventDeclaration {
  readonly file?: string | readonly string[];
  readonly on?: 'created' | 'changed' | readonly ('created' | 'changed')[];
  readonly flow?: string;
  readonly states?: RunEnd | readonly RunEnd[];
  readonly webhook?: string;
  readonly secret?: string;
  readonly debounce?: Duration;
}

type RunEnd = 'succeeded' | 'failed' | 'cancelled' | 'skipped' | 'crashed';

/** What makes a flow run: an event, or the absence of one. */
export interface TriggerDeclaration extends EventDeclaration {
  readonly absence?: { readonly of: EventDeclaration; readonly within: Duration };
  readonly params?: JsonObject;
  readonly active?: boolean;
  readonly overlap?: 'skip' | 'queue' | 'cancel_running' | 'allow';
}

/** Options of a flow; `docs/flow-file.md` says what each means. */
export interface FlowOptions<P extends ParamsDeclaration = ParamsDeclaration> extends HandlerOptions {
  /** One JSON Schema or default per param, or one Standard Schema (zod, valibot, ...) for all. */
  readonly params?: P;
  readonly description?: string;
  readonly tags?: readonly string[];
  /** A template: `import ${{ params.date }}`. */
  readonly runName?: string;
  readonly env?: { readonly [name: string]: string | number | boolean };
  readonly dotenv?: string | readonly string[];
  readonly secrets?: readonly (string | { readonly [name: string]: Json })[] | { readonly [name: string]: Json };
  /** Default: as many as the machine has cores, at least 4. */
  readonly maxParallel?: number;
  readonly failFast?: boolean;
  /** When the flow is due. */
  readonly schedules?: readonly ScheduleDeclaration[];
  /** What makes it run. */
  readonly triggers?: readonly TriggerDeclaration[];
  readonly concurrency?:
    | string
    | {
        readonly group?: string;
        readonly limit?: number;
        readonly onConflict?: 'queue' | 'skip' | 'cancel_running' | 'allow';
        readonly queueLimit?: number;
        readonly queueTimeout?: Duration;
      };
  readonly timeout?: Duration;
  readonly cleanupTimeout?: Duration;
  /** Of the run: what failed is tried again as a resume would. */
  readonly retry?: RetryData;
}

/** A step of a declarative flow. @typeParam Names the steps beside it. */
export interface StepDeclaration<Names extends string = string> extends HandlerOptions {
  readonly description?: string;
  /** Shell text, or a program with its arguments. */
  readonly run?: string | readonly string[];
  /** A function, or `./file.ts#export`. */
  readonly call?: string | StepFunction;
  /** A flow of the program, or the path of one: `./report.yaml`, `./report.ts`, `./report.ts#weekly`. */
  readonly flow?: string | { readonly flowName: string; readonly [FLOW]: RegisteredFlow };
  /** Steps of its own. */
  readonly steps?: { readonly [name: string]: StepDeclaration };
  readonly wait?: Duration | { readonly [option: string]: Json };
  readonly approve?: string | { readonly [option: string]: Json };
  readonly needs?: Names | readonly Names[];
  readonly if?: string | boolean;
  readonly with?: JsonObject;
  readonly env?: { readonly [name: string]: string | number | boolean };
  readonly stdin?: string;
  readonly workdir?: string;
  readonly shell?: 'sh' | 'bash' | 'python' | 'node' | 'pwsh';
  readonly output?: 'file' | 'json' | 'text' | 'lines';
  readonly outputs?: { readonly schema: JsonObject };
  readonly foreach?: string | readonly Json[];
  readonly key?: string;
  readonly matrix?: string | JsonObject;
  readonly maxParallel?: number;
  readonly tolerate?: number | `${number}%`;
  readonly repeat?: {
    readonly until?: string;
    readonly while?: string;
    readonly every?: Duration;
    readonly max?: number;
  };
  readonly retry?: RetryData;
  readonly timeout?: Duration;
  readonly grace?: Duration;
  readonly successCodes?: readonly number[];
  readonly skipCodes?: readonly number[];
  readonly continueOnError?: boolean;
  readonly ifLost?: 'run_again' | 'fail';
  readonly sources?: string | readonly string[];
  readonly generates?: string | readonly string[];
  readonly cache?: boolean | { readonly key?: string; readonly ttl?: Duration };
  readonly resources?: { readonly [name: string]: number };
  readonly priority?: number;
  readonly artifacts?: string | readonly string[];
  readonly secrets?: readonly string[];
  readonly logs?: 'direct' | 'pipe';
  readonly interactive?: boolean;
  readonly isolate?: 'thread' | 'process';
  readonly warm?: boolean;
}

/** A flow in the model of YAML. @typeParam S its steps. */
export interface FlowDeclaration<P extends ParamsDeclaration, S> extends FlowOptions<P> {
  /** Default: the name of the file. */
  readonly name?: string;
  /** A graph: each step starts when what it needs has succeeded. */
  readonly steps: { readonly [K in keyof S]: StepDeclaration<Extract<keyof S, string>> };
  /** What the run yields: expressions over its steps. */
  readonly outputs?: { readonly [name: string]: Json };
  readonly defaults?: {
    readonly retry?: RetryData;
    readonly timeout?: Duration;
    readonly shell?: 'sh' | 'bash' | 'python' | 'node' | 'pwsh';
    readonly workdir?: string;
    readonly env?: { readonly [name: string]: string | number | boolean };
    readonly maxParallel?: number;
    readonly ifLost?: 'run_again' | 'fail';
    readonly logs?: 'direct' | 'pipe';
    readonly warm?: boolean;
  };
}

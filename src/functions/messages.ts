/** What pool and host say to each other, and how a call can end. Plain data: it crosses a thread's border. */

import type { Json } from '../base/json.ts';
import type { CallOutcome, TaskPart } from '../flows/conductor.ts';
import type { Judgement } from '../model/outcome.ts';
import type { CallDelta } from './call-delta.ts';
import type { SentCall } from './calling.ts';
import type { StepContext } from './context.ts';

/** The facts of a context; the signal is made in the host, and so is what keeps the secrets from being printed. */
export type ContextFacts = Omit<StepContext, 'signal' | 'secrets'>;

/** What a call has to know of secrets. */
export interface CallSecrets {
  /** Those that the step names, for `context().secrets`. */
  readonly values: { readonly [name: string]: string };
  /** Values that must not be seen in what the function prints. */
  readonly hidden: readonly string[];
}

/** A function to call. */
export interface FunctionCall {
  /** Absolute path of the module. */
  readonly module: string;
  /** Name of the exported function; `default` for the default export. */
  readonly export: string;
  /** The function's first argument. */
  readonly input: Json;
  /** The environment of the attempt, with the token that marks what it starts: what it shares with others, the same object then, and over it its own. */
  readonly env: {
    readonly shared: { readonly [name: string]: string };
    readonly own: { readonly [name: string]: string };
  };
  /** The file that takes what the function prints; appended to, made with mode 0600 when something is printed and it is missing. */
  readonly log: string;
  /** The function's second argument, and what `context()` answers. */
  readonly context: ContextFacts;
  /** Absent where the run has none. */
  readonly secrets?: CallSecrets;
  /** `export` is a task's name, this one of its functions, and `input` the list of its arguments. */
  readonly task?: TaskPart;
}

/** Why a host ended although its function had not. */
export type HostEndReason =
  /** `process.exit()`. */
  | 'exit'
  /** The limit of its heap was reached. */
  | 'out_of_memory'
  | 'crashed'
  /** The function waits for something that nothing is left to bring about. */
  | 'never_settled'
  /** We ended it. */
  | 'terminated';

/** How a call ended. */
export type FunctionResult =
  /** `value` is what `json`, the text that the host wrote, reads as: the same for the record and for dependents. */
  | { readonly kind: 'returned'; readonly value: Json; readonly json: string }
  /** Thrown or rejected; `origin` tells what the call itself threw from what something it had started threw. */
  | {
      readonly kind: 'threw';
      readonly origin: 'call' | 'uncaught_exception' | 'unhandled_rejection';
      readonly name: string;
      readonly message: string;
      /** With mapped positions and without our own frames; holds the causes too. */
      readonly stack: string;
      /** What the task's own functions say about trying again. */
      readonly judged?: Judgement;
    }
  /** `path` is written as in JavaScript, empty for the value itself. */
  | { readonly kind: 'not_json'; readonly path: string; readonly found: string }
  | { readonly kind: 'module_not_loaded'; readonly message: string; readonly detail: string | null }
  /** `found`: what the name stands for, when it is exported but no function. */
  | {
      readonly kind: 'export_not_found';
      readonly available: readonly string[];
      readonly nearest: string | null;
      readonly found: string | null;
    }
  /** `code` belongs to `exit`, `detail` to `crashed`. */
  | {
      readonly kind: 'host_ended';
      readonly reason: HostEndReason;
      readonly code: number | null;
      readonly detail: string | null;
    };

/** How a call ended, as the host writes it: the value is text until it has arrived. */
export type HostReport =
  | Exclude<FunctionResult, { readonly kind: 'returned' | 'host_ended' }>
  | { readonly kind: 'returned'; readonly json: string }
  | { readonly kind: 'never_settled' };

/** A call with its number in the host, see `Claims`. */
export interface HandedCall {
  readonly ticket: number;
  readonly call: CallDelta;
}

/** From the pool to a host. */
export type ToHost =
  /** They are served in this order, but those that are taken back meanwhile. */
  | { readonly kind: 'calls'; readonly calls: readonly HandedCall[] }
  | { readonly kind: 'abort'; readonly ticket: number; readonly reason: string }
  /** How a call that the function made ended. */
  | { readonly kind: 'outcome'; readonly ticket: number; readonly outcome: CallOutcome }
  /** Answered when the thread comes back to its event loop. */
  | { readonly kind: 'ping' };

/**
 * From a host to the pool, always about the call that is being served. `reusable`: nothing of it is left that could disturb the next one,
 * which is begun at once; else none is. `ran_ms`: how long the function ran. `artifacts`: the folder for artifacts is there.
 */
export type FromHost =
  | {
      readonly kind: 'ended';
      readonly report: HostReport;
      readonly reusable: boolean;
      readonly ran_ms: number;
      readonly artifacts: boolean;
    }
  | { readonly kind: 'log_failed'; readonly message: string }
  /** The function calls a task. */
  | { readonly kind: 'called'; readonly call: SentCall }
  | { readonly kind: 'pong' };

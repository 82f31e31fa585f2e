/**
 * A flow in its one normal form, whatever it was written in. `load` makes it, the run's directory keeps it, the engine runs it.
 * It is plain JSON: no functions, no syntax trees, no secret values; source positions travel beside it (see `load`).
 * Members are named as the YAML keys are, with the unit added where it was normalised.
 */

import type { StepId } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { Action, MapDefinition, RepeatDefinition } from './action.ts';
import type { ConcurrencyPolicy, Handlers, ReusePolicy, SecretDefinition } from './policies.ts';
import type { ScheduleDefinition } from './schedule.ts';
import type { TriggerDefinition } from './trigger.ts';

export type {
  Action,
  ApproveAction,
  CommandAction,
  MapDefinition,
  Probe,
  RepeatDefinition,
  ShellName,
  Wait,
} from './action.ts';
export type { ConcurrencyPolicy, Handlers, ReusePolicy, SecretDefinition } from './policies.ts';

/** The version of the normal form; a definition of another major version is not resumed. */
export const DEFINITION_FORMAT = 1;

/** Where a command's outputs come from: the file FLOWCTL_OUTPUT, or its stdout, read as JSON, as one text, or as a list of lines. */
export type OutputMode = 'file' | 'json' | 'text' | 'lines';

/** Which attempt outcomes are tried again. */
export type RetryCause = 'failed' | 'timed_out';

/** When and how often a failed attempt is tried again. */
export interface RetryPolicy {
  /** Extra attempts after the first. */
  readonly max: number;
  readonly delay_ms: number;
  readonly backoff: 'none' | 'linear' | 'exponential';
  readonly max_delay_ms: number | null;
  /** What the first, second ... retry waits for instead; the last one stands for all that follow. Absent or null: as `delay_ms` says. */
  readonly delays_ms?: readonly number[] | null;
  /** `none`, `full`, `equal`, or a fraction 0 to 1 of the delay by which it may differ either way. */
  readonly jitter: 'none' | 'full' | 'equal' | number;
  readonly on: readonly RetryCause[];
  /** Null: every exit code; else only these are tried again. */
  readonly on_exit_codes: readonly number[] | null;
}

/** What `resume` does with a step whose attempt was lost: start it again, or leave that to a person. */
export type IfLost = 'run_again' | 'fail';

/** One step. */
export interface StepDefinition {
  readonly id: StepId;
  readonly description: string | null;
  readonly action: Action;
  /** The steps that come before: those written under `needs`, the one before in a list, and those in `inferred_needs`. */
  readonly needs: readonly StepId[];
  /** Those of `needs` that nobody wrote: one step's `generates` is among this one's `sources`. */
  readonly inferred_needs: readonly StepId[];
  /** The condition as an expression, without `${{ }}`. Null: `success()`. */
  readonly if: string | null;
  /** Templates; the flow's `env` is already merged in, beneath. */
  readonly env: { readonly [name: string]: string };
  /** The argument of a `call`; any string inside may be a template. Null when absent. */
  readonly with: JsonObject | null;
  /** A template; relative to the flow's directory. Null: the flow's directory itself. */
  readonly workdir: string | null;
  /** A template; what a command reads from its standard input. Null: it is empty. */
  readonly stdin: string | null;
  readonly output: OutputMode;
  /** A JSON Schema that the outputs have to fit; null: anything. */
  readonly outputs_schema: JsonObject | null;
  /** Exit codes of a command that count as success. */
  readonly success_codes: readonly number[];
  /** Exit codes by which a command says that there was nothing to do: the step is skipped. */
  readonly skip_codes: readonly number[];
  readonly timeout_ms: number | null;
  readonly grace_ms: number | null;
  readonly retry: RetryPolicy;
  readonly continue_on_error: boolean;
  readonly if_lost: IfLost;
  /** Null: it runs once. */
  readonly map: MapDefinition | null;
  /** Of a map or a group: how many of its members may be under way at once. Null: no bound of its own. */
  readonly max_parallel: number | null;
  readonly repeat: RepeatDefinition | null;
  readonly handlers: Handlers;
  /** Null: it always runs. */
  readonly reuse: ReusePolicy | null;
  /** How much of which of the project's capacities an attempt holds (a group: all the time). */
  readonly resources: { readonly [name: string]: number };
  /** Higher goes first among steps that could start. */
  readonly priority: number;
  /** Secrets that the step is given, besides those its templates name: as variables of the same names. */
  readonly secrets: readonly string[];
  /** Templates of globs, relative to the working directory: files that are kept for people to look at. */
  readonly artifacts: readonly string[];
  /** Null: `direct`, but for a pipe where a secret is in scope or the text opens its own output by name. */
  readonly logs: 'direct' | 'pipe' | null;
  /** True: it gets the terminal. */
  readonly interactive: boolean;
  /** Where a function runs. */
  readonly isolate: 'thread' | 'process';
}

/** One parameter: a JSON Schema (2020-12 subset) and a default, which may be a template. */
export interface ParamDefinition {
  readonly name: string;
  readonly schema: JsonObject;
  /** True when a value must be given because there is no default. */
  readonly required: boolean;
  readonly default: Json;
}

/** A flow function: a module by its absolute path, and one of the flows that it makes. */
export interface ScriptReference {
  readonly module: string;
  /** The name that the flow was given in it. */
  readonly flow: string;
  /** Present where its own code checks the params, which the definition therefore does not name. */
  readonly checks_params?: true;
}

/** A whole flow. Steps keep the order of the file. */
export interface FlowDefinition {
  readonly format: typeof DEFINITION_FORMAT;
  readonly name: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  /** Absolute path of the file it was read from. */
  readonly file: string;
  /** Absolute path of the folder of that file: the default working directory of steps. */
  readonly directory: string;
  readonly params: readonly ParamDefinition[];
  /** Absolute paths of files with variables, beneath the `env` of flow and steps and above the inherited environment. Later files win. */
  readonly dotenv: readonly string[];
  /** Null: as many as the machine has cores, at least 4. */
  readonly max_parallel: number | null;
  readonly fail_fast: boolean;
  readonly steps: readonly StepDefinition[];
  /** The function of a module that makes the steps while it runs (`steps` is empty then); absent or null: there is none. */
  readonly script?: ScriptReference | null;
  /** Templates; what the run yields. */
  readonly outputs: { readonly [name: string]: Json };
  /** A template; null: runs of this flow have no name of their own. */
  readonly run_name: string | null;
  /** What the flow may use: those it declares, and of the project's those that it refers to. */
  readonly secrets: readonly SecretDefinition[];
  /** The project's profile that it was loaded with; null: none. */
  readonly profile: string | null;
  /** The project's values that expressions see as `vars`. */
  readonly vars: JsonObject;
  /** When it is to run by itself; absent: never. */
  readonly schedules?: readonly ScheduleDefinition[];
  /** What makes it run; absent: nothing. */
  readonly triggers?: readonly TriggerDefinition[];
  /** Present where it was kept by a deployment: edits of its file are none of its runs' business. */
  readonly deployed?: { readonly name: string; readonly version: number };
  readonly concurrency: ConcurrencyPolicy | null;
  /** The time the run may spend executing; waits for people and for other runs are not counted. */
  readonly timeout_ms: number | null;
  /** What handlers have in all, once the steps have ended. */
  readonly cleanup_timeout_ms: number;
  /** Of the run: what failed is tried again as a resume would. */
  readonly retry: RetryPolicy;
  readonly handlers: Handlers;
  /** The flows that steps of this one, or of those, refer to, by the absolute path of their file; kept by the root flow alone. */
  readonly flows: { readonly [file: string]: FlowDefinition };
}

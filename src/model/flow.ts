/**
 * A flow in its one normal form, whatever it was written in. `load` makes it, the run's directory keeps it, the engine runs it.
 * It is plain JSON: no functions, no syntax trees, no secret values; source positions travel beside it (see `load`).
 * Members are named as the YAML keys are, with the unit added where it was normalised.
 */

import type { StepId } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';

/** The version of the normal form; a definition of another major version is not resumed. */
export const DEFINITION_FORMAT = 1;

/** What a step does. Every text in it may be a template (`${{ ... }}`) unless it says otherwise. */
export type Action =
  /**
   * Shell text. It is literal: where it was written with expressions, it refers to variables instead, and `values` says by name which
   * template each of them is given (see "a value never becomes code").
   */
  | {
      readonly kind: 'shell';
      readonly text: string;
      readonly shell: ShellName;
      readonly values: { readonly [name: string]: string };
    }
  /** A program and its arguments; no shell is involved. */
  | { readonly kind: 'argv'; readonly argv: readonly string[] }
  /** An exported function of a module; `module` is an absolute path, both are literal. */
  | { readonly kind: 'call'; readonly module: string; readonly export: string };

/** The shells that `run` text may be written for. `sh` is `/bin/sh -e`, `bash` is `bash -eo pipefail`. */
export type ShellName = 'sh' | 'bash' | 'python' | 'node' | 'pwsh';

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
  readonly needs: readonly StepId[];
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
}

/** One parameter: a JSON Schema (2020-12 subset) and a default, which may be a template. */
export interface ParamDefinition {
  readonly name: string;
  readonly schema: JsonObject;
  /** True when a value must be given because there is no default. */
  readonly required: boolean;
  readonly default: Json;
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
  /** Templates; what the run yields. */
  readonly outputs: { readonly [name: string]: Json };
}

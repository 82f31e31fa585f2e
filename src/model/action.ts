/** What a step does, in the normal form of a flow. Every text may be a template (`${{ ... }}`) unless it says otherwise. */

import type { Json, JsonObject } from '../base/json.ts';
import type { ParamDefinition, StepDefinition } from './flow.ts';

/** What a step does; one kind per key of the language. */
export type Action =
  | CommandAction
  /** An exported function of a module; `module` is an absolute path, both are literal. */
  | { readonly kind: 'call'; readonly module: string; readonly export: string }
  /** Steps of its own. What they share (`env`, `shell` ...) is merged into each of them. */
  | { readonly kind: 'group'; readonly steps: readonly StepDefinition[] }
  /** Another flow, as a run of its own: a key of the root flow's `flows` (the absolute path of its file). Its params are `with`. */
  | { readonly kind: 'flow'; readonly flow: string }
  | { readonly kind: 'wait'; readonly wait: Wait }
  | ApproveAction
  /** Only among handlers. */
  | NotifyAction;

/** A command: what a process is made of. */
export type CommandAction =
  /**
   * Shell text. It is literal: where it was written with expressions, it refers to variables instead, and `values` says by name which
   * template each of them is given (see "a value never becomes code").
   */
  | {
      readonly kind: 'shell';
      readonly text: string;
      readonly shell: ShellName;
      readonly values: { readonly [name: string]: string };
      /** An interpreter that is up already may run it; absent: each text has one of its own. */
      readonly warm?: true;
    }
  /** A program and its arguments; no shell is involved. */
  | { readonly kind: 'argv'; readonly argv: readonly string[] };

/** The shells that `run` text may be written for. `sh` is `/bin/sh -e`, `bash` is `bash -eo pipefail`. */
export type ShellName = 'sh' | 'bash' | 'python' | 'node' | 'pwsh';

/** What a step waits for. */
export type Wait =
  /** A duration (`10m`), or one expression that yields it (a text, or a number of milliseconds). */
  | { readonly kind: 'duration'; readonly duration: string }
  /** An RFC 3339 instant, or an expression that yields it. */
  | { readonly kind: 'until'; readonly until: string }
  /** Something outside that is looked at again and again. */
  | {
      readonly kind: 'for';
      readonly probe: Probe;
      /** From the end of a look to the beginning of the next. */
      readonly every_ms: number;
      /** From the beginning of the wait; null: for ever. */
      readonly timeout_ms: number | null;
    };

/** A look at something outside: true ends the wait. */
export type Probe =
  /** A file or folder exists; relative to the step's working directory. */
  | { readonly kind: 'file'; readonly path: string }
  /** A request is answered with one of these statuses; null: any from 200 to 299. */
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly method: string;
      readonly headers: { readonly [name: string]: string };
      readonly status: readonly number[] | null;
    }
  /** A command ends with one of the step's `success_codes`. */
  | { readonly kind: 'command'; readonly command: CommandAction };

/** A question to a person; the step's outputs are what was answered. */
export interface ApproveAction {
  readonly kind: 'approve';
  readonly message: string;
  readonly params: readonly ParamDefinition[];
  /** Null: it waits for ever. */
  readonly timeout_ms: number | null;
  /** What stands for the answer when nobody gave one in time. */
  readonly on_timeout: 'fail' | 'approve' | 'reject' | 'skip';
}

/** A message to people. */
export interface NotifyAction {
  readonly kind: 'notify';
  /** `slack`, `discord`, `teams`, `ntfy`, `webhook`, `email` or `command`. */
  readonly channel: string;
  /**
   * `url`, the address, those of a mail or the words of a program; and as they are written `title`, `headers`, `method`, `body`, `priority`,
   * `tags`, `smtp`, `from`, `env`. Strings inside are templates.
   */
  readonly options: JsonObject;
  /** Null: a sentence of our own about the run. */
  readonly text: string | null;
}

/** One child step for each item of a list. */
export interface MapDefinition {
  readonly over: /** A literal list (strings inside are templates), or one expression that yields a list. */
    | { readonly kind: 'foreach'; readonly items: Json }
    /**
     * The combinations of the axes, without `exclude`, with `include`: as GitHub Actions defines them. Each axis is a list or one
     * expression; `include` and `exclude` are lists of objects or one expression.
     */
    | {
        readonly kind: 'matrix';
        readonly axes: { readonly [name: string]: Json };
        readonly include: Json;
        readonly exclude: Json;
      };
  /** A template that yields an item's name; null: its index. */
  readonly key: string | null;
  /** How many items may fail without failing the map. */
  readonly tolerate: { readonly kind: 'count' | 'percent'; readonly value: number };
}

/** A step that runs again after a success, until something is true. */
export interface RepeatDefinition {
  readonly kind: 'until' | 'while';
  /** An expression without `${{ }}`, which sees `outputs`, `exit_code` and `previous.outputs` besides the usual. */
  readonly condition: string;
  readonly every_ms: number;
  /** Most iterations; reaching it without the end is a failure. Null: no bound. */
  readonly max: number | null;
}

/**
 * What a step does: a runner turns an attempt's request into processes or function calls and says how that ended. It knows
 * nothing of retries, journals or other steps, and never starts anything twice. `command` runs shell text and programs,
 * `function` calls exported functions; where attempts run, their timeouts and their limits are the executors' business.
 */

import type { Json, JsonObject } from '../base/json.ts';
import type { AttemptListener, AttemptRequest, Clock, StopReason } from '../engine/ports.ts';
import type { Failure, Outcome, OutputsRef } from '../model/outcome.ts';
import type { Mask } from '../secrets/mask.ts';

/** Where an attempt keeps its files; absolute paths, all inside the run's directory. Missing folders are made. */
export interface AttemptPlaces {
  /** Takes stdout and stderr. */
  readonly log: string;
  /** `FLOWCTL_OUTPUT`. */
  readonly output: string;
  /** `FLOWCTL_ARTIFACTS`, a folder; removed again when it stays empty. */
  readonly artifacts: string;
  /** `FLOWCTL_RUN_DIR`; exists. */
  readonly runDirectory: string;
  /** Shell text too long for an argument is written here, and removed afterwards. */
  readonly script: string;
  /** The name that the standard input bears for a moment. */
  readonly input: string;
}

/** Keeps outputs: small ones as they are, larger ones in a file that is on disk when the promise resolves. */
export type StoreOutputs = (value: Json) => Promise<OutputsRef>;

/** Checks outputs against a JSON Schema: a sentence about the first thing that does not fit, with its path, or null. */
export type CheckOutputs = (schema: JsonObject, value: Json) => Promise<string | null>;

/** How the work of an attempt ended, whoever wished it. */
export type WorkEnd =
  | Extract<Outcome, { readonly kind: 'succeeded' | 'failed' }>
  /** It was stopped; the executor knows why. */
  | {
      readonly kind: 'stopped';
      readonly exit_code: number | null;
      readonly signal: string | null;
      /** Why it ended, where nobody had asked for it. */
      readonly detail?: string;
    }
  /** The system had no room to start it; nothing happened, it may be tried again. */
  | { readonly kind: 'refused'; readonly code: string };

/** What a runner has to know of secrets. Their values stand where the request had marks (see `with-secrets`). */
export interface AttemptSecrets {
  /** Hides every secret of the run. */
  readonly mask: Mask;
  /** The values of those that the attempt is given, by name. */
  readonly values: { readonly [name: string]: string };
  /** Variables that the attempt must not inherit. */
  readonly withheld: ReadonlySet<string>;
  /** The name of a secret that an output holds, which must not be; null: it holds none. */
  exposedBy(text: string): string | null;
}

/** What a runner needs besides the request. */
export interface RunnerContext {
  readonly places: AttemptPlaces;
  readonly listener: AttemptListener;
  readonly clock: Clock;
  /** Absent where the run has no secrets. */
  readonly secrets?: AttemptSecrets;
  /** The work begins now: the gate is open. The attempt's timeout counts from here. */
  begun(): void;
}

/** Work under way. */
export interface RunningWork {
  /** Never rejects, except with a bug, or an `UnwritableState` before it begins; resolves when the work and what belongs to it have ended. */
  readonly ended: Promise<WorkEnd>;
  /**
   * Asks it to end; after the grace time it is ended. Later calls change nothing.
   * @param reason why; for work that has a record of its own.
   */
  stop(signal: NodeJS.Signals, reason?: StopReason): void;
  /** Ends it now. */
  kill(): void;
  /** True when it has ended and is known to have left no artifacts folder; absent or false: one has to look. */
  hasLeftNothing?(): boolean;
}

/** Performs attempts of one kind of work. */
export interface Runner {
  start(request: AttemptRequest, context: RunnerContext): RunningWork;
}

/** A failure before anything ran. */
export const failedToStart = (code: Failure['code'], message: string, detail?: string): WorkEnd => ({
  kind: 'failed',
  failure: detail === undefined ? { code, message } : { code, message, detail },
  exit_code: null,
  signal: null,
});

/** What a flow or a step asks for beside its work: handlers, reuse, concurrency, secrets. */

import type { StepDefinition } from './flow.ts';

/** The phases of handlers, in the order in which they can come. */
export const HANDLER_PHASES = ['on_success', 'on_failure', 'on_cancel', 'finally'] as const;

/** One of them. */
export type HandlerPhase = (typeof HANDLER_PHASES)[number];

/**
 * What runs after the work: one of the first three, then `finally`. Each handler is a step without needs whose id is its place, such as
 * `on_failure[0]`; those of a list run one after the other, whatever became of the one before.
 */
export type Handlers = { readonly [Phase in HandlerPhase]: readonly StepDefinition[] };

/** No handlers. */
export const NO_HANDLERS: Handlers = { on_success: [], on_failure: [], on_cancel: [], finally: [] };

/** When a recorded result stands for running the step. */
export interface ReusePolicy {
  /** Templates of globs, relative to the working directory: files whose content counts. */
  readonly sources: readonly string[];
  /** Templates of globs: files the step makes. */
  readonly generates: readonly string[];
  /** Reuse of outputs across runs; null where only files are compared. */
  readonly cache: {
    /** A template; null: what the step is given (its command, env, inputs and sources). */
    readonly key: string | null;
    /** How long a result stands; null: until what it depends on changes. */
    readonly ttl_ms: number | null;
  } | null;
}

/** How runs of one group stand to each other, in any number of processes. */
export interface ConcurrencyPolicy {
  /** A template; what runs have to share in order to count together. */
  readonly group: string;
  readonly limit: number;
  readonly on_conflict: 'queue' | 'skip' | 'cancel_running' | 'allow';
  /** Most runs that wait; one more is refused. Null: no bound. */
  readonly queue_limit: number | null;
  /** The longest wait; then the run is refused. Null: for ever. */
  readonly queue_timeout_ms: number | null;
}

/** Where a secret's value comes from; the value itself is nowhere in a definition. */
export interface SecretDefinition {
  readonly name: string;
  readonly source: /** A variable of flowctl's own environment, or of the flow's dotenv files. */
    | { readonly kind: 'env'; readonly variable: string }
    /** A file; absolute. One trailing line break is not part of the value. */
    | { readonly kind: 'file'; readonly path: string }
    /** What a command prints, run by /bin/sh in the flow's folder. One trailing line break is not part of the value. */
    | { readonly kind: 'command'; readonly command: string };
}

/**
 * What the engine needs of the world, as types. The rooms below implement them; `compose` joins them; tests fake them.
 * The engine itself imports no file system, no process and no clock.
 */

import type { RunId, StepKey } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { ProcessIdentity, RunEvent, WarningRaised } from '../model/event.ts';
import type { Actor, EndingSignal, Outcome, OutputsRef } from '../model/outcome.ts';
import type { OutputMode, ShellName } from '../model/flow.ts';

/** Two clocks: wall time is for people and records, monotonic time for deadlines and durations. */
export interface Clock {
  /** Milliseconds since the epoch. */
  wall(): number;
  /** Milliseconds of a clock that never goes back; its zero means nothing. */
  monotonic(): number;
  /** Calls back once after at least `delayMs` (any length, also above 2^31); the returned function takes it back. */
  after(delayMs: number, callback: () => void): () => void;
}

/** A source of numbers from 0 up to, not including, 1. */
export type Random = () => number;

/** The truth of one run. One writer. */
export interface Journal {
  /**
   * Queues events, which are written together, in order, with everything queued meanwhile, and synced once.
   * Resolves when they are on disk. The first error poisons the journal: this and every later promise rejects with it.
   */
  append(events: readonly RunEvent[]): Promise<void>;
  /** As `append`, but resolves when the lines are written, before they are synced. */
  appendWritten(events: readonly RunEvent[]): Promise<void>;
}

/** Listeners of a run. They can neither fail, delay nor steer it; they hear of an event when it is durable. */
export interface Hub {
  publish(events: readonly RunEvent[]): void;
}

/** What an attempt is to do: evaluated, plain data, fit to travel to another machine. */
export type Work =
  | { readonly kind: 'shell'; readonly text: string; readonly shell: ShellName }
  | { readonly kind: 'argv'; readonly argv: readonly string[] }
  | { readonly kind: 'call'; readonly module: string; readonly export: string; readonly input: Json };

/** One attempt, ready to be performed. */
export interface AttemptRequest {
  readonly run: RunId;
  readonly flow: string;
  readonly step: StepKey;
  readonly attempt: number;
  readonly iteration: number;
  readonly work: Work;
  /** What a command reads from its standard input; null: nothing. */
  readonly stdin: string | null;
  readonly output: OutputMode;
  /** A JSON Schema that the outputs have to fit. */
  readonly outputs_schema: JsonObject | null;
  readonly success_codes: readonly number[];
  readonly skip_codes: readonly number[];
  /** What the step declares, evaluated; laid over the inherited environment. */
  readonly env: { readonly [name: string]: string };
  /** Values that shell text refers to by name; laid over everything else. */
  readonly values: { readonly [name: string]: string };
  /** Absolute. */
  readonly workdir: string;
  readonly timeout_ms: number | null;
  readonly grace_ms: number;
  /** The same for every attempt of this step (and iteration) of this run. */
  readonly idempotency_key: string;
}

/** Why an attempt is asked to end. The first reason wins. */
export type StopReason =
  | { readonly kind: 'timed_out'; readonly after_ms: number }
  /** The steps get `signal` first, KILL after their grace time. */
  | { readonly kind: 'cancelled'; readonly signal: EndingSignal; readonly by: Actor };

/** What an executor tells while an attempt runs. */
export interface AttemptListener {
  /** The process exists behind its gate. It is released when the returned promise resolves (the record is written). */
  spawned(process: ProcessIdentity): Promise<void>;
  reaped(pids: readonly number[]): void;
  warned(code: WarningRaised['code'], message: string): void;
}

/** An attempt under way. */
export interface RunningAttempt {
  /** Never rejects; resolves when the attempt and what belongs to it have ended. */
  readonly done: Promise<Outcome>;
  /** Begins the termination ladder. Later calls change nothing. */
  stop(reason: StopReason): void;
  /** Skips what is left of the grace time: KILL now. */
  kill(): void;
}

/** Knows where an attempt runs. Never retries by itself. */
export interface Executor {
  start(request: AttemptRequest, listener: AttemptListener): RunningAttempt;
  /**
   * At the end of the run: ends every process that still carries the run's token. Never rejects.
   * @param hurry when it is aborted, nothing is waited for any longer: KILL now.
   */
  reapRun(hurry: AbortSignal): Promise<{ readonly ended: readonly number[]; readonly left: readonly number[] }>;
}

/** Keeps outputs: small ones as they are, those too large for the journal in files of their own. */
export interface OutputStore {
  /** Resolves when the value is on disk, or needs no place of its own there. */
  store(value: Json): Promise<OutputsRef>;
  read(ref: OutputsRef): Promise<Json>;
}

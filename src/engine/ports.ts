/**
 * What the engine needs of the world, as types. The rooms below implement them; `compose` joins them; tests fake them.
 * The engine itself imports no file system, no process and no clock.
 */

import type { ContentHash, RunId, StepKey } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { ShellName } from '../model/action.ts';
import type { ArtifactPublished, ProcessIdentity, RunEvent, WarningRaised } from '../model/event.ts';
import type { OutputMode } from '../model/flow.ts';
import type { Actor, EndingSignal, Failure, Outcome, OutputsRef } from '../model/outcome.ts';
import type { CallOutcome, ScriptCall } from './script-ports.ts';

export type * from './script-ports.ts';

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

/** A command, evaluated. */
export type CommandWork =
  | { readonly kind: 'shell'; readonly text: string; readonly shell: ShellName; readonly warm?: true }
  | { readonly kind: 'argv'; readonly argv: readonly string[] };

/** A look at something outside, evaluated. */
export type ProbeWork =
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly method: string;
      readonly headers: { readonly [name: string]: string };
      readonly status: readonly number[] | null;
    }
  | { readonly kind: 'command'; readonly command: CommandWork };

/** What an attempt is to do: evaluated, plain data, fit to travel to another machine. */
export type Work =
  | CommandWork
  /** `task`: not an exported function, but this one of the functions of a task of that name; `input` is the list of its arguments. */
  | {
      readonly kind: 'call';
      readonly module: string;
      readonly export: string;
      readonly input: Json;
      readonly task?: TaskFunction;
    }
  /** A run of another flow: a new one, or `child`, which is continued. `flow` is a key of the root flow's `flows`. */
  | { readonly kind: 'flow'; readonly flow: string; readonly params: JsonObject; readonly child: RunId | null }
  /** Looks again and again until the answer is yes. */
  | { readonly kind: 'wait'; readonly probe: ProbeWork; readonly every_ms: number }
  | {
      readonly kind: 'notify';
      readonly channel: string;
      readonly options: JsonObject;
      readonly text: string;
    };

/** The functions of a task. */
export type TaskFunction = 'body' | 'on_success' | 'on_failure' | 'on_rollback';

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
  /** The item of the nearest map, `FLOWCTL_ITEM`; absent outside of maps. */
  readonly item?: Json;
  /**
   * Names of secrets in scope. Texts of `env`, `stdin` and a notification hold marks in their place (see `base/secret-mark.ts`), which
   * whoever performs the attempt replaces by their values, there and nowhere else. Names in `secret_variables` are given as variables.
   */
  readonly secrets: readonly string[];
  readonly secret_variables: readonly string[];
  /** Globs, relative to the working directory. */
  readonly artifacts: readonly string[];
  readonly generates: readonly string[];
  /** Of a step that may be reused: under what its result is kept. */
  readonly reuse: { readonly fingerprint: ContentHash; readonly ttl_ms: number | null } | null;
  /** Named units of resources that the attempt holds: `FLOWCTL_RESOURCE_<NAME>`, joined by commas. */
  readonly units: { readonly [resource: string]: readonly string[] };
  readonly logs: 'direct' | 'pipe' | null;
  readonly interactive: boolean;
  readonly isolate: 'thread' | 'process';
  /** Of a quick call, which may wait behind others of the run: in how many threads those may run now. Absent: it begins at once. */
  readonly lanes?: number;
}

/** Why an attempt is asked to end. The first reason wins. */
export type StopReason =
  /** `clock`: whose time is over; absent: that of the step, or of a group around it. */
  | { readonly kind: 'timed_out'; readonly after_ms: number; readonly clock?: 'cleanup' }
  /** The steps get `signal` first, KILL after their grace time. */
  | { readonly kind: 'cancelled'; readonly signal: EndingSignal; readonly by: Actor };

/** What an executor tells while an attempt runs. */
export interface AttemptListener {
  /** The process exists behind its gate. It is released when the returned promise resolves (the record is written). */
  spawned(process: ProcessIdentity): Promise<void>;
  reaped(pids: readonly number[]): void;
  warned(code: WarningRaised['code'], message: string): void;
  /** A child run exists; nothing happens in it before the returned promise resolves. */
  childStarted(child: RunId): Promise<void>;
  published(artifact: Published): void;
  /** For how long the work itself ran, which may have waited for its turn. Not told where it ran from the beginning. */
  ran?(ms: number): void;
  /** The attempt calls a task. Absent: it cannot. Never rejects; does not resolve when the run is given up meanwhile. */
  called?(call: ScriptCall): Promise<CallOutcome>;
}

/** Something that an attempt published for people to look at. */
export type Published = Omit<ArtifactPublished, 'type' | 'step' | 'attempt'>;

/** An attempt under way. */
export interface RunningAttempt {
  /** Never rejects; resolves when the attempt and what belongs to it have ended. */
  readonly done: Promise<Outcome>;
  /** False while it waits for room, for its files, or behind its gate: what ends so has done nothing. Default: it acts at once. */
  hasBegun?(): boolean;
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

/**
 * What decides whether a recorded result stands for running a step: the attempt as it would be performed (secrets are marks), and its
 * `sources`.
 */
export interface ReuseRequest
  extends Pick<
    AttemptRequest,
    | 'step'
    | 'work'
    | 'stdin'
    | 'output'
    | 'outputs_schema'
    | 'env'
    | 'values'
    | 'secret_variables'
    | 'workdir'
    | 'item'
    | 'generates'
  > {
  readonly sources: readonly string[];
  /** Null: no reuse of outputs, only of files. `key` null: everything the step is given. */
  readonly cache: { readonly key: string | null; readonly ttl_ms: number | null } | null;
}

/** The answer, with the reason for people: what changed, or where the result comes from. */
export type ReuseAnswer =
  | {
      readonly kind: 'reuse';
      readonly from: { readonly run: RunId; readonly step: StepKey } | null;
      readonly fingerprint: ContentHash;
      readonly why: string;
      readonly outputs: OutputsRef | null;
      /** What the step had made; see `Outcome`. */
      readonly generated?: OutputsRef;
    }
  /** `fingerprint` null: its result is kept nowhere. */
  | { readonly kind: 'run'; readonly fingerprint: ContentHash | null; readonly why: string };

/**
 * Knows earlier results. Asked before the first attempt of a step in each life of a run: what a success is kept under is what the sources
 * were then. Never rejects but for a state that cannot be read.
 */
export interface Reuse {
  lookup(request: ReuseRequest): Promise<ReuseAnswer>;
}

/** A wish for capacities of the project. */
export interface Claim {
  readonly step: StepKey;
  readonly resources: { readonly [name: string]: number };
  readonly priority: number;
}

/** Capacities that hold across all runs of a project. What a claim's ancestors hold (groups, steps of parent runs) is shared with it. */
export interface Tickets {
  /** @param queued called at most once, when others hold what is asked for. */
  request(claim: Claim, queued: () => void): TicketRequest;
}

/** A claim that was made. */
export interface TicketRequest {
  /** Never rejects but for a state that cannot be written. */
  readonly answer: Promise<
    | { readonly kind: 'granted'; readonly units: { readonly [resource: string]: readonly string[] } }
    | { readonly kind: 'impossible'; readonly failure: Failure }
  >;
  /** Gives back what was granted, or takes the wish back. Later calls change nothing. */
  release(): void;
}

/** Whether a run may begin, by the policy of its concurrency group. */
export interface Admission {
  readonly group: string;
  readonly limit: number;
  /**
   * Asks to be let in.
   * @param queued called at most once, when the run has to wait.
   * @returns `answer`: never rejects but for a state that cannot be written; `withdraw`: takes the wish back.
   */
  request(queued: () => void): {
    readonly answer: Promise<{ readonly kind: 'admitted' } | { readonly kind: 'refused'; readonly message: string }>;
    withdraw(): void;
  };
}

/** How many processes a run and all its sub-runs may have at once: shared by their engines. */
export interface Slots {
  /** How many are free now. */
  readonly free: number;
  take(): void;
  give(): void;
  /** Calls back whenever one becomes free; the returned function ends that. */
  watch(freed: () => void): () => void;
}

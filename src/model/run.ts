/**
 * A run as its events tell it: the fold's result. Pure data; `fold.ts` is the only writer. Every reader (the engine, `show`,
 * the snapshot, the reports) looks at this and nothing else. States that people see are derived in `view.ts`, never stored.
 */

import type { ContentHash, RunId, StepId, StepKey } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type {
  ArtifactPublished,
  CallKind,
  FinalRunState,
  ProcessIdentity,
  RunSettings,
  SkipReason,
  Trigger,
  ValueRecorded,
} from './event.ts';
import type { Actor, EndingSignal, Failure, Judgement, OutcomeKind, OutputsRef } from './outcome.ts';
import type { HandlerPhase } from './policies.ts';

/** One try of a step. `outcome` is null while it is open. */
export interface AttemptRecord {
  readonly number: number;
  readonly iteration: number;
  readonly started_at: string;
  process: ProcessIdentity | null;
  outcome: OutcomeKind | null;
  /** It succeeded by saying that there was nothing to do. */
  skips: boolean;
  exit_code: number | null;
  signal: string | null;
  error: Failure | null;
  finished_at: string | null;
  duration_ms: number | null;
  judged?: Judgement;
}

/**
 * Where a step stands. The moves between these are listed in `moves.ts`:
 *
 *     pending --> running --> succeeded
 *        ^  \        |
 *        |   \       v
 *        |    \   undecided --> failed | cancelled
 *        |     \     |  ^
 *        |      \    v  |
 *        |       `> retrying --> running
 *        `-- (resume) -- failed, skipped, cancelled
 *
 * A map or a group goes `pending --> open --> succeeded | failed | cancelled`, a wait or an approval `pending --> waiting --> ...`, and
 * a step that repeats `undecided --> waiting --> running`. `queued` stands before an attempt (or `open`) that waits for capacities.
 */
export type StepPhase =
  | { readonly kind: 'pending' }
  | { readonly kind: 'running'; readonly attempt: AttemptRecord }
  /** An attempt ended without closing the step; the next decision says what follows. */
  | { readonly kind: 'undecided'; readonly attempt: AttemptRecord }
  | { readonly kind: 'retrying'; readonly attempt: number; readonly due: string; readonly delay_ms: number }
  /** Its children are under way. */
  | { readonly kind: 'open' }
  | { readonly kind: 'queued'; readonly resources: readonly string[] }
  /**
   * `due`: when it goes on by itself at the latest; null: never. `longest_ms`: the whole of a delay that began with the record, so that the
   * rest of it is never more, whatever the clock says; null: an instant of its own.
   */
  | {
      readonly kind: 'waiting';
      readonly for: 'time' | 'condition' | 'approval' | 'iteration';
      readonly due: string | null;
      readonly longest_ms: number | null;
    }
  | { readonly kind: 'succeeded'; readonly reused: boolean }
  | { readonly kind: 'failed'; readonly tolerated: boolean; readonly error: Failure | null }
  | { readonly kind: 'skipped'; readonly reason: SkipReason }
  | { readonly kind: 'cancelled' };

/** What a step is to the one that it belongs to. `step`: a step of the flow, or the member of a group. */
export type StepRole = 'step' | 'item' | 'handler';

/** What a person answered. */
export interface ApprovalAnswer {
  readonly approved: boolean;
  readonly by: Actor;
  readonly params: JsonObject;
  readonly comment: string | null;
  readonly at: string;
}

/** One step of a run, one item of a map, one member of a group, or one handler. */
export interface StepRecord {
  readonly id: StepId;
  readonly key: StepKey;
  readonly role: StepRole;
  /** The map, the group, or the step whose handler it is; null at the top. */
  readonly parent: StepKey | null;
  /** Place among the items of its map, or the handlers of its phase; null for others. */
  readonly index: number | null;
  /** Of an item: what it stands for; where a map was called, what people know it by. */
  readonly item: Json;
  needs: readonly StepKey[];
  phase: StepPhase;
  attempts: AttemptRecord[];
  /** How many attempts were made under this key before the step was taken out of the run and came again. */
  earlier: number;
  /** Attempts that failed or timed out since the step last had a fresh budget. */
  failures: number;
  outputs: OutputsRef | null;
  /** Of a step that repeats: the iteration that is under way or next, from 0, and what the one before it yielded. */
  iteration: number;
  previous: OutputsRef | null;
  /** Of a map or a group that was opened: its children, in order. */
  children: readonly StepKey[] | null;
  /** Of a group that is open: its time is over; after this long. */
  timed_out_after_ms: number | null;
  /** Phases of its handlers that have begun. */
  handlers: readonly HandlerPhase[];
  /** Of an approval that was answered. */
  answer: ApprovalAnswer | null;
  /** Of an approval or a wait: what was asked, or waited for. */
  question: JsonObject | null;
  /** What a step with `generates` made. */
  generated: OutputsRef | null;
  why: string | null;
  started_at: string | null;
  finished_at: string | null;
  /** Child run of a sub-flow step. */
  child: RunId | null;
  /** The event that settled it, while it is settled. */
  settled_at: number | null;
  /** Of a step that a flow function, or a task, called; null for others. */
  readonly call: CallRecord | null;
}

/** A call as it is on record. */
export interface CallRecord {
  readonly kind: CallKind;
  /** The step whose attempt made it; null: the flow function. */
  readonly caller: StepKey | null;
  arguments_hash: ContentHash;
  /** The event that recorded it. */
  readonly seq: number;
  /** The same; of one that was sent back to the start the first event after that, null before. */
  made_at: number | null;
  /** A name for people beside the key, and words to find it by. */
  readonly run_name: string | null;
  readonly tags: readonly string[];
  /** It failed, and the flow function went on from that: a resume tells it the same again. */
  wasCaught: boolean;
}

/** Why a run is being ended before its steps are done. */
export interface Cancellation {
  readonly by: Actor;
  /** When it was recorded first: RFC 3339. */
  readonly at: string;
  readonly reason: string | null;
  /** The first signal that came, if one did; it decides the exit code. */
  readonly signal: EndingSignal | null;
  /** How many signals came; from the second on nothing is waited for. */
  readonly signals: number;
}

/** How a run ended. */
export interface RunEnding {
  readonly state: FinalRunState;
  readonly exit_code: number;
  readonly outputs: OutputsRef | null;
  readonly timed_out: boolean;
  readonly error: Failure | null;
}

/** A warning that was recorded. */
export interface RunWarning {
  readonly step: StepKey | null;
  readonly attempt: number | null;
  readonly code: string;
  readonly message: string;
}

/** Something that was published for people to look at. */
export type RunArtifact = Omit<ArtifactPublished, 'type'>;

/** A whole run. */
export interface RunRecord {
  readonly id: RunId;
  /** The last event that is folded in. */
  seq: number;
  readonly flow: string;
  /** What the flow calls this run; null where it gives its runs no names. */
  readonly name: string | null;
  readonly version: number | null;
  flow_hash: ContentHash;
  params: JsonObject;
  readonly tags: readonly string[];
  readonly trigger: Trigger;
  readonly parent: { readonly run: RunId; readonly step: StepKey } | null;
  readonly scheduled_for: string;
  readonly previous_scheduled_for: string | null;
  /** Values that were kept across runs when this one began; expressions see them as `vars`, above those of the definition. */
  readonly vars: JsonObject;
  settings: RunSettings;
  /** Number of the definition in force: 1 is `flow.json`. */
  revision: number;
  /** Times the run was resumed. */
  resumes: number;
  readonly started_at: string;
  /** When the present life began: the start, or the last resume. */
  life_began_at: string;
  /** When anything was last recorded. */
  last_event_at: string;
  finished_at: string | null;
  /** Sum over the lives that are over; one that was cut short counts up to its last record. */
  duration_ms: number;
  readonly steps: Map<StepKey, StepRecord>;
  /** Attempts that were made under the keys of steps that are not in the run any more: should they come again, they are counted on. */
  readonly made: Map<StepKey, number>;
  cancellation: Cancellation | null;
  ending: RunEnding | null;
  readonly warnings: RunWarning[];
  readonly artifacts: RunArtifact[];
  /** Times the run was tried again by its own `retry`; and until when the next try waits. */
  retries: number;
  retry_due: string | null;
  /** The whole of that wait, milliseconds. */
  retry_delay_ms: number;
  /** Phases of the flow's handlers that have begun. */
  handlers: readonly HandlerPhase[];
  /** The concurrency group that the run waits for; null when it waits for none. */
  queued_for: string | null;
  /** Nobody stays with the run until a person, or an instant, has come. */
  parked: boolean;
  readonly reaped: number[];
  /** What a flow function was told of clock, random and ids, by kind. */
  readonly values: RecordedValues;
}

/** Values of each kind, in the order in which they were given. */
export type RecordedValues = { readonly [Kind in ValueRecorded['kind']]: Json[] };

/** True when nothing more happens to a step in this life of the run. */
export function isSettled(phase: StepPhase): boolean {
  switch (phase.kind) {
    case 'succeeded':
    case 'failed':
    case 'skipped':
    case 'cancelled':
      return true;
    case 'pending':
    case 'running':
    case 'undecided':
    case 'retrying':
    case 'waiting':
    case 'open':
    case 'queued':
      return false;
  }
}

/** True when what needs this step may start: it succeeded, or failed and was allowed to. */
export const isSatisfied = (phase: StepPhase): boolean =>
  phase.kind === 'succeeded' || (phase.kind === 'failed' && phase.tolerated);

/** How many attempts were made under the key of a step, in all lives of the run: the number of the last one. */
export const attemptsMade = ({ earlier, attempts }: Pick<StepRecord, 'earlier' | 'attempts'>): number =>
  earlier + attempts.length;

/** When a step that waits, or waits to be tried again, goes on by itself (RFC 3339); null for every other one. */
export const dueOf = (phase: StepPhase): string | null =>
  phase.kind === 'waiting' || phase.kind === 'retrying' ? phase.due : null;

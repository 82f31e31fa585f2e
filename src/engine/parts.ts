/** What an engine is made of, and how it can end. */

import type { StepKey } from '../base/ids.ts';
import type { RunRecord } from '../model/run.ts';
import type { UnrecordedAttempt } from './attempts.ts';
import type { Admission, Clock, Executor, Hub, Journal, Random, Reuse, ScriptHost, Slots, Tickets } from './ports.ts';
import type { Idleness } from './relatives.ts';
import type { ScopeSource } from './scope.ts';
/** Everything an engine is made of. */
export interface EngineParts extends ScopeSource {
  readonly journal: Journal;
  readonly hub: Hub;
  readonly executor: Executor;
  readonly clock: Clock;
  readonly random: Random;
  /** Absent: no results of other runs are known. */
  readonly reuse?: Reuse | null;
  /** Absent: nothing is shared with other runs. */
  readonly tickets?: Tickets | null;
  /** Absent: the run may begin at once. */
  readonly admission?: Admission | null;
  /** Absent: nobody runs flow functions. */
  readonly scripts?: ScriptHost | null;
  /** Absent: the run shares its slots with no other. */
  readonly slots?: Slots | null;
  /** What happens when nothing is left but to wait for a person or an instant. Default: the engine stays. */
  readonly waits?: 'stay' | 'park';
  /** True for a run of a tree that is to be left when all of it waits. Default: where it is this run that is left. */
  readonly watchesWaits?: boolean;
  /** Told whenever the run becomes idle, or busy again. */
  readonly idled?: (idleness: Idleness) => void;
  /** Told when the run is left waiting: its sub-runs are, too. */
  readonly parked?: () => void;
  /** Where the steps of a sub-run stand in its root, for what people are told to type. */
  readonly prefix?: StepKey | null;
}

/** How the engine ended. */
export type EngineEnd =
  | { readonly kind: 'finished'; readonly run: RunRecord }
  /** It waits for a person or an instant, and nobody stays. */
  | { readonly kind: 'parked'; readonly run: RunRecord }
  /** The journal failed: what ran without its end being recorded is listed. */
  | { readonly kind: 'state_lost'; readonly error: unknown; readonly unrecorded: readonly UnrecordedAttempt[] };

/** What a flow function asks for while it runs; part of the journal's events, see `event.ts`. */

import type { ContentHash, StepId, StepKey } from '../base/ids.ts';
import type { Json } from '../base/json.ts';

/**
 * A flow function called a task; its key was taken before any await. Stands again for a call that is to begin anew: one that has not
 * succeeded, made with other arguments, or of a task that is tried again.
 */
export type StepRequested = {
  readonly type: 'step.requested';
  readonly step: StepKey;
  readonly name: StepId;
  readonly arguments_hash: ContentHash;
  readonly needs: readonly StepKey[];
  /** What was called; absent: a task. */
  readonly kind?: CallKind;
  /** The step whose attempt made the call; absent: the flow function itself. */
  readonly caller?: StepKey;
  /** A name for people beside the key, and words to find it by; absent: none. */
  readonly run_name?: string;
  readonly tags?: readonly string[];
};

/** What a flow function can call. */
export type CallKind = 'task' | 'map' | 'command' | 'flow' | 'sleep' | 'approval';

/** Clock, random and ids of a flow function, so that a replay sees the same. */
export type ValueRecorded = {
  readonly type: 'value.recorded';
  readonly kind: 'now' | 'random' | 'uuid';
  readonly value: Json;
};

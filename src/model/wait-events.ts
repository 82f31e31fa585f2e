/** Waits and approvals; part of the journal's events, see `event.ts`. */

import type { StepKey } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import type { Actor } from './outcome.ts';

/** A step waits for an instant, a condition or a person. */
export type WaitStarted = {
  readonly type: 'wait.started';
  readonly step: StepKey;
  readonly until: string | null;
  /** The whole of a wait that has a length; absent where it has an instant. */
  readonly delay_ms?: number;
  readonly for: JsonObject | null;
};

/** A step waits for a person. */
export type ApprovalRequested = {
  readonly type: 'approval.requested';
  readonly step: StepKey;
  readonly message: string;
  readonly params: JsonObject;
  readonly expires: string | null;
};

/** A person answered. */
export type ApprovalAnswered = {
  readonly type: 'approval.answered';
  readonly step: StepKey;
  readonly approved: boolean;
  readonly by: Actor;
  readonly params: JsonObject;
  readonly comment: string | null;
};

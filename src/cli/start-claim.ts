/** What a scheduler tells the flowctl that it starts: which run that is to be. */

import { parseRunId } from '../base/ids.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import type { RunClaim } from '../model/deployment.ts';
import type { Trigger } from '../model/event.ts';
import { EVENT_KINDS, type EventKind } from '../model/trigger.ts';
import type { StartClaim } from './start-run.ts';
import { UsageError } from './session.ts';

/** A claim, and the schedule whose params the run has; null: none. */
export interface GivenClaim extends StartClaim {
  readonly trigger: RunClaim['trigger'];
  readonly schedule: number | null;
}

/** Writes what `readClaim` reads. */
export const claimText = (claim: GivenClaim): string => JSON.stringify(claim);

const TRIGGERS: ReadonlySet<unknown> = new Set(['schedule', 'backfill', 'automation', ...EVENT_KINDS]);
const isClaimTrigger = (value: unknown): value is RunClaim['trigger'] => TRIGGERS.has(value);

const isEventKind = (trigger: RunClaim['trigger']): trigger is EventKind =>
  EVENT_KINDS.some((kind) => kind === trigger);

/** What the record of a run says that began it. */
export const recordedTrigger = ({ trigger }: Pick<GivenClaim, 'trigger'>): Trigger =>
  isEventKind(trigger) ? 'event' : trigger;

/** Reads it. @throws {UsageError} when somebody else wrote it. */
export function readClaim(text: string): GivenClaim {
  let claim: Json = null;
  try {
    claim = JSON.parse(text) as Json;
  } catch {
    // Refused below.
  }
  if (isJsonObject(claim)) {
    const { run, scheduled_for, previous_scheduled_for: previous = null, trigger, schedule = null } = claim;
    const id = typeof run === 'string' ? parseRunId(run) : null;
    const isInstant = (value: Json | undefined): value is string =>
      typeof value === 'string' && Number.isFinite(Date.parse(value));
    const isSchedule = schedule === null || (typeof schedule === 'number' && Number.isSafeInteger(schedule));
    if (
      id !== null &&
      isInstant(scheduled_for) &&
      (previous === null || isInstant(previous)) &&
      isClaimTrigger(trigger) &&
      isSchedule
    )
      return { run: id, scheduled_for, previous_scheduled_for: previous, trigger, schedule };
  }
  throw new UsageError('`--claim` is what schedulers of flowctl write');
}

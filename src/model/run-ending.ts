/** The end of one life of a run, as those who do something about it are told: automations, triggers. */

import { parseRunId, type RunId } from '../base/ids.ts';
import { isJsonObject } from '../base/json.ts';
import type { Trigger } from './event.ts';
import { hasMembers, isCount, isInstant, isInteger, isListOf, isOneOf, isText, orNull } from './member-checks.ts';

/** The states that are told. `crashed`: the run did not end, and its owner is gone. */
export const ENDED_STATES = ['succeeded', 'failed', 'cancelled', 'skipped', 'crashed'] as const;

/** One of them. */
export type EndedState = (typeof ENDED_STATES)[number];

/** One end of a top-level run. A run that is resumed has as many as it has lives. */
export interface RunEnding {
  /** Its place in the feed, from 1. */
  readonly n: number;
  readonly run: RunId;
  /** How many events the run had then; with the run's id it names this end, whoever tells of it. */
  readonly seq: number;
  readonly flow: string;
  /** The deployment that was run; null for a flow run from its file, and where the run is gone. */
  readonly deployment: string | null;
  /** Of the deployment; null for a flow run from its file. */
  readonly version: number | null;
  readonly state: EndedState;
  /** Null for a run that crashed. */
  readonly exit_code: number | null;
  readonly trigger: Trigger | null;
  readonly tags: readonly string[];
  /** RFC 3339, as are the others. */
  readonly scheduled_for: string | null;
  readonly started_at: string | null;
  /** Null for a run that crashed. */
  readonly finished_at: string | null;
  /** When it was found, by the clock of whoever looked. */
  readonly noticed_at: string;
}

/** How far somebody has read: part of a document of the reader's own, written together with what it did about what it read. */
export interface FeedCursor {
  /** Which feed; another one begins where the file of one was taken away. */
  readonly epoch: string;
  /** The last `n` that was read. */
  readonly n: number;
}

/** Whether a value that was read back is a cursor. */
export const isFeedCursor = hasMembers({ epoch: isText, n: isCount });

const isEnding = hasMembers({
  n: isCount,
  run: (value) => typeof value === 'string' && parseRunId(value) === value,
  seq: isCount,
  flow: isText,
  deployment: orNull(isText),
  version: orNull(isInteger),
  state: isOneOf(...ENDED_STATES),
  exit_code: orNull(isInteger),
  trigger: orNull(isText),
  tags: isListOf(isText),
  scheduled_for: orNull(isInstant),
  started_at: orNull(isInstant),
  finished_at: orNull(isInstant),
  noticed_at: isInstant,
});

/** Takes a value for an ending. @returns null for what is none. */
export const readEnding = (value: unknown): RunEnding | null =>
  isJsonObject(value) && isEnding(value) ? (value as unknown as RunEnding) : null;

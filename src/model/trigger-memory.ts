/** What is remembered of one trigger, so that a crash neither loses nor repeats an event: a document of its own, `events/<id>.json`. */

import { type RunId, parseRunId } from '../base/ids.ts';
import { isJsonObject } from '../base/json.ts';
import { isEvent } from './deployment-shape.ts';
import {
  hasMembers,
  isFlag,
  isInstant,
  isListOf,
  isMapOf,
  isNumber,
  isText,
  type MemberCheck,
  orNull,
  wrongMember,
} from './member-checks.ts';
import { type FeedCursor, isFeedCursor } from './run-ending.ts';
import type { TriggerEvent } from './trigger.ts';

/** A file that is known: when it was last written to (milliseconds since the epoch), its size and inode. */
export interface KnownFile {
  readonly mtime_ms: number;
  readonly size: number;
  readonly ino: number;
  /** When it was found missing, in milliseconds since the epoch; null: it is there. */
  readonly gone_ms: number | null;
}

/** A request that was accepted. */
export interface Delivery {
  /** What was answered; null: none is to be. */
  readonly run: RunId | null;
  /** Milliseconds since the epoch. */
  readonly at_ms: number;
  /** Of the request's signatures: the same request again has the same. */
  readonly proof: string;
}

/** An event that waits for the deployment to take it up. */
export interface WaitingEvent {
  readonly event: TriggerEvent;
  /** Milliseconds since the epoch: not before, for another one may take its place. */
  readonly ready_ms: number;
}

/** The document. */
export interface TriggerMemory {
  readonly format: typeof TRIGGER_MEMORY_FORMAT;
  /** Files have been looked at. */
  readonly has_looked: boolean;
  /** By absolute path. */
  readonly files: { readonly [path: string]: KnownFile };
  /** Up to where ended runs are known, as the feed of them says; null: as the trigger says. */
  readonly cursor: FeedCursor | null;
  /** By the id that the sender gave. */
  readonly deliveries: { readonly [id: string]: Delivery };
  /** When the last event was; null: none was. RFC 3339. */
  readonly last_at: string | null;
  /** The silence that goes on was told. */
  readonly is_silence_told: boolean;
  /** What waits, in the order in which it happened. */
  readonly waiting: readonly WaitingEvent[];
}

/** A reader refuses another one. */
export const TRIGGER_MEMORY_FORMAT = 'flowctl-trigger-1';

/** Of a trigger of which nothing is known. */
export const EMPTY_TRIGGER_MEMORY: TriggerMemory = {
  format: TRIGGER_MEMORY_FORMAT,
  has_looked: false,
  files: {},
  cursor: null,
  deliveries: {},
  last_at: null,
  is_silence_told: false,
  waiting: [],
};

const isRun: MemberCheck = (value) => typeof value === 'string' && parseRunId(value) === value;

const MEMORY: { readonly [Member in keyof TriggerMemory]-?: MemberCheck } = {
  format: (value) => value === TRIGGER_MEMORY_FORMAT,
  has_looked: isFlag,
  files: isMapOf(hasMembers({ mtime_ms: isNumber, size: isNumber, ino: isNumber, gone_ms: orNull(isNumber) })),
  cursor: orNull(isFeedCursor),
  deliveries: isMapOf(hasMembers({ run: orNull(isRun), at_ms: isNumber, proof: isText })),
  last_at: orNull(isInstant),
  is_silence_told: isFlag,
  waiting: isListOf(hasMembers({ event: isEvent, ready_ms: isNumber })),
};

/** Takes a value for what is remembered of a trigger. @returns null for what is none. */
export const readTriggerMemory = (value: unknown): TriggerMemory | null =>
  isJsonObject(value) && wrongMember(value, MEMORY) === null ? (value as unknown as TriggerMemory) : null;

/**
 * A message that may not have arrived: what is kept of it until it has. Secrets are in it by name only; whoever sends it reads them then.
 * When it is tried again is decided here, and when nobody tries any more.
 */

import { parseRunId, type RunId, type StepKey } from '../base/ids.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import {
  hasMembers,
  isCount,
  isInstant,
  isListOf,
  isObject,
  isOneOf,
  isText,
  orMissing,
  orNull,
} from './member-checks.ts';
import type { SecretDefinition } from './policies.ts';
import type { PrivateHosts } from './project.ts';

/** Where the secrets of a message are read: as the flow that names them says. */
export interface MessageSecret {
  /** The flow's file, absolute. */
  readonly file: string;
  readonly directory: string;
  /** The flow's files of variables, absolute. */
  readonly dotenv: readonly string[];
  readonly definition: SecretDefinition;
}

/** What is kept. */
export interface OutgoingMessage {
  readonly format: typeof MESSAGE_FORMAT;
  readonly run: RunId;
  readonly flow: string;
  /** The flow's file, absolute: its secrets come before those of other flows of the same names. */
  readonly file: string;
  /** The handler that sends it. */
  readonly step: StepKey;
  readonly channel: string;
  /** Marks stand for secrets (`base/secret-mark.ts`); any other value of a secret is hidden. */
  readonly options: JsonObject;
  readonly text: string;
  readonly news: { readonly state: string; readonly failed: readonly string[] };
  /** The same for every try. */
  readonly idempotency_key: string;
  readonly secrets: readonly MessageSecret[];
  /** What it may reach in private networks. Missing: nothing. */
  readonly private_hosts?: PrivateHosts;
  /** What was said of it is added to this file, while there is one; absolute. */
  readonly log: string | null;
  /** RFC 3339, as are the others. */
  readonly created_at: string;
  /** How often it was tried; what the handler did counts once. */
  readonly tries: number;
  /** What came of the last try; null: there was none, or nobody lived to tell. */
  readonly last: string | null;
  readonly next_at: string;
  /** Null while it is tried. */
  readonly given_up_at: string | null;
}

/** A reader refuses another one. */
export const MESSAGE_FORMAT = 'flowctl-message-1';

/** A message is given up when it is older than this, and was tried `FEWEST_TRIES` times. */
export const GIVE_UP_AFTER_MS = 86_400_000;
/** Where somebody sends only once a day, a day is one try. */
export const FEWEST_TRIES = 4;
/** The handler itself, or whoever it belongs to, has this much time before others take the message for left behind. */
export const LEFT_BEHIND_MS = 15_000;
/** From one try to the next; the last one stays. */
const PAUSES_MS = [15_000, 60_000, 120_000, 300_000, 900_000, 1_800_000, 3_600_000];

/** The message after a try that failed. @param askedMs what the receiver asked for; @param now milliseconds since the epoch. */
export function afterFailure(message: OutgoingMessage, why: string, askedMs: number, now: number): OutgoingMessage {
  const tries = message.tries + 1;
  const pause = Math.max(PAUSES_MS[Math.min(tries, PAUSES_MS.length) - 1] ?? 0, Math.min(askedMs, GIVE_UP_AFTER_MS));
  const isOver = now - Date.parse(message.created_at) > GIVE_UP_AFTER_MS && tries >= FEWEST_TRIES;
  return {
    ...message,
    tries,
    last: why,
    next_at: new Date(now + pause).toISOString(),
    given_up_at: isOver ? new Date(now).toISOString() : null,
  };
}

/** True when it may be tried. A clock that was set back does not hold it for longer than the longest pause. */
export function isDue({ next_at, given_up_at }: OutgoingMessage, now: number): boolean {
  const left = Date.parse(next_at) - now;
  return given_up_at === null && (left <= 0 || left > GIVE_UP_AFTER_MS);
}

const isSource = (value: unknown): boolean =>
  isJsonObject(value) &&
  (value['kind'] === 'env'
    ? isText(value['variable'])
    : value['kind'] === 'file'
      ? isText(value['path'])
      : value['kind'] === 'command' && isText(value['command']));

const isMessage = hasMembers({
  format: isOneOf(MESSAGE_FORMAT),
  run: (value) => typeof value === 'string' && parseRunId(value) === value,
  flow: isText,
  file: isText,
  step: isText,
  channel: isText,
  options: isObject,
  text: isText,
  news: hasMembers({ state: isText, failed: isListOf(isText) }),
  idempotency_key: isText,
  secrets: isListOf(
    hasMembers({
      file: isText,
      directory: isText,
      dotenv: isListOf(isText),
      definition: hasMembers({ name: isText, source: isSource }),
    }),
  ),
  private_hosts: orMissing((value) => value === 'all' || isListOf(isText)(value)),
  log: orNull(isText),
  created_at: isInstant,
  tries: isCount,
  last: orNull(isText),
  next_at: isInstant,
  given_up_at: orNull(isInstant),
});

/** Takes a value for a message. @returns null for what is none. */
export const readMessage = (value: unknown): OutgoingMessage | null =>
  isMessage(value) ? (value as unknown as OutgoingMessage) : null;

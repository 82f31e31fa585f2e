/** What automations remember, so that a crash neither loses nor repeats what they do: `automations.json`. */

import { isJsonObject } from '../base/json.ts';
import { isEvent } from './deployment-shape.ts';
import {
  hasMembers,
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

/** A run that is to be begun: it waits until the deployment's document has it. */
export interface WaitingRun {
  readonly deployment: string;
  readonly event: TriggerEvent;
}

/** The document. */
export interface AutomationMemory {
  readonly format: typeof AUTOMATION_MEMORY_FORMAT;
  /** Up to where ends of runs are known; null: no automation waits for any. */
  readonly cursor: FeedCursor | null;
  /** By deployment: what became of what was due, as far as it is known; null: no automation looks at it. */
  readonly outcomes: { readonly [deployment: string]: readonly string[] } | null;
  /** By run: the automations that did something about its going on. */
  readonly lasted: { readonly [run: string]: readonly string[] };
  /** By automation: when it did something within the last minute, in milliseconds since the epoch. */
  readonly fired: { readonly [automation: string]: readonly number[] };
  readonly waiting: readonly WaitingRun[];
}

/** A reader refuses another one. */
export const AUTOMATION_MEMORY_FORMAT = 'flowctl-automations-1';

/** Of a project that has had no automations. */
export const EMPTY_AUTOMATION_MEMORY: AutomationMemory = {
  format: AUTOMATION_MEMORY_FORMAT,
  cursor: null,
  outcomes: null,
  lasted: {},
  fired: {},
  waiting: [],
};

const MEMORY: { readonly [Member in keyof AutomationMemory]-?: MemberCheck } = {
  format: (value) => value === AUTOMATION_MEMORY_FORMAT,
  cursor: orNull(isFeedCursor),
  outcomes: orNull(isMapOf(isListOf(isText))),
  lasted: isMapOf(isListOf(isText)),
  fired: isMapOf(isListOf(isNumber)),
  waiting: isListOf(hasMembers({ deployment: isText, event: isEvent })),
};

/** Takes a value for it. @returns null for what is none. */
export const readAutomationMemory = (value: unknown): AutomationMemory | null =>
  isJsonObject(value) && wrongMember(value, MEMORY) === null ? (value as unknown as AutomationMemory) : null;

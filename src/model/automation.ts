/** Automations of a project, in the normal form: what they look for, and what is done about it. */

import type { Json } from '../base/json.ts';
import type { NotifyAction } from './action.ts';
import type { EndedState } from './run-ending.ts';

/** Which runs; null: whichever. Globs of names. */
export interface RunSelection {
  readonly flow: string | null;
  readonly deployment: string | null;
  readonly tag: string | null;
}

/** What became of what was due, and may need somebody. */
export const SCHEDULE_TROUBLES = ['missed', 'skipped', 'refused'] as const;

/** One of them. */
export type ScheduleTrouble = (typeof SCHEDULE_TROUBLES)[number];

/** When an automation does something. */
export type AutomationCondition =
  /** A run has ended like this. */
  | { readonly kind: 'ended'; readonly runs: RunSelection; readonly states: readonly EndedState[] }
  /** A run has been going on for so long; told once for each run. */
  | { readonly kind: 'lasts'; readonly runs: RunSelection; readonly longer_than_ms: number }
  /** Something that was due was not run. `deployment`: a glob; null: any. */
  | { readonly kind: 'due'; readonly deployment: string | null; readonly outcomes: readonly ScheduleTrouble[] };

/** What is done. */
export type AutomationAction =
  /** A run of a deployment. Texts of `params` are templates, which also see `event`. */
  | { readonly kind: 'run'; readonly deployment: string; readonly params: { readonly [name: string]: Json } }
  /** Cancels the run that it is about. */
  | { readonly kind: 'cancel' }
  /** Pauses a deployment; null: the one that it is about. */
  | { readonly kind: 'pause'; readonly deployment: string | null }
  | { readonly kind: 'notify'; readonly message: NotifyAction };

/** One automation. */
export interface AutomationDefinition {
  readonly name: string;
  readonly active: boolean;
  readonly when: AutomationCondition;
  readonly actions: readonly AutomationAction[];
  /** True: it also begins runs for the sake of runs that automations began. */
  readonly chain: boolean;
  /** How often it does something within any minute, at most. */
  readonly at_most: number;
}

/** Unless it says otherwise. */
export const DEFAULT_AT_MOST = 10;
/** Unless it says otherwise: what nobody wants. */
export const DEFAULT_STATES: readonly EndedState[] = ['failed', 'crashed'];

/** The names that expressions find under `event`, by the condition. */
export const AUTOMATION_MEMBERS: { readonly [Kind in AutomationCondition['kind']]: readonly string[] } = {
  ended: ['kind', 'at', 'automation', 'run', 'outputs'],
  lasts: ['kind', 'at', 'automation', 'run', 'longer_than'],
  due: ['kind', 'at', 'automation', 'deployment', 'outcome', 'scheduled_for', 'count', 'message'],
};

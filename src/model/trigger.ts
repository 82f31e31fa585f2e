/** Events that begin runs of a deployed flow, in the normal form: what is watched, and what a run is given of what happened. */

import type { RunId } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { EndedState, FeedCursor } from './run-ending.ts';
import type { ScheduleDefinition } from './schedule.ts';

/** What can happen to a file. */
export const FILE_CHANGES = ['created', 'changed'] as const;

/** What is watched. */
export type EventSource =
  /** Globs, relative to the flow's folder. A file counts when nothing was written to it for `settle_ms`. */
  | {
      readonly kind: 'file';
      readonly paths: readonly string[];
      readonly on: readonly (typeof FILE_CHANGES)[number][];
      readonly settle_ms: number;
    }
  /** The ends of runs of a deployment, or of a flow, of this name. */
  | { readonly kind: 'flow'; readonly flow: string; readonly states: readonly EndedState[] }
  /** Signed requests to `/hooks/<deployment>/<name>`. `secret`: the name of one of the flow's. */
  | { readonly kind: 'webhook'; readonly name: string; readonly secret: string };

/** One trigger of a flow. */
export interface TriggerDefinition {
  readonly source:
    | EventSource
    /** Nothing of it for so long. */
    | { readonly kind: 'absence'; readonly of: EventSource; readonly within_ms: number };
  /** Events that follow each other within this time are one, the last of them. */
  readonly debounce_ms: number;
  /** What the runs are given; texts are templates, which also see `event`. */
  readonly params: { readonly [name: string]: Json };
  readonly active: boolean;
  readonly overlap: ScheduleDefinition['overlap'];
}

/** What makes an event. */
export type EventKind = TriggerDefinition['source']['kind'];

/** Every kind of event. */
export const EVENT_KINDS = ['file', 'flow', 'webhook', 'absence'] as const satisfies readonly EventKind[];

/** How long nothing may have been written to a file, unless the trigger says. */
export const SETTLE_MS = 2_000;

/** What runs of events do while the run before is still going on, unless the trigger says: no event is lost. */
export const EVENT_OVERLAP = 'queue';

/** A trigger of a deployment. */
export interface DeployedTrigger {
  /** Names what is remembered of it: it stays the same as long as what is watched does. */
  readonly id: RunId;
  /** RFC 3339: what happened before is none of its business. */
  readonly since: string;
  /** The same in the feed of ends; null for one that does not wait for any. */
  readonly cursor: FeedCursor | null;
  /** Absolute: what its globs are relative to. */
  readonly directory: string;
  readonly definition: TriggerDefinition;
}

/** Something that happened. */
export interface TriggerEvent {
  /** Its own, and that of the run which it begins (which may get another one after a crash). */
  readonly id: RunId;
  /** The id of the trigger; that of the event itself where an automation made it. */
  readonly trigger: RunId;
  readonly kind: EventKind | 'automation';
  /** RFC 3339: when it happened. */
  readonly at: string;
  /** In a few words. */
  readonly what: string;
  /** What expressions see as `event`; null: it lies in a file of its own, or is not needed any more. */
  readonly facts: JsonObject | null;
  /** Of an automation: what the run is given; texts are templates. */
  readonly params?: JsonObject;
}

/** Facts with more characters than this, as JSON, get a file of their own. */
export const MOST_FACTS = 2_048;

/** The names that expressions find under `event`, by what made it. */
export const EVENT_MEMBERS: { readonly [Kind in EventKind]: readonly string[] } = {
  file: ['kind', 'at', 'path', 'name', 'folder', 'change', 'size'],
  flow: ['kind', 'at', 'run', 'outputs'],
  webhook: ['kind', 'at', 'name', 'id', 'headers', 'body'],
  absence: ['kind', 'at', 'of', 'since', 'within'],
};

/** A trigger's source, or what it is the absence of. */
export const watchedBy = ({ source }: TriggerDefinition): EventSource =>
  source.kind === 'absence' ? source.of : source;

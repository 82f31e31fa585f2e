/** Deployments: flows under a name, with a version, that are run when they are due. */

import type { ContentHash, RunId } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import type { Actor } from './outcome.ts';
import type { ScheduleDefinition } from './schedule.ts';
import type { DeployedTrigger, TriggerEvent } from './trigger.ts';

/** What a deployment was at some time. */
export interface DeployedVersion {
  /** From 1. */
  readonly version: number;
  /** Of the definition and of the modules that it uses. */
  readonly hash: ContentHash;
  /** RFC 3339. */
  readonly deployed_at: string;
  readonly by: Actor;
}

/** One instant of one schedule, or something that happened. */
export interface DueTick {
  /** Its place among the deployment's schedules; null: no schedule made it due. */
  readonly schedule: number | null;
  /** RFC 3339: when the run was due. */
  readonly scheduled_for: string;
  /** Present where an event made it due. */
  readonly event?: TriggerEvent;
  /** Of what waits: the run takes the place of those that go on, which are asked to end until they do. */
  readonly instead?: true;
}

/** What makes a run due that nobody asked for by hand. */
export type ClaimTrigger = 'schedule' | 'backfill' | TriggerEvent['kind'];

/** A run that is to be started; on disk before anybody starts it. */
export interface RunClaim extends DueTick {
  readonly run: RunId;
  /** What made it due. */
  readonly trigger: ClaimTrigger;
  /** RFC 3339. */
  readonly claimed_at: string;
}

/** What became of what was due. */
export type TickOutcome =
  | (RunClaim & { readonly outcome: 'started' })
  /** Nobody was there for these, from the first to the last. `is_more`: there were more than could be counted. */
  | (DueTick & {
      readonly outcome: 'missed';
      readonly until: string;
      readonly count: number;
      readonly is_more: boolean;
    })
  /** The run before was still going on. */
  | (DueTick & { readonly outcome: 'skipped'; readonly because_of: RunId })
  /** The flow could not be started: what flowctl said. */
  | (RunClaim & { readonly outcome: 'refused'; readonly exit_code: number | null; readonly message: string });

/** Instants that runs were started for: those that a timetable names within spans of time. */
export interface RanInstants {
  readonly timetable: Pick<ScheduleDefinition, 'timing' | 'timezone' | 'start' | 'end'>;
  /** What the schedule gave its runs: two schedules may name the same instant and mean different work. */
  readonly params: JsonObject;
  /** In order; first and last instant, RFC 3339. */
  readonly spans: readonly (readonly [first: string, last: string])[];
}

/** A flow under a name. */
export interface Deployment {
  readonly name: string;
  /** How the flow is named: the absolute path of its file, and `#name` for one of a module. */
  readonly flow: string;
  /** The version that runs: the newest one, unless an older one was asked for. */
  readonly version: number;
  readonly versions: readonly DeployedVersion[];
  /** Laid over the defaults of the flow's params. */
  readonly params: JsonObject;
  /** Those of the version that runs. */
  readonly schedules: readonly ScheduleDefinition[];
  /** By schedule: every instant up to this one is decided. RFC 3339. */
  readonly decided_until: readonly string[];
  /** Those of the version that runs; absent: none. */
  readonly triggers?: readonly DeployedTrigger[];
  /** Ids of events that were taken up and may still be announced again, after a crash; absent: none. */
  readonly taken?: readonly RunId[];
  readonly paused: { readonly at: string; readonly by: Actor } | null;
  /** To be started, and started but not yet known to be over. */
  readonly claims: readonly RunClaim[];
  readonly open: readonly RunClaim[];
  /** Wait until the run before is over, in this order. */
  readonly queue: readonly DueTick[];
  /** Claimed by backfills, until their runs are over: schedulers neither start them nor wait for them. */
  readonly backfilling: readonly RunClaim[];
  /** What was ever started, whoever looked. */
  readonly ran: readonly RanInstants[];
  /** What was due lately, newest last. */
  readonly ticks: readonly TickOutcome[];
  /** When anything of it was last written; RFC 3339. */
  readonly updated_at: string;
}

/** How many outcomes a deployment remembers. */
export const REMEMBERED_TICKS = 50;

/** What of a project is no cache: `db.json`. */
export interface ProjectDocument {
  readonly format: typeof PROJECT_DOCUMENT_FORMAT;
  readonly deployments: { readonly [name: string]: Deployment };
}

/** A reader refuses another one. */
export const PROJECT_DOCUMENT_FORMAT = 'flowctl-project-1';

/** The document of a project that has none. */
export const EMPTY_PROJECT_DOCUMENT: ProjectDocument = { format: PROJECT_DOCUMENT_FORMAT, deployments: {} };

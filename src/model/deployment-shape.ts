/** What the members of `db.json` are: read back, it decides what is started, and its hashes become paths. */

import { isFlowName, parseRunId } from '../base/ids.ts';
import { isJsonObject } from '../base/json.ts';
import { type Deployment, PROJECT_DOCUMENT_FORMAT, type ProjectDocument, type TickOutcome } from './deployment.ts';
import { isActor } from './event-shape.ts';
import {
  hasMembers,
  isCount,
  isFlag,
  isHash,
  isInstant,
  isInteger,
  isKindOf,
  isListOf,
  isNumber,
  isObject,
  isOneOf,
  isText,
  type MemberCheck,
  orMissing,
  orNull,
  wrongMember,
} from './member-checks.ts';
import { ENDED_STATES, isFeedCursor } from './run-ending.ts';
import { CATCH_UPS, OVERLAPS, type ScheduleDefinition } from './schedule.ts';
import { EVENT_KINDS, FILE_CHANGES, type TriggerDefinition } from './trigger.ts';

const isRunId: MemberCheck = (value) => typeof value === 'string' && parseRunId(value) === value;
const isName: MemberCheck = (value) => typeof value === 'string' && isFlowName(value);

const TIMINGS: { readonly [Kind in ScheduleDefinition['timing']['kind']]: MemberCheck } = {
  cron: hasMembers({ expression: isText }),
  interval: hasMembers({ every_ms: isNumber, anchor: orNull(isText) }),
  rrule: hasMembers({ rule: isText }),
  at: hasMembers({ time: isText }),
};

const isTiming: MemberCheck = (value) =>
  isJsonObject(value) &&
  isOneOf(...Object.keys(TIMINGS))(value['kind']) &&
  TIMINGS[value['kind'] as ScheduleDefinition['timing']['kind']](value);

const TIMETABLE = { timing: isTiming, timezone: isText, start: orNull(isText), end: orNull(isText) };
const isTimetable = hasMembers(TIMETABLE);
const isSpan: MemberCheck = (value) => Array.isArray(value) && value.length === 2 && value.every(isInstant);

const SCHEDULE: { readonly [Member in keyof ScheduleDefinition]-?: MemberCheck } = {
  ...TIMETABLE,
  params: isObject,
  jitter_ms: isNumber,
  active: isFlag,
  overlap: isOneOf(...OVERLAPS),
  catch_up: isOneOf(...CATCH_UPS),
  catch_up_window_ms: isNumber,
};

/** A `TriggerEvent`. */
export const isEvent = hasMembers({
  id: isRunId,
  trigger: isRunId,
  kind: isOneOf(...EVENT_KINDS, 'automation'),
  at: isInstant,
  what: isText,
  facts: orNull(isObject),
  params: orMissing(isObject),
});

const isWatched = isKindOf({
  file: { paths: isListOf(isText), on: isListOf(isOneOf(...FILE_CHANGES)), settle_ms: isCount },
  flow: { flow: isText, states: isListOf(isOneOf(...ENDED_STATES)) },
  webhook: { name: isName, secret: isText },
});
const isAbsence = isKindOf({ absence: { of: isWatched, within_ms: isCount } });

const TRIGGER: { readonly [Member in keyof TriggerDefinition]-?: MemberCheck } = {
  source: (value) => isWatched(value) || isAbsence(value),
  debounce_ms: isCount,
  params: isObject,
  active: isFlag,
  overlap: isOneOf(...OVERLAPS),
};

const isTrigger = hasMembers({
  id: isRunId,
  since: isInstant,
  cursor: orNull(isFeedCursor),
  directory: isText,
  definition: hasMembers(TRIGGER),
});

const tick = {
  schedule: orNull(isCount),
  scheduled_for: isInstant,
  event: orMissing(isEvent),
  instead: orMissing((value) => value === true),
};
const CLAIM = {
  ...tick,
  run: isRunId,
  trigger: isOneOf('schedule', 'backfill', 'automation', ...EVENT_KINDS),
  claimed_at: isInstant,
};
const isClaim = hasMembers(CLAIM);

/** Their members are put into sentences. */
const OUTCOMES: { readonly [Outcome in TickOutcome['outcome']]: MemberCheck } = {
  started: isClaim,
  missed: hasMembers({ ...tick, until: isInstant, count: isCount, is_more: isFlag }),
  skipped: hasMembers({ ...tick, because_of: isRunId }),
  refused: hasMembers({ ...CLAIM, exit_code: orNull(isInteger), message: isText }),
};

const isOutcome: MemberCheck = (value) =>
  isJsonObject(value) &&
  isOneOf(...Object.keys(OUTCOMES))(value['outcome']) &&
  OUTCOMES[value['outcome'] as TickOutcome['outcome']](value);

const DEPLOYMENT: { readonly [Member in keyof Deployment]-?: MemberCheck } = {
  name: isName,
  flow: isText,
  version: isCount,
  versions: isListOf(hasMembers({ version: isInteger, hash: isHash, deployed_at: isInstant, by: isActor })),
  params: isObject,
  schedules: isListOf(hasMembers(SCHEDULE)),
  decided_until: isListOf(isInstant),
  triggers: orMissing(isListOf(isTrigger)),
  taken: orMissing(isListOf(isRunId)),
  paused: orNull(hasMembers({ at: isInstant, by: isActor })),
  claims: isListOf(isClaim),
  open: isListOf(isClaim),
  queue: isListOf(hasMembers(tick)),
  backfilling: isListOf(isClaim),
  ran: isListOf(hasMembers({ timetable: isTimetable, params: isObject, spans: isListOf(isSpan) })),
  ticks: isListOf(isOutcome),
  updated_at: isInstant,
};

/** Takes a value for the document of a project. @returns null for what is none. */
export function readProject(value: unknown): ProjectDocument | null {
  if (!isJsonObject(value) || value['format'] !== PROJECT_DOCUMENT_FORMAT || !isJsonObject(value['deployments'])) {
    return null;
  }
  const deployments: { [name: string]: Deployment } = {};
  for (const [name, given] of Object.entries(value['deployments'])) {
    if (!isJsonObject(given)) return null;
    // Before there were backfills, nothing of them was written down.
    const each = Object.hasOwn(given, 'ran') ? given : { ...given, backfilling: [], ran: [] };
    const isWhole =
      wrongMember(each, DEPLOYMENT) === null &&
      each['name'] === name &&
      (each['decided_until'] as readonly unknown[]).length === (each['schedules'] as readonly unknown[]).length;
    if (!isWhole) return null;
    deployments[name] = each as unknown as Deployment;
  }
  return { ...value, format: PROJECT_DOCUMENT_FORMAT, deployments };
}

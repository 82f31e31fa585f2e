/** What the members of `db.json` are: read back, it decides what is started, and its hashes become paths. */

import { isFlowName, parseRunId } from '../base/ids.ts';
import { isJsonObject } from '../base/json.ts';
import { type Deployment, PROJECT_DOCUMENT_FORMAT, type ProjectDocument } from './deployment.ts';
import { isActor } from './event-shape.ts';
import {
  hasMembers,
  isCount,
  isFlag,
  isHash,
  isInstant,
  isInteger,
  isListOf,
  isNumber,
  isObject,
  isOneOf,
  isText,
  type MemberCheck,
  orNull,
  wrongMember,
} from './member-checks.ts';
import { CATCH_UPS, OVERLAPS, type ScheduleDefinition } from './schedule.ts';

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

const SCHEDULE: { readonly [Member in keyof ScheduleDefinition]-?: MemberCheck } = {
  timing: isTiming,
  timezone: isText,
  start: orNull(isText),
  end: orNull(isText),
  params: isObject,
  jitter_ms: isNumber,
  active: isFlag,
  overlap: isOneOf(...OVERLAPS),
  catch_up: isOneOf(...CATCH_UPS),
  catch_up_window_ms: isNumber,
};

const tick = { schedule: isCount, scheduled_for: isInstant };
const isClaim = hasMembers({ ...tick, run: isRunId, trigger: isOneOf('schedule', 'backfill'), claimed_at: isInstant });
const isOutcome = hasMembers({ ...tick, outcome: isOneOf('started', 'missed', 'skipped', 'refused') });

const DEPLOYMENT: { readonly [Member in keyof Deployment]-?: MemberCheck } = {
  name: isName,
  flow: isText,
  version: isCount,
  versions: isListOf(hasMembers({ version: isInteger, hash: isHash, deployed_at: isInstant, by: isActor })),
  params: isObject,
  schedules: isListOf(hasMembers(SCHEDULE)),
  decided_until: isListOf(isInstant),
  paused: orNull(hasMembers({ at: isInstant, by: isActor })),
  claims: isListOf(isClaim),
  open: isListOf(isClaim),
  queue: isListOf(hasMembers(tick)),
  ticks: isListOf(isOutcome),
  updated_at: isInstant,
};

/** Takes a value for the document of a project. @returns null for what is none. */
export function readProject(value: unknown): ProjectDocument | null {
  if (!isJsonObject(value) || value['format'] !== PROJECT_DOCUMENT_FORMAT || !isJsonObject(value['deployments'])) {
    return null;
  }
  const whole = Object.entries(value['deployments']).every(
    ([name, each]) =>
      isJsonObject(each) &&
      wrongMember(each, DEPLOYMENT) === null &&
      each['name'] === name &&
      (each['decided_until'] as readonly unknown[]).length === (each['schedules'] as readonly unknown[]).length,
  );
  return whole ? (value as unknown as ProjectDocument) : null;
}

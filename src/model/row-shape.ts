/** Whether a value that was read back is a row of a listing: rows of the index are a cache, and shown as they stand. */

import { isJsonObject } from '../base/json.ts';
import {
  hasMembers,
  isCount,
  isFlag,
  isInstant,
  isInteger,
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
import { RUN_STATES, type RunRow } from './view.ts';

const isCounts = hasMembers({
  total: isCount,
  succeeded: isCount,
  failed: isCount,
  skipped: isCount,
  cached: isCount,
});

/** Members that earlier versions did not write may be missing. */
const ROW: { readonly [Member in keyof RunRow]-?: MemberCheck } = {
  id: isText,
  flow: orNull(isText),
  name: orMissing(orNull(isText)),
  version: orNull(isInteger),
  state: isOneOf(...RUN_STATES),
  exit_code: orNull(isInteger),
  trigger: orNull(isText),
  params: isObject,
  tags: isListOf(isText),
  parent: orNull(isText),
  scheduled_for: orNull(isInstant),
  created_at: orNull(isInstant),
  started_at: orNull(isInstant),
  finished_at: orNull(isInstant),
  duration_ms: orNull(isNumber),
  steps: isCounts,
  timed_out: isFlag,
  resumes: isCount,
  durability: isOneOf('full', 'process'),
  problem: orMissing(isObject),
};

/** Takes a value for a row. @returns null for what is none. */
export const readRow = (value: unknown): RunRow | null =>
  isJsonObject(value) && wrongMember(value, ROW) === null ? (value as unknown as RunRow) : null;

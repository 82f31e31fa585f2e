/**
 * What the members of each event are, asked of a record before it is folded. Its checksum says that it was written so; not that
 * flowctl wrote it, nor a flowctl that had no bug. Beyond types this asks what a reader relies on: instants are instants, hashes may
 * become names of files, counts are counts. What cannot be told by looking at one event (order, names of steps) is the fold's business.
 */

import { parseRunId } from '../base/ids.ts';
import { isJsonObject } from '../base/json.ts';
import type { EventBody, EventType, RunEvent } from './event.ts';
import {
  hasMembers,
  isCount,
  isFlag,
  isHash,
  isInstant,
  isInteger,
  isListOf,
  isMapOf,
  isNumber,
  isObject,
  isOneOf,
  isPresent,
  isText,
  type MemberCheck,
  orMissing,
  orNull,
  wrongMember,
} from './member-checks.ts';

/** Nobody writes so many; whoever reads adds a step for each. */
const MOST_HANDLERS = 100_000;

/** The key of a step is printed and becomes the name of a file: it holds nothing that a terminal obeys. */
const isKey: MemberCheck = (value) =>
  typeof value === 'string' && value !== '' && !/[\u0000-\u001f\u007f-\u009f]/u.test(value);
const isKeys = isListOf(isKey);
const isRunId: MemberCheck = (value) => typeof value === 'string' && parseRunId(value) === value;
const isSignal = isOneOf('SIGHUP', 'SIGINT', 'SIGTERM');

const isOutputs: MemberCheck = (value) =>
  isJsonObject(value) &&
  (value['kind'] === 'inline' ? isPresent(value['value']) : value['kind'] === 'stored' && isHash(value['hash']));

const isFailure = hasMembers({
  code: isText,
  message: isText,
  detail: orMissing(isText),
  thrown: orMissing(isText),
});

/** Who asked for something, see `Actor`. */
export const isActor: MemberCheck = (value) => {
  if (!isJsonObject(value)) return false;
  const { kind, signal, name, host, policy } = value;
  if (kind === 'signal') return isSignal(signal);
  return kind === 'user' ? isText(name) && isText(host) : kind === 'policy' && isText(policy);
};

const isProcess = hasMembers({
  pid: isInteger,
  group: isInteger,
  start_ticks: orNull(isInteger),
  boot_id: orNull(isText),
  pid_namespace: orNull(isText),
});

const isSettings = hasMembers({
  max_parallel: isCount,
  fail_fast: isFlag,
  grace_ms: isNumber,
  durability: isOneOf('full', 'process'),
});

const isSteps = isListOf(hasMembers({ id: isKey, needs: isKeys }));
const isTexts = isListOf(isText);
const isOptionalFailure = orNull(isFailure);
const isOptionalOutputs = orNull(isOutputs);
const isLaterOutputs = orMissing(isOutputs);

/** A name in the folder of artifacts: relative, and never out of it. */
const isBelow: MemberCheck = (value) =>
  typeof value === 'string' && !value.startsWith('/') && !value.includes('\0') && !value.split('/').includes('..');

type Shape<Body extends EventBody> = { readonly [Member in Exclude<keyof Body, 'type'>]-?: MemberCheck };

const attempt = { step: isKey, attempt: isCount };
const delay = { delay_ms: isNumber, due: isInstant };

const SHAPES: { readonly [Type in EventType]: Shape<Extract<EventBody, { type: Type }>> } = {
  'run.started': {
    flow: isText,
    name: orMissing(isText),
    version: orNull(isInteger),
    flow_hash: isText,
    params: isObject,
    tags: isTexts,
    trigger: isText,
    parent: orNull(hasMembers({ run: isRunId, step: isKey })),
    scheduled_for: isInstant,
    previous_scheduled_for: orMissing(isInstant),
    vars: orMissing(isObject),
    settings: isSettings,
    steps: isSteps,
  },
  'run.resumed': {
    by: isActor,
    revision: isCount,
    flow_hash: isText,
    settings: isSettings,
    params: isObject,
    steps: isSteps,
    reset: isKeys,
  },
  'attempt.started': {
    ...attempt,
    iteration: isCount,
    why: orMissing(isText),
    fingerprint: orMissing(isText),
    units: orMissing(isMapOf(isTexts)),
  },
  'attempt.spawned': { ...attempt, process: isProcess },
  'attempt.finished': {
    ...attempt,
    outcome: isOneOf('succeeded', 'failed', 'timed_out', 'cancelled', 'lost'),
    exit_code: orNull(isInteger),
    signal: orNull(isText),
    error: isOptionalFailure,
    outputs: isOptionalOutputs,
    duration_ms: orNull(isNumber),
    continues: orMissing(isFlag),
    generated: isLaterOutputs,
    skips: orMissing(isFlag),
    judged: orMissing(hasMembers({ retry: orNull(isFlag), delay_ms: orNull(isNumber) })),
  },
  'retry.scheduled': { ...attempt, ...delay },
  'step.settled': {
    step: isKey,
    state: isOneOf('succeeded', 'failed', 'cancelled'),
    tolerated: isFlag,
    error: isOptionalFailure,
    outputs: isOptionalOutputs,
  },
  'step.skipped': {
    step: isKey,
    reason: isOneOf('condition', 'upstream_failed', 'upstream_skipped', 'not_selected', 'cancelled', 'skip_code'),
  },
  'step.reused': {
    step: isKey,
    from: orNull(hasMembers({ run: isRunId, step: isKey })),
    fingerprint: orNull(isText),
    why: isText,
    outputs: isOptionalOutputs,
    generated: isLaterOutputs,
  },
  'step.expanded': {
    step: isKey,
    items: isListOf(hasMembers({ key: isKey, item: isPresent })),
    members: orMissing(isSteps),
  },
  'iteration.scheduled': { step: isKey, iteration: isCount, ...delay },
  'step.timed_out': { step: isKey, after_ms: isNumber },
  'step.queued': { step: isKey, resources: isTexts },
  'run.queued': { group: isText, limit: isNumber },
  'run.admitted': { group: isText },
  'run.parked': { exit_code: isInteger },
  'run.retried': { retry: isCount, ...delay, caught: orMissing(isKeys) },
  'step.requested': {
    step: isKey,
    name: isKey,
    arguments_hash: isText,
    needs: isKeys,
    kind: orMissing(isOneOf('task', 'map', 'command', 'flow', 'sleep', 'approval')),
    caller: orMissing(isKey),
    run_name: orMissing(isText),
    tags: orMissing(isTexts),
  },
  'value.recorded': { kind: isOneOf('now', 'random', 'uuid'), value: isPresent },
  'child.started': { step: isKey, child: isRunId },
  'wait.started': {
    step: isKey,
    until: orNull(isInstant),
    for: orNull(isObject),
    delay_ms: orMissing(orNull(isNumber)),
  },
  'approval.requested': { step: isKey, message: isText, params: isObject, expires: orNull(isInstant) },
  'approval.answered': { step: isKey, approved: isFlag, by: isActor, params: isObject, comment: orNull(isText) },
  'run.cancel_requested': { by: isActor, reason: orNull(isText) },
  'run.signalled': { signal: isSignal },
  'processes.reaped': {
    when: isOneOf('attempt_end', 'run_end', 'resume'),
    step: orNull(isKey),
    attempt: orNull(isCount),
    pids: isListOf(isInteger),
  },
  'handlers.started': {
    step: orNull(isKey),
    phase: isOneOf('on_success', 'on_failure', 'on_cancel', 'finally'),
    count: (value) => isCount(value) && Number(value) <= MOST_HANDLERS,
  },
  'artifact.published': {
    ...attempt,
    name: isText,
    kind: isText,
    file: orNull(isBelow),
    value: orMissing(isPresent),
  },
  'warning.raised': { step: orNull(isKey), attempt: orNull(isCount), code: isText, message: isText },
  'run.finished': {
    state: isOneOf('succeeded', 'failed', 'cancelled', 'skipped'),
    exit_code: isInteger,
    outputs: isOptionalOutputs,
    timed_out: isFlag,
    error: isOptionalFailure,
    caught: orMissing(isKeys),
    duration_ms: isNumber,
  },
};

/**
 * Looks at the members of an event of a known type.
 * @returns null, or the name of the first member that is missing or not what it has to be.
 */
export const misshapenMember = (event: RunEvent): string | null =>
  isInstant(event.time) ? wrongMember({ ...event }, SHAPES[event.type]) : 'time';

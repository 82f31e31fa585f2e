/** Options of tasks and calls, as they are written, into the normal form: the same words, units and limits as in YAML. */

import { parseDuration } from '../base/duration.ts';
import { nearestWord } from '../base/suggestion.ts';
import { NO_RETRY, STEP_DEFAULTS } from '../model/defaults.ts';
import type { RetryCause } from '../model/flow.ts';
import type { RequestedOptions, RequestedRetry } from './conductor.ts';

/** A length of time: `ms s m h d w`, combined (`1h30m`); a bare number is none, but for 0. */
export type Duration = string;

/** When and how often a failed attempt is tried again. */
export interface RetryOptions {
  /** Extra tries after the first. */
  readonly max: number;
  /** Before a retry: always the same, one for each (the last stands for all that follow), or what a function says. Default: none. */
  readonly delay?: Duration | readonly Duration[] | ((attempt: number, error: unknown) => Duration);
  /** How one delay grows: not at all, by itself each time, or twofold each time. Default: `none`. */
  readonly backoff?: 'none' | 'linear' | 'exponential';
  readonly maxDelay?: Duration;
  /** Chance in the delay; a number is the fraction by which it may differ either way. Default: `none`. */
  readonly jitter?: 'none' | 'full' | 'equal' | number;
  /** What is tried again. Default: both. */
  readonly on?: readonly RetryCause[];
  /** Of a command: only these exit codes are tried again. */
  readonly onExitCodes?: readonly number[];
  /** Asked about what an attempt threw, where the task runs: false gives up. `attempt` is the one that failed, from 1. */
  readonly retryIf?: (error: unknown, attempt: number) => boolean | Promise<boolean>;
}

/** When a recorded result stands for a call. */
export interface CacheOptions<A extends readonly unknown[] = readonly never[]> {
  /** What the result depends on. Default: the arguments and the code of the task's module. */
  readonly key?: string | ((...args: A) => string);
  /** How long a result stands. Default: until what it depends on changes. */
  readonly ttl?: Duration;
}

/** What a task, or one call of it, can ask for. */
export interface StepOptions<A extends readonly unknown[] = readonly never[]> {
  /** Default: 0. */
  readonly retry?: number | RetryOptions;
  /** Of one attempt. Default: none. */
  readonly timeout?: Duration;
  /** What an attempt has between being asked to end and being ended. Default: 5 s. */
  readonly grace?: Duration;
  /** Default: false. */
  readonly cache?: boolean | CacheOptions<A>;
  readonly tags?: readonly string[];
  /** A name for people beside the key, or what makes it of the arguments. */
  readonly runName?: string | ((...args: A) => string);
  /** How much of which of the project's capacities an attempt holds. */
  readonly resources?: { readonly [name: string]: number };
  /** Higher goes first among what could start. Default: 0. */
  readonly priority?: number;
  /** Where it runs. Default: `thread`. */
  readonly isolate?: 'thread' | 'process';
  /** Names of secrets: variables of the attempt, and `context().secrets`. */
  readonly secrets?: readonly string[];
  /** Globs of files that are kept for people to look at. */
  readonly artifacts?: readonly string[];
  /** What a resume does with an attempt that was lost. Default: `run_again`. */
  readonly ifLost?: 'run_again' | 'fail';
}

/** Nothing but defaults. */
export const NO_OPTIONS: RequestedOptions = {
  timeout_ms: STEP_DEFAULTS.timeout_ms,
  grace_ms: STEP_DEFAULTS.grace_ms,
  if_lost: STEP_DEFAULTS.if_lost,
  resources: STEP_DEFAULTS.resources,
  priority: STEP_DEFAULTS.priority,
  secrets: STEP_DEFAULTS.secrets,
  isolate: STEP_DEFAULTS.isolate,
  artifacts: STEP_DEFAULTS.artifacts,
  retry: { ...NO_RETRY, delays_ms: null },
  cache: null,
  tags: [],
  run_name: null,
};

/** What `StepOptions` has. */
export const STEP_OPTION_NAMES = [
  ...['retry', 'timeout', 'grace', 'cache', 'tags', 'runName', 'resources', 'priority', 'isolate', 'secrets'],
  ...['artifacts', 'ifLost'],
] as const;

/** Words of others, and YAML's, for options. */
const FOREIGN: ReadonlyMap<string, string> = new Map([
  ['retries', 'retry'],
  ['retryIf', 'retry: { max, retryIf }'],
  ['retryCondition', 'retry: { max, retryIf }'],
  ['retryDelay', 'retry: { max, delay }'],
  ['retryDelaySeconds', 'retry: { max, delay }'],
  ['timeoutSeconds', 'timeout'],
  ['timeoutMs', 'timeout'],
  ['cacheKeyFn', 'cache: { key }'],
  ['cacheExpiration', 'cache: { ttl }'],
  ['taskRunName', 'runName'],
  ['name', 'runName'],
  ['onCompletion', 'onSuccess'],
  ['onRollBack', 'onRollback'],
  ['concurrency', 'maxParallel'],
]);

const JITTERS = ['none', 'full', 'equal'] as const;

/** What was written is no options: a mistake of the user's, told with what it is about. */
export class OptionError extends TypeError {
  override readonly name = 'OptionError';
}

/** Says what is wrong with options. @param owner what they belong to, such as: task `save`. */
export function refuse(owner: string, sentence: string): never {
  throw new OptionError(`${owner}: ${sentence}`);
}

/** Refuses words that are no options. */
export function checkNames(owner: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const meant =
      FOREIGN.get(name) ??
      nearestWord(
        name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase()),
        known,
      );
    refuse(owner, `there is no option \`${name}\`${meant === null ? '' : `; did you mean \`${meant}\`?`}`);
  }
}

/** Reads a length of time in milliseconds. @param what the option's name. */
export function milliseconds(owner: string, what: string, value: unknown): number {
  if (value === 0) return 0;
  const read = typeof value === 'string' ? parseDuration(value) : null;
  if (read?.ok) return read.value;
  const shown = typeof value === 'string' ? `"${value}"` : String(value);
  const remedy = typeof value === 'number' ? `; write the unit: \`'${value}s'\` or \`'${value}ms'\`` : '';
  return refuse(owner, `\`${what}\` has to be a duration such as '30s' or '1h30m', not ${shown}${remedy}`);
}

/** Reads a whole number. */
export function wholeNumber(owner: string, what: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  return refuse(owner, `\`${what}\` has to be a whole number from ${least} to ${most}, not ${String(value)}`);
}

/** Reads one of some words. */
export function oneOf<Word extends string>(owner: string, what: string, value: unknown, words: readonly Word[]): Word {
  const found = words.find((word) => word === value);
  return found ?? refuse(owner, `\`${what}\` has to be ${words.map((word) => `'${word}'`).join(' or ')}`);
}

/** Reads a list of texts. */
export function texts(owner: string, what: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value as string[];
  return refuse(owner, `\`${what}\` has to be a list of texts`);
}

const RETRY_NAMES = ['max', 'delay', 'backoff', 'maxDelay', 'jitter', 'on', 'onExitCodes', 'retryIf'];

function retryOf(owner: string, given: number | RetryOptions): RequestedRetry {
  const none = NO_OPTIONS.retry;
  if (typeof given !== 'object' || given === null)
    return { ...none, max: wholeNumber(owner, 'retry', given, 0, 1_000_000) };
  checkNames(`${owner}, \`retry\``, given, RETRY_NAMES);
  const { max, delay, backoff = 'none', maxDelay, jitter = 'none', on, onExitCodes, retryIf } = given;
  if (retryIf !== undefined && typeof retryIf !== 'function') refuse(owner, '`retry.retryIf` has to be a function');
  const isFraction = typeof jitter === 'number' && jitter >= 0 && jitter <= 1;
  const list = Array.isArray(delay) ? (delay as readonly Duration[]) : null;
  if (list?.length === 0) refuse(owner, '`retry.delay` has to have a delay in it');
  const single = delay === undefined || list !== null || typeof delay === 'function' ? 0 : delay;
  return {
    max: wholeNumber(owner, 'retry.max', max, 0, 1_000_000),
    delay_ms: milliseconds(owner, 'retry.delay', single),
    delays_ms: list === null ? null : list.map((each) => milliseconds(owner, 'retry.delay', each)),
    backoff: oneOf(owner, 'retry.backoff', backoff, ['none', 'linear', 'exponential']),
    max_delay_ms: maxDelay === undefined ? null : milliseconds(owner, 'retry.maxDelay', maxDelay),
    jitter: isFraction ? jitter : oneOf(owner, 'retry.jitter', jitter, JITTERS),
    on: on === undefined ? none.on : on.map((cause) => oneOf(owner, 'retry.on', cause, ['failed', 'timed_out'])),
    on_exit_codes:
      onExitCodes === undefined
        ? null
        : onExitCodes.map((code) => wholeNumber(owner, 'retry.onExitCodes', code, 1, 255)),
  };
}

function resourcesOf(owner: string, given: { readonly [name: string]: number }): { readonly [name: string]: number } {
  for (const [name, amount] of Object.entries(given)) wholeNumber(owner, `resources.${name}`, amount, 1, 1_000_000);
  return { ...given };
}

/** Reads a cache policy for one call. @param args the call's arguments; null: the key function is not asked. */
function cacheOf(
  owner: string,
  given: boolean | CacheOptions<never>,
  args: readonly unknown[] | null,
): RequestedOptions['cache'] {
  if (typeof given === 'boolean') return given ? { key: null, ttl_ms: null } : null;
  checkNames(`${owner}, \`cache\``, given, ['key', 'ttl']);
  const { key, ttl } = given;
  const made = typeof key === 'function' ? (args === null ? null : key(...(args as never))) : (key ?? null);
  if (made !== null && (typeof made !== 'string' || made === '')) refuse(owner, '`cache.key` has to be a text');
  return { key: made, ttl_ms: ttl === undefined ? null : milliseconds(owner, 'cache.ttl', ttl) };
}

/** True when the options depend on the arguments of a call. */
export const dependOnArguments = ({ cache, runName }: StepOptions<never>): boolean =>
  typeof runName === 'function' || (typeof cache === 'object' && typeof cache.key === 'function');

/**
 * Reads options. @param owner as in `refuse`. @param beneath those that hold where nothing is said.
 * @param args of the call; null when there is none yet. @throws {OptionError} for what is none.
 */
export function requestedOptions(
  owner: string,
  given: StepOptions<never>,
  beneath: RequestedOptions,
  args: readonly unknown[] | null,
): RequestedOptions {
  const { retry, timeout, grace, cache, tags, runName, resources, priority, isolate, secrets, artifacts, ifLost } =
    given;
  const named = typeof runName === 'function' ? (args === null ? null : runName(...(args as never))) : runName;
  if (named !== undefined && named !== null && typeof named !== 'string') refuse(owner, '`runName` has to be a text');
  return {
    retry: retry === undefined ? beneath.retry : retryOf(owner, retry),
    timeout_ms: timeout === undefined ? beneath.timeout_ms : milliseconds(owner, 'timeout', timeout),
    grace_ms: grace === undefined ? beneath.grace_ms : milliseconds(owner, 'grace', grace),
    cache: cache === undefined ? beneath.cache : cacheOf(owner, cache, args),
    tags: tags === undefined ? beneath.tags : texts(owner, 'tags', tags),
    run_name: named === undefined ? beneath.run_name : named,
    resources: resources === undefined ? beneath.resources : resourcesOf(owner, resources),
    priority:
      priority === undefined ? beneath.priority : wholeNumber(owner, 'priority', priority, -1_000_000, 1_000_000),
    isolate: isolate === undefined ? beneath.isolate : oneOf(owner, 'isolate', isolate, ['thread', 'process']),
    secrets: secrets === undefined ? beneath.secrets : texts(owner, 'secrets', secrets),
    artifacts: artifacts === undefined ? beneath.artifacts : texts(owner, 'artifacts', artifacts),
    if_lost: ifLost === undefined ? beneath.if_lost : oneOf(owner, 'ifLost', ifLost, ['run_again', 'fail']),
  };
}

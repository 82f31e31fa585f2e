/** What code inside a flow or a task may ask about the run around it. */

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Json } from '../base/json.ts';
import { currentContext, type StepContext } from '../functions/context.ts';
import { type Artifacts, artifactsIn } from './artifacts.ts';
import { type CallRequest, currentConductor, type Conductor } from './conductor.ts';
import { checkNames, type Duration, milliseconds, NO_OPTIONS, oneOf, refuse } from './options.ts';
import { paramDefinition } from './param-definition.ts';
import type { FromSchema, ParamDeclaration, ParamSchema } from './param-schema.ts';
import { inTransaction } from './task-call.ts';
import { TaskError } from './task-error.ts';

/** Writes lines into the attempt's log. */
export interface Logger {
  debug(message: string, facts?: object): void;
  info(message: string, facts?: object): void;
  warn(message: string, facts?: object): void;
  error(message: string, facts?: object): void;
}

/** A question to a person. */
export interface ApprovalQuestion<P extends { readonly [name: string]: ParamDeclaration }> {
  readonly message: string;
  /** What has to be answered with it, by `flowctl approve -p name=value`. */
  readonly params?: P;
  /** Default: it waits for ever. */
  readonly timeout?: Duration;
  /** What stands for the answer when nobody gave one in time. Default: `fail`. */
  readonly onTimeout?: 'fail' | 'approve' | 'reject';
}

/** The run around the calling code. Inside a flow function what it gives is recorded, so that a resume sees the same. */
export interface Context extends StepContext {
  /** Milliseconds since 1970, as `Date.now()`. Recorded inside a flow function. */
  now(): number;
  /** From 0 up to but not including 1, as `Math.random()`. Recorded inside a flow function. */
  random(): number;
  /** A random UUID (RFC 9562, version 4). Recorded inside a flow function. */
  uuid(): string;
  /** Waits. Inside a flow a step of its own, whose end is recorded: a resume waits for what is left of it. */
  sleep(duration: Duration): Promise<void>;
  /**
   * Asks a person, as a step of its own. @returns what was answered.
   * @throws {TaskError} with `code` `rejected` when the answer is no.
   */
  approval<const P extends { readonly [name: string]: ParamDeclaration } = Record<never, never>>(
    question: string | ApprovalQuestion<P>,
  ): Promise<{
    -readonly [K in keyof P]: P[K] extends ParamSchema
      ? FromSchema<P[K]>
      : P[K] extends string
        ? string
        : P[K] extends number
          ? number
          : boolean;
  }>;
  readonly logger: Logger;
  /** In a task: what it leaves for people to look at. */
  readonly artifact: Artifacts;
  /**
   * Says how far the attempt is: a line in its log, at most five a second, of which the live view shows the last. Not part of the record.
   * @param total unknown when left out.
   */
  progress(done: number, total?: number): void;
}

const LOGGER: Logger = {
  debug: (message, facts) => write('debug', message, facts),
  info: (message, facts) => write('info', message, facts),
  warn: (message, facts) => write('warn', message, facts),
  error: (message, facts) => write('error', message, facts),
};

function write(level: keyof Logger, message: string, facts: object | undefined): void {
  const stream = level === 'warn' || level === 'error' ? process.stderr : process.stdout;
  stream.write(`${level}: ${message}${facts === undefined ? '' : ` ${JSON.stringify(facts)}`}\n`);
}

/** Shorter than anybody reads, and long enough that a loop may tell of every turn. */
const PROGRESS_EVERY_MS = 200;
let lastProgress = { attempt: '', atMs: 0 };

/** One line in the log now and then, and one for the end. */
function tellProgress({ run, step, attempt }: StepContext, done: number, total: number | undefined): void {
  const own = `${run}/${step}/${attempt}`;
  const nowMs = performance.now();
  const isDue = lastProgress.attempt !== own || nowMs - lastProgress.atMs >= PROGRESS_EVERY_MS;
  if (!isDue && done !== total) return;
  lastProgress = { attempt: own, atMs: nowMs };
  LOGGER.info(`progress ${done}${total === undefined ? '' : `/${total}`}`);
}

/** What is asked of a conductor from here. */
async function ask(conductor: Conductor, request: CallRequest): Promise<Json> {
  const outcome = await conductor.call(request);
  if (outcome.kind === 'failed') throw new TaskError(outcome.step, outcome.attempts, outcome.failure);
  return outcome.outputs;
}

function approvalRequest(given: string | ApprovalQuestion<{ readonly [name: string]: ParamDeclaration }>): CallRequest {
  const question = typeof given === 'string' ? { message: given } : given;
  checkNames('approval()', question, ['message', 'params', 'timeout', 'onTimeout']);
  const { message, params = {}, timeout, onTimeout = 'fail' } = question;
  if (typeof message !== 'string' || message === '') refuse('approval()', '`message` has to be a text');
  return {
    kind: 'approval',
    name: 'approval',
    key: null,
    needs: [],
    options: NO_OPTIONS,
    message,
    params: Object.entries(params).map(([name, declaration]) => paramDefinition(name, declaration)),
    timeout_ms: timeout === undefined ? null : milliseconds('approval()', 'timeout', timeout),
    on_timeout: oneOf('approval()', 'onTimeout', onTimeout, ['fail', 'approve', 'reject']),
  };
}

async function sleep(facts: StepContext, duration: Duration): Promise<void> {
  const ms = milliseconds('sleep()', 'duration', duration);
  const conductor = currentConductor();
  if (conductor?.place !== 'flow') {
    await delay(ms, undefined, { signal: facts.signal });
    return;
  }
  const request = { kind: 'sleep', name: 'sleep', key: null, needs: [], options: NO_OPTIONS, ms } as const;
  await inTransaction(ask(conductor, request));
}

const recorded = (kind: 'now' | 'random' | 'uuid', make: () => number | string): number | string =>
  currentConductor()?.record(kind, make) ?? make();

/**
 * The run that the calling code is part of, also behind `await` and in callbacks: in a flow function its run, in a task (and a function
 * that a YAML flow calls) its attempt.
 * @throws {Error} outside both.
 * @example
 * const { attempt, signal, logger } = context();
 * logger.info('downloading', { attempt });
 * await fetch(url, { signal });
 */
export function context(): Context {
  const facts = currentContext();
  if (facts === null) throw new Error('context() is only available inside a function that flowctl called');
  const answers: Omit<Context, keyof StepContext> = {
    now: () => Number(recorded('now', () => Date.now())),
    random: () => Number(recorded('random', () => Math.random())),
    uuid: () => String(recorded('uuid', () => randomUUID())),
    sleep: (duration) => sleep(facts, duration),
    approval: async (question) => {
      const conductor = currentConductor();
      if (conductor === null) throw new Error('approval() is only available inside a flow');
      return (await inTransaction(ask(conductor, approvalRequest(question)))) as never;
    },
    logger: LOGGER,
    artifact: artifactsIn(facts.workdir),
    progress: (done, total) => tellProgress(facts, done, total),
  };
  return { ...facts, ...answers };
}

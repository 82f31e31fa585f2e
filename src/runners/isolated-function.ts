/**
 * Calls a function in a process of its own: started, gated, logged and ended as a command is. One that is in an endless loop or a native
 * call when it is asked to end does not hear that, so it gets no grace time.
 */

import { closeSync, constants, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import type { Result } from '../base/result.ts';
import type { AttemptRequest } from '../engine/ports.ts';
import { heardFile, type IsolatedCall, ISOLATED_CALL } from '../functions/host-process.ts';
import type { FunctionCall, FunctionResult, HostReport } from '../functions/messages.ts';
import { resultOf } from '../functions/report.ts';
import { startWait, type Wait } from '../process/clock.ts';
import { tail } from '../process/tail.ts';
import type { Runner, RunnerContext, RunningWork, WorkEnd } from './runner.ts';

/** What is known of a module that cannot be loaded. */
interface ModuleProblem {
  readonly message: string;
  readonly detail: string | null;
}

/** Where isolated functions run. */
export interface IsolatedHost {
  /** The host's file, absolute. */
  readonly program: string;
  /** The URL of a module for a host. */
  prepare(module: string): Promise<Result<string, ModuleProblem>>;
  /** The place of a syntax error in a module; null when it is not found. */
  locateMistake(module: string): Promise<ModuleProblem | null>;
}

/** A call, and what it takes. */
export interface IsolatedAttempt {
  readonly call: FunctionCall;
  readonly request: AttemptRequest;
  readonly context: RunnerContext;
  readonly host: IsolatedHost;
  /** Runs the process. */
  readonly command: Runner;
  /** Says what a result means. */
  readonly conclude: (result: FunctionResult) => Promise<WorkEnd>;
}

/** A process that has not heard by then that it is to end is stuck. */
const HEARD_MS = 250;

/** Begins the call. */
export function startIsolated(attempt: IsolatedAttempt): RunningWork {
  const report = `${attempt.context.places.output}.report`;
  let process: RunningWork | null = null;
  let asked: NodeJS.Signals | null = null;
  let killed = false;
  let hearing: Wait | null = null;
  const begin = async (): Promise<WorkEnd> => {
    const module = await attempt.host.prepare(attempt.call.module);
    if (asked !== null) return { kind: 'stopped', exit_code: null, signal: null };
    if (!module.ok) return attempt.conclude({ kind: 'module_not_loaded', ...module.error });
    removeFiles(report);
    try {
      process = startProcess(attempt, module.value, report);
      return await endOf(attempt, await process.ended, report);
    } finally {
      process = null;
      hearing?.cancel();
      removeFiles(report);
    }
  };
  const kill = (): void => {
    asked ??= 'SIGKILL';
    if (!killed) process?.kill();
    killed = true;
  };
  return {
    ended: begin(),
    stop: (signal) => {
      asked ??= signal;
      process?.stop(signal);
      if (process === null || hearing !== null) return;
      hearing = startWait(attempt.context.clock, HEARD_MS);
      void hearing.over.then(() => {
        if (!existsSync(heardFile(report))) kill();
      });
    },
    kill,
  };
}

function removeFiles(report: string): void {
  for (const file of [report, heardFile(report)]) rmSync(file, { force: true });
}

function startProcess({ call, request, context, host, command }: IsolatedAttempt, url: string, report: string) {
  // What it prints is masked outside of it, so that it need not know the secrets of others.
  const secrets = call.secrets === undefined ? {} : { secrets: { values: call.secrets.values, hidden: [] } };
  const told: IsolatedCall = { url, call: { ...call, env: { shared: {}, own: {} }, ...secrets }, report };
  const work = { kind: 'argv', argv: [process.execPath, host.program, ISOLATED_CALL] } as const;
  const plain = { output: 'file', outputs_schema: null, success_codes: [0], skip_codes: [] } as const;
  return command.start({ ...request, ...plain, work, stdin: JSON.stringify(told) }, context);
}

async function endOf(
  { call, host, context, conclude }: IsolatedAttempt,
  end: WorkEnd,
  report: string,
): Promise<WorkEnd> {
  if (end.kind === 'refused' || end.kind === 'stopped') return end;
  const signal = end.kind === 'failed' ? end.signal : null;
  // It was never started.
  if (end.kind === 'failed' && end.exit_code === null && signal === null) return end;
  const result = readReport(report);
  if (result === null) {
    const message = signal === null ? 'the function called `process.exit()`' : endedBy(signal, context.places.log);
    return { kind: 'failed', failure: { code: 'host_ended', message }, exit_code: end.exit_code, signal };
  }
  if (result.kind !== 'module_not_loaded' || !result.message.startsWith('SyntaxError:')) return conclude(result);
  const mistake = await host.locateMistake(call.module);
  return conclude(mistake === null ? result : { kind: 'module_not_loaded', ...mistake });
}

/** V8 prints this, and a stack of its own, before it gives up. */
const HEAP_IS_FULL = 'JavaScript heap out of memory';
const LAST_WORDS_BYTES = 16_384;

function endedBy(signal: string, log: string): string {
  const isFull = signal === 'SIGABRT' && tail(log, 200, LAST_WORDS_BYTES)?.text.includes(HEAP_IS_FULL) === true;
  if (isFull) return 'the function ran out of memory';
  return `the process of the function was ended by ${signal}${signal === 'SIGKILL' ? ', possibly out of memory' : ''}`;
}

/** @returns null when there is none, or half of one: the process ended before the call did. */
function readReport(file: string): FunctionResult | null {
  try {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return resultOf(JSON.parse(readFileSync(descriptor, 'utf8')) as HostReport);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return null;
  }
}

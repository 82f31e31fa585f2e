/** Runs the command of an attempt: one process tree, one log, one outcome. */

import { constants } from 'node:os';
import { assertNever, Bug } from '../base/result.ts';
import type { AttemptRequest } from '../engine/ports.ts';
import type { Failure } from '../model/outcome.ts';
import type { LaunchedProcess, Launcher, ProcessEnd } from '../process/launcher.ts';
import { readOutputFile } from '../process/output-file.ts';
import { endLeftovers, type Ladder, startLadder } from '../process/terminate.ts';
import type { Watchdog } from '../process/watchdog.ts';
import { makeAttemptFiles, putAwayAttemptFiles } from './attempt-files.ts';
import { type CommandWork, commandLineOf, tooLargeTogether } from './command-line.ts';
import { environmentOf, type InheritedEnvironment } from './environment.ts';
import {
  failedToStart,
  type Runner,
  type RunnerContext,
  type RunningWork,
  type StoreOutputs,
  type WorkEnd,
} from './runner.ts';

/** What the command runner works with. */
export interface CommandRunnerOptions {
  readonly launcher: Launcher;
  readonly watchdog: Watchdog;
  readonly inherited: InheritedEnvironment;
  readonly storeOutputs: StoreOutputs;
}

/** Runs work of the kinds `shell` and `argv`. */
export function commandRunner(options: CommandRunnerOptions): Runner {
  return {
    start: (request, context) => {
      if (request.work.kind === 'call') throw new Bug('the command runner was given a function');
      return startCommand(options, request, request.work, context);
    },
  };
}

/** What `stop` and `kill` act upon, whatever has been reached when they are called. */
interface Control {
  stopSignal: NodeJS.Signals | null;
  killed: boolean;
  /** Tells a waiting phase that one of the two above changed. */
  changed(): void;
}

function startCommand(
  options: CommandRunnerOptions,
  request: AttemptRequest,
  work: CommandWork,
  context: RunnerContext,
): RunningWork {
  const control: Control = { stopSignal: null, killed: false, changed: () => {} };
  return {
    ended: runCommand(options, request, work, context, control),
    stop: (signal) => {
      control.stopSignal ??= signal;
      control.changed();
    },
    kill: () => {
      control.stopSignal ??= 'SIGKILL';
      control.killed = true;
      control.changed();
    },
  };
}

async function runCommand(
  options: CommandRunnerOptions,
  request: AttemptRequest,
  work: CommandWork,
  context: RunnerContext,
  control: Control,
): Promise<WorkEnd> {
  const env = environmentOf(options.inherited, request, context.places);
  const line = commandLineOf(work, request, env, context.places.script);
  if (!line.ok) return failedToStart(line.error.code, line.error.message);
  const log = await makeAttemptFiles(line.value, context);
  if (!log.ok) {
    putAwayAttemptFiles(line.value, context);
    return log.error;
  }
  try {
    const { argv } = line.value;
    const launch = await options.launcher.launch({ argv, env, workdir: request.workdir, output: log.value.output });
    log.value.handedOver();
    switch (launch.kind) {
      case 'refused':
        return launch;
      case 'impossible': {
        if (launch.code !== 'E2BIG') {
          return failedToStart('start_refused', `the process cannot be started (${launch.code})`);
        }
        const { code, message } = tooLargeTogether(argv, env);
        return failedToStart(code, message);
      }
      case 'launched':
        return await supervise(options, request, context, control, launch.process);
      default:
        return assertNever(launch, 'launch');
    }
  } finally {
    const { truncated } = await log.value.settle();
    if (truncated) context.listener.warned('log_truncated', truncationWarning(request.step));
    putAwayAttemptFiles(line.value, context);
  }
}

const truncationWarning = (step: string): string =>
  `something truncated the log while \`${step}\` ran, so output is lost; write \`>&2\` in place of \`> /dev/stderr\``;

/** From the launched process to its end; the caller puts the files away. */
async function supervise(
  options: CommandRunnerOptions,
  request: AttemptRequest,
  context: RunnerContext,
  control: Control,
  target: LaunchedProcess,
): Promise<WorkEnd> {
  const { watchdog } = options;
  watchdog.register(target.identity);
  try {
    await context.listener.spawned(target.identity);
  } catch (error) {
    // The record could not be written: nothing may happen that nobody will know of.
    target.discard();
    await target.exited;
    watchdog.unregister(target.identity);
    throw error;
  }
  if (control.stopSignal !== null) {
    target.discard();
    await target.exited;
    watchdog.unregister(target.identity);
    return { kind: 'stopped', exit_code: null, signal: null };
  }
  target.release();
  context.begun();
  const stopped = new Promise<'stopped'>((resolve) => {
    control.changed = () => resolve('stopped');
  });
  const first = await Promise.race([target.exited, stopped]);
  if (first === 'stopped') return climbDown(options, request, context, control, target);
  const leftovers = await endLeftovers(target, context.clock, () => control.killed);
  if (leftovers.length > 0) context.listener.reaped(leftovers);
  watchdog.unregister(target.identity);
  return concludeCommand(options, request, context, first);
}

async function climbDown(
  options: CommandRunnerOptions,
  request: AttemptRequest,
  context: RunnerContext,
  control: Control,
  target: LaunchedProcess,
): Promise<WorkEnd> {
  const ladder: Ladder = startLadder({
    process: target,
    pattern: { kind: 'attempt', run: request.run, step: request.step, attempt: request.attempt },
    signal: control.stopSignal ?? 'SIGTERM',
    graceMs: control.killed ? 0 : request.grace_ms,
    clock: context.clock,
  });
  control.changed = () => {
    if (control.killed) ladder.kill();
  };
  const left = await ladder.done;
  if (left.length > 0) {
    context.listener.warned('processes_left', `cannot be ended: ${left.join(', ')}`);
    return { kind: 'stopped', exit_code: null, signal: null };
  }
  options.watchdog.unregister(target.identity);
  const { exitCode, signal } = await target.exited;
  return { kind: 'stopped', exit_code: exitCode, signal };
}

async function concludeCommand(
  options: CommandRunnerOptions,
  request: AttemptRequest,
  context: RunnerContext,
  end: ProcessEnd,
): Promise<WorkEnd> {
  if (end.exitCode !== 0) return { kind: 'failed', ...describeEnd(end, request.work.kind === 'shell') };
  const outputs = readOutputFile(context.places.output);
  if (!outputs.ok) return { kind: 'failed', failure: outputs.error, exit_code: 0, signal: null };
  if (outputs.value === null) return { kind: 'succeeded', exit_code: 0, outputs: null };
  try {
    return { kind: 'succeeded', exit_code: 0, outputs: await options.storeOutputs(outputs.value) };
  } catch (error) {
    const failure: Failure = {
      code: 'outputs',
      message: `the outputs could not be kept (${(error as Error).message})`,
    };
    return { kind: 'failed', failure, exit_code: 0, signal: null };
  }
}

const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number as number, name]));

/**
 * Says how a process ended. A shell reports a command that died by a signal as 128 plus its number (POSIX.1 XCU, 2.8.2); a
 * program's own exit code may look the same, so both readings are recorded.
 */
export function describeEnd(
  end: ProcessEnd,
  isShell: boolean,
): { readonly failure: Failure; readonly exit_code: number | null; readonly signal: string | null } {
  const hint = (signal: string): string => (signal === 'SIGKILL' ? ', possibly out of memory' : '');
  if (end.exitCode === null) {
    const signal = end.signal ?? 'an unknown signal';
    const failure: Failure = { code: 'signal', message: `ended by ${signal}${hint(signal)}` };
    return { failure, exit_code: null, signal: end.signal };
  }
  const reported = isShell ? (SIGNALS.get(end.exitCode - 128) ?? null) : null;
  const reading = reported === null ? '' : ` (128+${reported}${hint(reported)})`;
  return {
    failure: { code: 'exit_code', message: `exited with code ${end.exitCode}${reading}` },
    exit_code: end.exitCode,
    signal: reported,
  };
}

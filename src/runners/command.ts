/** Runs the command of an attempt: one process tree, one log, one outcome. */

import { closeSync } from 'node:fs';
import { assertNever, Bug } from '../base/result.ts';
import type { AttemptRequest } from '../engine/ports.ts';
import type { LaunchedProcess, Launcher, ProcessEnd } from '../process/launcher.ts';
import type { AttemptLog, LogEnd } from '../process/log.ts';
import type { LentTerminal } from '../process/terminal.ts';
import { endLeftovers, type Ladder, startLadder } from '../process/terminate.ts';
import type { Watchdog } from '../process/watchdog.ts';
import { type AttemptFiles, makeAttemptFiles, putAwayAttemptFiles } from './attempt-files.ts';
import { type CommandLine, type CommandWork, commandLineOf, tooLargeTogether } from './command-line.ts';
import { concludeCommand } from './conclude.ts';
import { environmentOf, type InheritedEnvironment } from './environment.ts';
import type { OutputKeeping } from './outputs.ts';
import { failedToStart, type Runner, type RunnerContext, type RunningWork, type WorkEnd } from './runner.ts';

/** What the command runner works with. */
export interface CommandRunnerOptions extends OutputKeeping {
  readonly launcher: Launcher;
  readonly watchdog: Watchdog;
  readonly inherited: InheritedEnvironment;
}

/** Runs work of the kinds `shell` and `argv`. */
export function commandRunner(options: CommandRunnerOptions): Runner {
  return {
    start: (request, context) => {
      const { work } = request;
      if (work.kind !== 'shell' && work.kind !== 'argv') throw new Bug(`the command runner was given a ${work.kind}`);
      return startCommand(options, request, work, context);
    },
  };
}

/** What `stop` and `kill` act upon, whatever has been reached when they are called, and what every way out needs to know. */
interface Control {
  stopSignal: NodeJS.Signals | null;
  killed: boolean;
  /** How far its process wrote its log, as {@link ProcessEnd} says it; known when that has ended, however it did. */
  written: number | undefined;
  /** Tells a waiting phase that one of the two above changed. */
  changed(): void;
}

function startCommand(
  options: CommandRunnerOptions,
  request: AttemptRequest,
  work: CommandWork,
  context: RunnerContext,
): RunningWork {
  const control: Control = { stopSignal: null, killed: false, written: undefined, changed: () => {} };
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
  const env = environmentOf(options.inherited, request, context.places, context.secrets?.withheld);
  const line = commandLineOf(work, request, env, context.places.script);
  if (!line.ok) return failedToStart(line.error.code, line.error.message);
  if (!request.interactive) return runLine({ options, request, context, control, env }, line.value);
  const terminal = await borrow(control);
  if (terminal.kind !== 'lent') return terminal;
  let wasCutShort = false;
  try {
    const { descriptor } = terminal;
    const end = await runLine({ options, request, context, control, env, terminal: descriptor }, line.value);
    wasCutShort = (end.kind === 'stopped' || (end.kind === 'failed' && end.signal !== null)) && obeysSequences(env);
    return end;
  } finally {
    terminal.giveBack(wasCutShort);
  }
}

const obeysSequences = ({ TERM = '' }: Attempt['env']): boolean => TERM !== '' && TERM !== 'dumb';

/** Waits until the terminal is free; the attempt's timeout does not count yet. */
async function borrow(control: Control): Promise<(LentTerminal & { readonly kind: 'lent' }) | WorkEnd> {
  // Loaded with the first interactive step.
  const { borrowTerminal } = await import('../process/terminal.ts');
  const givenUp = new AbortController();
  control.changed = () => givenUp.abort();
  if (control.stopSignal !== null) givenUp.abort();
  const terminal = await borrowTerminal(givenUp.signal);
  if (terminal !== null) return { kind: 'lent', ...terminal };
  if (givenUp.signal.aborted) return { kind: 'stopped', exit_code: null, signal: null };
  return failedToStart('start_refused', '`interactive: true` needs a terminal, and flowctl was started without one');
}

async function runLine(attempt: Attempt, line: CommandLine): Promise<WorkEnd> {
  const { options, request, context } = attempt;
  const files = await makeAttemptFiles(line, request, context);
  if (!files.ok) {
    await putAwayAttemptFiles(line, context);
    return files.error;
  }
  const { log } = files.value;
  try {
    const reached = await launchAndSupervise(attempt, line, files.value).catch(async (error: unknown) => {
      await log.settle();
      throw error;
    });
    const { captured } = await settleLog(log, attempt);
    if (reached.kind !== 'exited') return reached;
    const { places, secrets } = context;
    return await concludeCommand(options, { request, places, end: reached.end, captured, secrets });
  } finally {
    await putAwayAttemptFiles(line, context);
  }
}

/** What the phases of an attempt have in common. */
interface Attempt {
  readonly options: CommandRunnerOptions;
  readonly request: AttemptRequest;
  readonly context: RunnerContext;
  readonly control: Control;
  readonly env: { readonly [name: string]: string };
  /** Of an interactive step. */
  readonly terminal?: number;
}

/** The process came to its end by itself; what that means is still to be said. */
interface Exited {
  readonly kind: 'exited';
  readonly end: ProcessEnd;
}

async function settleLog(log: AttemptLog, { request, context, control }: Attempt): Promise<LogEnd> {
  const end = await log.settle(control.written);
  if (end.refusal !== null) context.listener.warned('log_truncated', refusalWarning(request.step, end.refusal));
  if (end.truncated) context.listener.warned('log_truncated', truncationWarning(request.step));
  return end;
}

async function launchAndSupervise(
  attempt: Attempt,
  { argv, isWarm }: CommandLine,
  { input, log }: AttemptFiles,
): Promise<WorkEnd | Exited> {
  const { options, request, env, terminal } = attempt;
  const { output, errors } = log;
  const streams = { input, output, errors, ...(terminal === undefined ? {} : { terminal }) };
  const warm = isWarm === true ? { warm: isWarm } : {};
  const spec = { argv, env, workdir: request.workdir, ...streams, ...warm };
  const launch = await options.launcher.launch(spec).finally(() => {
    if (input !== null) closeSync(input);
  });
  log.handedOver();
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
      return await supervise(attempt, launch.process);
    default:
      return assertNever(launch, 'launch');
  }
}

const refusalWarning = (step: string, code: string): string =>
  `the log of \`${step}\` could not be written (${code}), so output is lost`;

const truncationWarning = (step: string): string =>
  `something truncated the log while \`${step}\` ran, so output is lost; write \`>&2\` in place of \`> /dev/stderr\``;

/** From the launched process to its end; the caller puts the files away. */
async function supervise(attempt: Attempt, target: LaunchedProcess): Promise<WorkEnd | Exited> {
  const { context, control } = attempt;
  const { watchdog } = attempt.options;
  void target.exited.then(({ written }) => {
    control.written = written;
  });
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
  if (first === 'stopped') return climbDown(attempt, target);
  // What left its group is still to be ended, and nobody wished it: the executor calls that lost.
  if (first.lost === true) {
    const end = await climbDown(attempt, target, 0);
    return { ...end, detail: 'the process that had started it was killed' };
  }
  const leftovers = await endLeftovers(target, context.clock, () => control.killed);
  if (leftovers.length > 0) context.listener.reaped(leftovers);
  watchdog.unregister(target.identity);
  return { kind: 'exited', end: first };
}

type StoppedWork = Extract<WorkEnd, { readonly kind: 'stopped' }>;

async function climbDown(attempt: Attempt, target: LaunchedProcess, graceMs?: number): Promise<StoppedWork> {
  const { options, request, context, control } = attempt;
  const ladder: Ladder = startLadder({
    process: target,
    pattern: { kind: 'attempt', run: request.run, step: request.step, attempt: request.attempt },
    signal: control.stopSignal ?? 'SIGTERM',
    graceMs: control.killed ? 0 : (graceMs ?? request.grace_ms),
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

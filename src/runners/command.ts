/** Runs the command of an attempt: one process tree, one log, one outcome. */

import { closeSync } from 'node:fs';
import { assertNever, Bug } from '../base/result.ts';
import type { AttemptRequest } from '../engine/ports.ts';
import type { Launcher } from '../process/launcher.ts';
import { type AttemptLog, type LogEnd, watchLog } from '../process/log.ts';
import type { LentTerminal } from '../process/terminal.ts';
import type { Watchdog } from '../process/watchdog.ts';
import { type AttemptFiles, makeAttemptFiles, putAwayAttemptFiles } from './attempt-files.ts';
import {
  type CommandLine,
  type CommandWork,
  commandLineOf,
  findMissingWorkdir,
  tooLargeTogether,
} from './command-line.ts';
import { concludeCommand, signalReportedBy } from './conclude.ts';
import { environmentOf, type InheritedEnvironment } from './environment.ts';
import type { OutputKeeping } from './outputs.ts';
import {
  makeResidentFiles,
  type ResidentAttempt,
  type ResidentOptions,
  residentFor,
  residentProcess,
} from './resident-command.ts';
import { failedToStart, type Runner, type RunnerContext, type RunningWork, type WorkEnd } from './runner.ts';
import { type Control, type Exited, type StoppedWork, supervise, type Supervised } from './supervise.ts';

/** What the command runner works with. */
export interface CommandRunnerOptions extends OutputKeeping {
  readonly launcher: Launcher;
  readonly watchdog: Watchdog;
  readonly inherited: InheritedEnvironment;
  /** Shells that stay, for steps to which that is the same. Default: none. */
  readonly resident?: ResidentOptions | null;
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

function startCommand(
  options: CommandRunnerOptions,
  request: AttemptRequest,
  work: CommandWork,
  context: RunnerContext,
): RunningWork {
  const control: Control = {
    stopSignal: null,
    killed: false,
    written: undefined,
    leftNothing: false,
    changed: () => {},
  };
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
    hasLeftNothing: () => control.leftNothing,
  };
}

async function runCommand(
  options: CommandRunnerOptions,
  request: AttemptRequest,
  work: CommandWork,
  context: RunnerContext,
  control: Control,
): Promise<WorkEnd> {
  const { watchdog, inherited, resident } = options;
  if (resident != null && !unfit.has(request)) {
    const found = residentFor(resident, inherited, request, context);
    const attempt = found instanceof Promise ? await found : found;
    if (attempt !== null) return runResident(options, resident, attempt, { watchdog, request, context, control });
  }
  const env = environmentOf(inherited, request, context.places, context.secrets?.withheld);
  const line = commandLineOf(work, request, env, context.places.script);
  if (!line.ok) return failedToStart(line.error.code, line.error.message);
  const common: Attempt = { options, watchdog, request, context, control, env };
  if (!request.interactive) return runLine(common, line.value);
  const terminal = await borrow(control);
  if (terminal.kind !== 'lent') return terminal;
  let wasCutShort = false;
  try {
    const { descriptor } = terminal;
    const end = await runLine({ ...common, terminal: descriptor }, line.value);
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

/** What a resident shell could not begin: it is started in another way. */
const unfit = new WeakSet<AttemptRequest>();

async function runResident(
  options: CommandRunnerOptions,
  { spares }: ResidentOptions,
  resident: ResidentAttempt,
  attempt: Supervised,
): Promise<WorkEnd> {
  const { request, context, control } = attempt;
  const { places, secrets } = context;
  const target = residentProcess(resident);
  let isMade = false;
  try {
    const trouble = makeResidentFiles(spares, context);
    if (trouble !== null) return trouble;
    isMade = true;
  } finally {
    // The shell is for others, also where the disk refuses and this throws.
    if (!isMade) target.discard();
  }
  const watch = watchLog(places.log);
  let isUnused = false;
  let isAlone = false;
  try {
    const reached = await supervise(attempt, target).finally(() => {
      if (watch.end(control.written ?? 0)) context.listener.warned('log_truncated', truncationWarning(request.step));
    });
    if (reached.kind === 'stopped') return asStopped(reached);
    if (reached.kind !== 'exited') return reached;
    const end = await target.exited;
    if (end.notRun) {
      const missing = findMissingWorkdir(request.workdir);
      if (missing !== null) return failedToStart(missing.code, missing.message);
      unfit.add(request);
      return { kind: 'refused', code: 'EAGAIN' };
    }
    // What left the group lives on until the run ends, and may have either of them open.
    isAlone = end.left.length === 0;
    isUnused = isAlone && !end.wrote;
    return await concludeCommand(options, { request, places, end, captured: null, secrets, wroteNothing: isUnused });
  } finally {
    control.leftNothing = spares.takeBack(places, isUnused, isAlone);
  }
}

/** The signal of a shell that another one waited for, which says it as an exit code. */
function asStopped(end: StoppedWork): StoppedWork {
  const signal = end.exit_code === null ? null : signalReportedBy(end.exit_code);
  return signal === null ? end : { ...end, exit_code: null, signal };
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
interface Attempt extends Supervised {
  readonly options: CommandRunnerOptions;
  readonly env: { readonly [name: string]: string };
  /** Of an interactive step. */
  readonly terminal?: number;
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

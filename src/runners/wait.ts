/**
 * Waits for something outside: looks whether a file exists, how a request is answered or how a command ends, again and again until the
 * answer is yes. The attempt's timeout is the deadline. A look that cannot be finished (the connection is refused, the network is
 * down) is a no; what can never become a yes (no such program, an address that is none) ends the wait. The log gets a line
 * whenever the answer changes, not one per look, and what a command prints.
 */

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { assertNever, Bug } from '../base/result.ts';
import type { AttemptRequest, ProbeWork } from '../engine/ports.ts';
import type { PrivateHosts } from '../model/project.ts';
import { pause } from '../process/clock.ts';
import { appendToLog, openLog } from '../process/log.ts';
import { refuseUnwritable } from '../process/unwritable-state.ts';
import type { ResolveName } from './outgoing-request.ts';
import { failedToStart, type Runner, type RunnerContext, type RunningWork, type WorkEnd } from './runner.ts';

/** What the runner of waits works with. */
export interface WaitRunnerOptions {
  /** Runs the commands that are looks. */
  readonly command: Runner;
  /** Puts the values of secrets where their marks are, in addresses and headers. */
  readonly reveal: (text: string) => string;
  /** Default: the system's. */
  readonly resolveName?: ResolveName;
  /** Hosts that may be asked though their addresses are private. Default: none. */
  readonly privateHosts?: () => PrivateHosts;
}

/** What a look found. */
type Look =
  | { readonly kind: 'no'; readonly because: string }
  | { readonly kind: 'over'; readonly because: string; readonly end: WorkEnd };

interface Attempt {
  readonly options: WaitRunnerOptions;
  readonly request: AttemptRequest;
  readonly context: RunnerContext;
  readonly control: Control;
}

interface Control {
  readonly stopping: AbortController;
  stopSignal: NodeJS.Signals;
  killed: boolean;
  /** A command that is a look, while it runs. */
  command: RunningWork | null;
  /** One process per attempt is on record: the watchdog and the token reach the others, and a long wait must not fill the journal. */
  isRecorded: boolean;
}

const SUCCEEDED: WorkEnd = { kind: 'succeeded', exit_code: null, outputs: null };
const STOPPED: WorkEnd = { kind: 'stopped', exit_code: null, signal: null };

/** Runs work of the kind `wait`. The outputs of a step that waits for a command are those of the look that said yes. */
export function waitRunner(options: WaitRunnerOptions): Runner {
  return {
    start: (request, context) => {
      const { work } = request;
      if (work.kind !== 'wait') throw new Bug(`the runner of waits was given a ${work.kind}`);
      const control: Control = {
        stopping: new AbortController(),
        stopSignal: 'SIGTERM',
        killed: false,
        command: null,
        isRecorded: false,
      };
      const stop = (signal: NodeJS.Signals): void => {
        if (control.stopping.signal.aborted) return;
        control.stopSignal = signal;
        control.stopping.abort();
        control.command?.stop(signal);
      };
      return {
        ended: waitFor({ options, request, context, control }, work.probe, work.every_ms),
        stop,
        kill: () => {
          control.killed = true;
          stop('SIGKILL');
          control.command?.kill();
        },
      };
    },
  };
}

async function waitFor(attempt: Attempt, probe: ProbeWork, everyMs: number): Promise<WorkEnd> {
  const { context, control } = attempt;
  const { log } = context.places;
  try {
    await openLog(log).settle();
  } catch (error) {
    refuseUnwritable(error, log);
    return failedToStart('start_refused', `the log cannot be opened (${(error as Error).message})`);
  }
  context.begun();
  const { signal } = control.stopping;
  let before: string | null = null;
  while (!signal.aborted) {
    const look = await lookAt(attempt, probe);
    if (look.kind === 'over') {
      if (look.end.kind === 'succeeded') appendToLog(log, `flowctl: ${look.because}\n`);
      return look.end;
    }
    if (signal.aborted) break;
    if (look.because !== before) appendToLog(log, `flowctl: not yet: ${look.because}\n`);
    before = look.because;
    await pause(context.clock, everyMs, signal);
  }
  return STOPPED;
}

function lookAt(attempt: Attempt, probe: ProbeWork): Promise<Look> {
  switch (probe.kind) {
    case 'file':
      return lookForFile(path.resolve(attempt.request.workdir, probe.path));
    case 'http':
      return lookByRequest(attempt, probe);
    case 'command':
      return lookByCommand(attempt, probe);
    default:
      return assertNever(probe, 'probe');
  }
}

async function lookForFile(file: string): Promise<Look> {
  try {
    await stat(file);
    return { kind: 'over', because: 'the file exists', end: SUCCEEDED };
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'no', because: 'the file does not exist' };
    if (code.startsWith('ERR_')) return never('the path of the file holds a NUL byte');
    return { kind: 'no', because: `the file cannot be looked at (${code})` };
  }
}

async function lookByRequest(
  { options, context, control }: Attempt,
  { url, method, headers, status }: Extract<ProbeWork, { readonly kind: 'http' }>,
): Promise<Look> {
  // Loaded with the first request: few flows make any.
  const { sendRequest } = await import('./outgoing-request.ts');
  const { reveal, resolveName, privateHosts = () => [] } = options;
  const revealed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, reveal(value)]));
  const { signal } = control.stopping;
  const answer = await sendRequest(
    { url: reveal(url), method, headers: revealed, body: null },
    {
      ...{ clock: context.clock, signal, privateHosts },
      ...(resolveName === undefined ? {} : { resolveName }),
    },
  );
  switch (answer.kind) {
    case 'refused':
      return never(answer.message);
    case 'unreachable':
      return { kind: 'no', because: answer.message };
    case 'answered': {
      const because = `answered ${answer.status}`;
      const isYes = status === null ? answer.status >= 200 && answer.status <= 299 : status.includes(answer.status);
      return isYes ? { kind: 'over', because, end: SUCCEEDED } : { kind: 'no', because };
    }
    default:
      return assertNever(answer, 'answer');
  }
}

const never = (message: string): Look => ({ kind: 'over', because: message, end: failedToStart('wait', message) });

/** Failures of a look that say no; every other one would come again each time. */
const NO_ANSWERS: ReadonlySet<string> = new Set(['exit_code', 'signal']);

async function lookByCommand(
  { options, request, context, control }: Attempt,
  { command }: Extract<ProbeWork, { readonly kind: 'command' }>,
): Promise<Look> {
  const running = options.command.start(
    { ...request, work: command },
    {
      ...context,
      listener: {
        ...context.listener,
        spawned: async (process) => {
          if (control.isRecorded) return;
          control.isRecorded = true;
          await context.listener.spawned(process);
        },
      },
      begun: () => {},
    },
  );
  control.command = running;
  // It may have been stopped while the look began.
  if (control.stopping.signal.aborted) running.stop(control.stopSignal);
  if (control.killed) running.kill();
  const end = await running.ended;
  control.command = null;
  switch (end.kind) {
    case 'succeeded':
      return { kind: 'over', because: `exited with code ${end.exit_code}`, end };
    case 'failed':
      if (!NO_ANSWERS.has(end.failure.code)) return { kind: 'over', because: end.failure.message, end };
      return { kind: 'no', because: end.failure.message };
    case 'refused':
      return { kind: 'no', because: `the system has no room for another process (${end.code})` };
    case 'stopped':
      return { kind: 'over', because: 'stopped', end };
    default:
      return assertNever(end, 'end of work');
  }
}

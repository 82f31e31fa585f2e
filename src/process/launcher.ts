/**
 * Starts one process in a group of its own, behind a gate: it exists and can be recorded, yet runs nothing of the user's until
 * the gate is opened. This room knows processes, groups, tokens and logs; it must not know steps' meanings, retries or journals.
 * From here go to `terminate` (how a process tree ends), `watchdog` (who ends it when flowctl is gone), `sweep` (how escaped
 * processes are found), `log` and `output-file` (what a process leaves behind).
 *
 * The launcher is a seam: here each process is started by flowctl itself, in `starter` by a small process that stays. What users of
 * the seam may rely on: the group is known when `launch` resolves, nothing of the command happens before `release`, and nothing ever
 * happens when flowctl dies before it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { Bug } from '../base/result.ts';
import type { ProcessIdentity } from '../model/event.ts';
import { descriptorsAreFree } from './descriptors.ts';
import { signalGroup, signalProcess } from './group.ts';
import { identify } from './identity.ts';
import { systemProgram } from './programs.ts';

/** What to start. */
export interface LaunchSpec {
  /** A resolved program, absolute, and its arguments. */
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly env: { readonly [name: string]: string };
  /** Absolute; it exists. */
  readonly workdir: string;
  /** What stdin reads; null: nothing. The caller closes this and the following two. */
  readonly input: number | null;
  /** Where stdout goes. */
  readonly output: number;
  /** Where stderr goes: by the same description as stdout wherever possible, so that their order is kept. */
  readonly errors: number;
  /**
   * The terminal, in place of the three above. The process then stays in flowctl's group, which is the one that may read from it: its
   * identity names a group that does not exist, and it is found by its token. Default: none.
   */
  readonly terminal?: number;
  /** The program is a Python that is given text (`python -u -c text ...`), which one that is up already may run. Default: it may not. */
  readonly warm?: true;
}

/** How a process ended: exactly one of the two is not null, but for one that is `lost`. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Who would have been told how it ended died before, so it was killed with its group. */
  readonly lost?: true;
  /** How far the file of its stdout was written by it, in bytes; where that can be known otherwise it is absent. */
  readonly written?: number;
  /** Of a process in a group that stays: what it had started and not waited for, whatever group that is in by now; dead ones among them. */
  readonly left?: readonly number[];
}

/** Who leads the group of a process and stays when that has ended. */
export interface Staying {
  readonly isGone: boolean;
  /** Lets it go: when its process has ended it ends as well, and only then `exited` resolves. Resolves when it is gone. */
  retire(): Promise<void>;
}

/** A process behind its gate, or past it. */
export interface LaunchedProcess {
  readonly identity: ProcessIdentity;
  /** Opens the gate. Only once the process is on record and the watchdog knows the group. */
  release(): void;
  /** Never opens the gate: kills what waits behind it. */
  discard(): void;
  /** Resolves when the process has ended and was collected, whoever still holds its output. Never rejects. */
  readonly exited: Promise<ProcessEnd>;
  /** Absent where the process leads its group itself. */
  readonly staying?: Staying;
}

/** `refused`: the system has no room for another process now. `impossible`: it never will start like this. */
export type Launch =
  | { readonly kind: 'launched'; readonly process: LaunchedProcess }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'impossible'; readonly code: string };

/** Starts processes. */
export interface Launcher {
  /** Never rejects for what the system says; resolves when the group is known. */
  launch(spec: LaunchSpec): Promise<Launch>;
}

// Waits for one line on descriptor 3; end-of-file means that flowctl died, and then nothing happens.
const GATE = 'read -r _ <&3 || exit 125; exec 3<&-; exec "$@"';

/** A shell that stands at the gate. */
interface GateShell {
  readonly program: string;
  readonly options: readonly string[];
}

// What bash would report of itself is not what was inherited, and `privileged` is not for the bash of a step.
const BASH_GATE = `export -n SHELLOPTS BASHOPTS; ${GATE}`;
const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The gate for an environment. A shell may drop variables whose names it cannot use (`my.var`, exported functions of bash), and dash
 * does; bash hands them on. As `bash -p` it neither reads BASH_ENV nor takes functions over: both would run something of the user's
 * before the gate is opened.
 */
function gateFor(env: LaunchSpec['env'], sh: string): GateShell {
  const bash = Object.keys(env).every((name) => SHELL_NAME.test(name)) ? null : systemProgram('bash');
  if (bash === null) return { program: sh, options: ['-c', GATE] };
  return { program: bash, options: ['-p', '-c', BASH_GATE] };
}

const MOMENTARY: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** True for the codes of system errors that say: processes, memory or descriptors are used up for the moment. */
export const isMomentary = (code: string): boolean => MOMENTARY.has(code);

/**
 * Starts each process directly, by a gate shell that replaces itself with the command.
 * @throws {Bug} when the system has no `sh`.
 */
export function directLauncher(): Launcher {
  const sh = systemProgram('sh');
  if (sh === null) throw new Bug('no `sh` on this system');
  return { launch: (spec) => launchDirectly(sh, spec) };
}

// Not execa: it costs as much again as the start itself (bench/README.md), for comfort that a gate has no use for.
const startShell = (gate: GateShell, { input, output, errors, terminal, ...spec }: LaunchSpec): ChildProcess =>
  spawn(gate.program, [...gate.options, 'gate', ...spec.argv], {
    cwd: spec.workdir,
    env: { ...spec.env },
    stdio:
      terminal === undefined ? [input ?? 'ignore', output, errors, 'pipe'] : [terminal, terminal, terminal, 'pipe'],
    detached: terminal === undefined,
  });

const notStarted = (code: string): Launch => ({ kind: isMomentary(code) ? 'refused' : 'impossible', code });

async function launchDirectly(sh: string, spec: LaunchSpec): Promise<Launch> {
  if (!descriptorsAreFree()) return { kind: 'refused', code: 'EMFILE' };
  let child: ChildProcess;
  try {
    child = startShell(gateFor(spec.env, sh), spec);
  } catch (error) {
    // As E2BIG, or an argument that holds a NUL.
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return notStarted(code);
  }
  const { pid } = child;
  const failed = new Promise<string>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
  });
  if (pid === undefined) return notStarted(await failed);
  const exited = new Promise<ProcessEnd>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  // A descriptor beyond 2 is a socket to Node, whatever its types say.
  const gate = child.stdio[3] as Socket;
  // EPIPE when the shell was killed before it read the line; `exited` tells.
  gate.on('error', () => {});
  return {
    kind: 'launched',
    process: {
      identity: identify(pid, pid),
      release: () => {
        gate.write('\n');
        gate.destroy();
      },
      discard: () => {
        if (spec.terminal === undefined) signalGroup(pid, 'SIGKILL');
        else signalProcess(pid, 'SIGKILL');
        gate.destroy();
      },
      exited,
    },
  };
}

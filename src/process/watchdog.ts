/**
 * Ends the steps when flowctl is gone, however it went. A tiny shell holds the other end of a pipe; flowctl tells it which groups
 * live; when the pipe closes without a word of farewell, it asks them and everything with the run's token to end, waits for the
 * grace time, and kills until two scans in a row find nobody.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { Bug } from '../base/result.ts';
import type { RunId } from '../base/ids.ts';
import type { ProcessIdentity } from '../model/event.ts';
import { descriptorsAreFree } from './descriptors.ts';
import { systemProgram } from './programs.ts';
import { WATCHDOG_SCRIPT } from './watchdog-script.ts';

/** The guard of one run. */
export interface Watchdog {
  /** Hands a group over, once is enough. The line is in the pipe when this returns; only then may the group's gate open. */
  register(identity: ProcessIdentity): void;
  /** Takes a group back that has ended. */
  unregister(identity: ProcessIdentity): void;
  /** The shell's pid; undefined while it could not be started. */
  readonly pid: number | undefined;
  /** Sends the guard home. Resolves when the shell has ended. */
  close(): Promise<void>;
}

/** What a watchdog needs to know. */
export interface WatchdogOptions {
  readonly run: RunId;
  /** From TERM to KILL, in milliseconds. */
  readonly graceMs: number;
}

/** What a watchdog is called in the list of processes; the run's id is the word behind it. */
export const WATCHDOG_NAME = 'flowctl-watchdog';

type Shell = ChildProcessByStdio<Writable, null, null>;

/** @returns null when the system has no room for it now. */
function launchShell(sh: string, options: WatchdogOptions): Shell | null {
  if (!descriptorsAreFree()) return null;
  const shell = spawn(sh, ['-c', WATCHDOG_SCRIPT, WATCHDOG_NAME, options.run, String(options.graceMs)], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin:/usr/local/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Told of a start that failed, which `pid` tells as well.
  shell.on('error', () => {});
  return shell.pid === undefined ? null : shell;
}

/**
 * Starts the guard of a run. If its shell dies, another one is started and told all living groups. It carries no token, has a
 * session of its own and stands in `/`, so that neither a sweep nor a terminal reaches it, and it holds no folder busy.
 * @throws {Bug} when the system has no `sh`.
 */
export function startWatchdog(options: WatchdogOptions): Watchdog {
  const sh = systemProgram('sh');
  if (sh === null) throw new Bug('no `sh` on this system');
  const groups = new Map<number, string>();
  let shell: Shell | undefined;
  let closing = false;
  let restarts = 0;

  const start = (): void => {
    if (closing) return;
    const started = launchShell(sh, options);
    if (started === null) {
      again();
      return;
    }
    shell = started;
    started.unref();
    // EPIPE when the shell died; its end is noticed by `exit`.
    started.stdin.on('error', () => {});
    started.once('exit', () => {
      if (shell === started) shell = undefined;
      if (!closing) again();
    });
    for (const line of groups.values()) started.stdin.write(line);
  };
  const again = (): void => {
    restarts += 1;
    // The first time at once: until then nobody guards the steps. Afterwards slower and slower, for the cause may last.
    if (restarts === 1) start();
    else setTimeout(start, Math.min(1_000, 10 * 2 ** restarts)).unref();
  };
  start();

  return {
    register: (identity) => {
      const line = `+ ${identity.group} ${identity.start_ticks ?? ''}\n`;
      if (groups.get(identity.group) === line) return;
      groups.set(identity.group, line);
      shell?.stdin.write(line);
    },
    unregister: (identity) => {
      if (groups.delete(identity.group)) shell?.stdin.write(`- ${identity.group}\n`);
    },
    get pid() {
      return shell?.pid;
    },
    close: async () => {
      closing = true;
      const last = shell;
      if (last === undefined) return;
      await new Promise<void>((resolve) => {
        last.once('exit', () => resolve());
        last.ref();
        last.stdin.end('q\n');
      });
    },
  };
}

/**
 * Which process a number means. A pid alone is reused, by the next boot and by other containers; together with the time its
 * process started, the boot and the pid namespace it is not. Without /proc the extra parts are null and prove nothing.
 */

import { readFileSync, readlinkSync } from 'node:fs';
import type { ProcessIdentity } from '../model/event.ts';
import { readProcFile } from './proc-file.ts';

/** What /proc/PID/stat says of a process (proc_pid_stat(5)). */
export interface ProcessStat {
  /** `Z` and `X` are dead: they run nothing and only wait to be collected. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  /** Field 22: clock ticks from boot to the start of the process. */
  readonly startTicks: number;
}

/** Reads /proc/PID/stat; null when there is no such process, or no /proc. */
export function readProcessStat(pid: number): ProcessStat | null {
  let text: string;
  try {
    text = readProcFile(`/proc/${pid}/stat`).toString('latin1');
  } catch {
    return null;
  }
  return parseProcessStat(text);
}

/**
 * Reads the one line of a stat file. The program's name, field 2, may itself hold spaces and parentheses, so fields are
 * counted after the last `)`.
 */
export function parseProcessStat(text: string): ProcessStat | null {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group] = fields;
  const startTicks = fields[19];
  if (state === undefined || parent === undefined || group === undefined || startTicks === undefined) return null;
  return { state, parent: Number(parent), group: Number(group), startTicks: Number(startTicks) };
}

interface Surroundings {
  readonly bootId: string | null;
  readonly pidNamespace: string | null;
}

let surroundings: Surroundings | undefined;

/** The boot and the pid namespace of this process, read once. */
function currentSurroundings(): Surroundings {
  surroundings ??= {
    bootId: orNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
    pidNamespace: orNull(() => /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? ''),
  };
  return surroundings;
}

function orNull(read: () => string): string | null {
  try {
    return read() || null;
  } catch {
    return null;
  }
}

/**
 * Identifies a process that is known to live or to be a child that was not yet collected.
 * @param group its process group; equal to `pid` for a leader.
 */
export function identify(pid: number, group: number): ProcessIdentity {
  const { bootId, pidNamespace } = currentSurroundings();
  return {
    pid,
    group,
    start_ticks: readProcessStat(pid)?.startTicks ?? null,
    boot_id: bootId,
    pid_namespace: pidNamespace,
  };
}

/**
 * True only when the process of the record is provably the one that has its number now, and is not dead. An identity that was
 * taken without /proc, in another boot or in another pid namespace is never the same.
 */
export function isSameProcess(identity: ProcessIdentity): boolean {
  const { bootId, pidNamespace } = currentSurroundings();
  if (identity.start_ticks === null || identity.boot_id === null || identity.pid_namespace === null) return false;
  if (identity.boot_id !== bootId || identity.pid_namespace !== pidNamespace) return false;
  const stat = readProcessStat(identity.pid);
  return stat !== null && stat.startTicks === identity.start_ticks && !isDead(stat);
}

/** True for a zombie: it has ended and only its parent has not asked for its status. */
export const isDead = (stat: ProcessStat): boolean => stat.state === 'Z' || stat.state === 'X';

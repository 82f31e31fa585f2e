/** Signals to whole process groups, and the guards that keep them from ever reaching a stranger. */

import { readdirSync } from 'node:fs';
import { isDead, readProcessStat } from './identity.ts';

/** `sent`: somebody got it. `gone`: nobody is there. `refused`: not permitted, or a number that must not be signalled. */
export type SignalResult = 'sent' | 'gone' | 'refused';

let ownGroup: number | undefined;

/** The process group of flowctl itself; without /proc its pid, which is right for a job of a shell. */
function currentGroup(): number {
  ownGroup ??= readProcessStat(process.pid)?.group ?? process.pid;
  return ownGroup;
}

// kill(2): 0 means our own group, -1 everybody; pid 1 is never ours. NaN, which a failed start gives, is turned into 0.
const isForbidden = (number: number): boolean => !Number.isSafeInteger(number) || number <= 1;

/** Sends a signal to every process of a group. Numbers that are no group of a step's are refused. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): SignalResult {
  return isForbidden(group) || group === currentGroup() ? 'refused' : send(-group, signal);
}

/** Sends a signal to one process. The caller has checked in the same turn that the number is still that process. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): SignalResult {
  return isForbidden(pid) || pid === process.pid ? 'refused' : send(pid, signal);
}

function send(target: number, signal: NodeJS.Signals | 0): SignalResult {
  try {
    process.kill(target, signal);
    return 'sent';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'gone' : 'refused';
  }
}

/**
 * True while a group whose leader has been collected still has members. The kernel does not give a number away as long as a
 * group bears it; so when a process has the number again, the group was empty and the number is a stranger's by now.
 */
export function isGroupLeftBehind(group: number): boolean {
  return signalGroup(group, 0) === 'sent' && signalProcess(group, 0) === 'gone';
}

/**
 * The living members of a group. Dead ones that nobody collects (a container's first process often does not) still count for
 * kill(2), hence this look into /proc; it costs a read per process of the machine, so it is asked only when the cheap probe
 * says that somebody is there.
 * @returns null where there is no /proc.
 */
export function livingMembers(group: number): readonly number[] | null {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return null;
  }
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  if (pids.length === 0) return null;
  return pids.filter((pid) => {
    const stat = readProcessStat(pid);
    return stat !== null && stat.group === group && !isDead(stat);
  });
}

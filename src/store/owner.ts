/** Who owns a run: what the lock file says for people. Ownership itself is the kernel's lock, never this text. */

import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** The contents of a lock file. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** Of /proc/self/ns/pid; null where there is no /proc. */
  readonly pid_namespace: string | null;
  readonly boot_id: string | null;
  /** RFC 3339, wall clock. */
  readonly since: string;
}

/** Inode of the machine's first pid namespace: PROC_PID_INIT_INO of linux/proc_ns.h. */
const INITIAL_PID_NAMESPACE = '4026531836';

let namespace: string | null | undefined;

/** This process's pid namespace; null where there is no /proc. */
export function ourPidNamespace(): string | null {
  if (namespace === undefined) namespace = attempt(() => readlinkSync('/proc/self/ns/pid').replace(/\D/g, ''));
  return namespace;
}

/** True when /proc/locks shows us every lock of the machine, also those whose taker has ended (see fs/locks.c). */
export const seesAllLocks = (): boolean => ourPidNamespace() === INITIAL_PID_NAMESPACE;

/** Describes this process as the owner of a lock. */
export function ourselves(): LockOwner {
  return {
    pid: process.pid,
    host: hostname(),
    pid_namespace: ourPidNamespace(),
    boot_id: attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    since: new Date().toISOString(),
  };
}

/** Reads the contents of a lock file; null when they say nothing, as while a new owner writes them. */
export function parseOwner(text: string): LockOwner | null {
  const value = attempt((): unknown => JSON.parse(text));
  if (typeof value !== 'object' || value === null) return null;
  const { pid, host, pid_namespace, boot_id, since } = value as { readonly [key in keyof LockOwner]?: unknown };
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return null;
  if (typeof host !== 'string' || typeof since !== 'string') return null;
  const textOrNull = (member: unknown) => (typeof member === 'string' ? member : null);
  return { pid, host, pid_namespace: textOrNull(pid_namespace), boot_id: textOrNull(boot_id), since };
}

/**
 * True when the named owner certainly lives no more: its pid belongs to our own pid namespace and nobody has it.
 * A living pid proves nothing, for numbers are used again.
 */
export function isCertainlyGone(owner: LockOwner): boolean {
  if (owner.pid_namespace === null || owner.pid_namespace !== ourPidNamespace()) return false;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

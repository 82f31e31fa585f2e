/**
 * Which runs have a live owner, for readers, who neither lock nor write. In the machine's first pid namespace /proc/locks names
 * every flock by its inode. Inside any other namespace (a container) it hides flocks whose taker has ended, which is all of ours:
 * there, and for owners from other namespaces, a momentary shared lock is tried; owners try for longer than it lasts.
 */

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { flockProgram, tryFlock } from './flock-program.ts';
import { readOwner } from './lock.ts';
import { isCertainlyGone, ourPidNamespace, seesAllLocks } from './owner.ts';

/** Answers for many runs from one look at the kernel's table. */
export interface Liveness {
  /** True when a live process holds the lock at this path. Never throws: what cannot be read has no owner. */
  isLive(lockPath: string): Promise<boolean>;
}

/**
 * Looks at the kernel's table of locks once, at the first question. Make a new one for each listing.
 * @param heldInodes the inodes with an exclusive flock. Default: those of the kernel's table.
 */
export function observeOwners(heldInodes: () => ReadonlySet<number> = readHeldInodes): Liveness {
  let inodes: ReadonlySet<number> | undefined;
  return {
    async isLive(lockPath) {
      inodes ??= heldInodes();
      try {
        return await hasOwner(lockPath, inodes);
      } catch {
        return false;
      }
    },
  };
}

/**
 * The inodes with an exclusive flock. Device numbers are not compared: on btrfs and overlayfs those of stat(2) are others.
 * Format: proc_locks(5), `1: FLOCK  ADVISORY  WRITE 1234 fe:00:9977917 0 EOF`; lines with `->` only wait.
 */
export function parseLockTable(table: string): ReadonlySet<number> {
  const inodes = new Set<number>();
  for (const [, inode] of table.matchAll(/^\d+: FLOCK +\S+ +WRITE +-?\d+ +[0-9a-f]+:[0-9a-f]+:(\d+) /gm)) {
    inodes.add(Number(inode));
  }
  return inodes;
}

function readHeldInodes(): ReadonlySet<number> {
  try {
    return parseLockTable(readFileSync('/proc/locks', 'utf8'));
  } catch {
    return new Set();
  }
}

async function hasOwner(lockPath: string, inodes: ReadonlySet<number>): Promise<boolean> {
  const fd = openSync(lockPath, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const isListed = inodes.has(fstatSync(fd).ino);
    const owner = readOwner(lockPath);
    const isGone = owner !== null && isCertainlyGone(owner);
    if (isListed && owner !== null && !isGone) return true;
    if (isGone && !isListed) return false;
    // Listed, yet the owner it names is gone, or it names none: a new one that has not written its name yet, or a lock on a file of
    // another device; a name that was not on disk yet is lost in a power cut.
    const isAbsent = !isListed && seesAllLocks() && (owner === null || owner.pid_namespace === ourPidNamespace());
    if (isAbsent) return false;
    if (flockProgram() === null) return isListed && !isGone;
    return !(await tryFlock(fd, 'shared', lockPath));
  } finally {
    closeSync(fd);
  }
}

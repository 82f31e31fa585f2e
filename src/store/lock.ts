/**
 * Ownership of a run: an exclusive kernel lock on the run's `lock` file, held for the whole life of the owner. The kernel drops it
 * at any death, and keeps it while the owner is stopped. Never unlink a lock in place: two owners would follow.
 */

import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync, writeSync, readFileSync } from 'node:fs';
import type { RunId } from '../base/ids.ts';
import { err, ok, type Result } from '../base/result.ts';
import { monotonicMs } from '../base/stopwatch.ts';
import { FILE_MODE } from './durable-files.ts';
import { tryFlock } from './flock-program.ts';
import { type LockOwner, ourselves, parseOwner } from './owner.ts';
import { problemFrom, type StateProblem, systemCode } from './problem.ts';

/** How long an owner's lock is tried for, in milliseconds: a reader of another pid namespace may hold it for a moment. */
export const LOCK_PATIENCE_MS = 500;
const PAUSE_MS = 40;

/** The lock of a run, held. */
export interface RunLock {
  readonly path: string;
  /** Gives the run up. Further calls do nothing. */
  release(): void;
}

/**
 * Takes the lock of a run. Starting `flock` costs 2 to 20 ms, during which this process is free to load something else.
 * @param path the lock file; made, mode 0600, when missing.
 * @param run named in the problem.
 * @param patienceMs how long a lock that is held is tried for; default 500.
 * @returns the lock, or `busy` (75) with what its owner wrote of itself, or `not_found` when the run was deleted meanwhile.
 */
export async function lockRun(
  path: string,
  run: RunId,
  patienceMs: number = LOCK_PATIENCE_MS,
): Promise<Result<RunLock, StateProblem>> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK, FILE_MODE);
  } catch (error) {
    return err(systemCode(error) === 'ENOENT' ? deleted(run) : problemFrom(error, path));
  }
  try {
    const problem = await acquire(fd, path, run, patienceMs);
    if (problem === null) return ok(heldLock(fd, path));
    closeSync(fd);
    return err(problem);
  } catch (error) {
    closeSync(fd);
    return err(problemFrom(error, path));
  }
}

/** Reads what the owner of a lock wrote of itself; null when there is none or it says nothing. */
export function readOwner(path: string): LockOwner | null {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return parseOwner(readFileSync(fd, 'utf8'));
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

async function acquire(fd: number, path: string, run: RunId, patienceMs: number): Promise<StateProblem | null> {
  if (!fstatSync(fd).isFile()) return { kind: 'damaged', file: path, offset: null, message: 'is no regular file' };
  const deadline = monotonicMs() + patienceMs;
  while (!(await tryFlock(fd, 'exclusive', path))) {
    if (monotonicMs() >= deadline) return { kind: 'busy', run, owner: readOwner(path) };
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  if (!isStillThere(fd, path)) return deleted(run);
  const text = Buffer.from(`${JSON.stringify(ourselves())}\n`);
  writeSync(fd, text, 0, text.length, 0);
  ftruncateSync(fd, text.length);
  return null;
}

/** Whoever deletes a run locks it and renames its folder: then the path leads nowhere, or to another run's lock. */
function isStillThere(fd: number, path: string): boolean {
  const ours = fstatSync(fd);
  const there = lstatSync(path, { throwIfNoEntry: false });
  return there !== undefined && there.ino === ours.ino && there.dev === ours.dev;
}

const deleted = (run: RunId): StateProblem => ({
  kind: 'not_found',
  text: run,
  message: `run ${run} does not exist any more`,
});

function heldLock(fd: number, path: string): RunLock {
  let held = true;
  return {
    path,
    release() {
      if (held) closeSync(fd);
      held = false;
    },
  };
}

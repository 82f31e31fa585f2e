/** The lock of a document that several processes change: held for a moment, and given up by the kernel at any death. */

import { closeSync, constants, openSync } from 'node:fs';
import { monotonicMs } from '../base/stopwatch.ts';
import { FILE_MODE } from './durable-files.ts';
import { tryFlock } from './flock-program.ts';
import { StateError } from './problem.ts';

/** How long a lock that others hold for a moment is waited for, in milliseconds. */
const PATIENCE_MS = 30_000;

/**
 * Does something while nobody else in any process does.
 * @param path of the lock's file, which is made and never removed.
 * @throws {StateError} (74) when another process does not give it up within 30 s.
 */
export async function underLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, FILE_MODE);
  try {
    const deadline = monotonicMs() + PATIENCE_MS;
    while (!(await tryFlock(fd, 'exclusive', path))) {
      if (monotonicMs() > deadline) {
        const message = 'another process has held the lock for 30 s';
        throw new StateError({ kind: 'io', file: path, code: 'EBUSY', message });
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return await work();
  } finally {
    closeSync(fd);
  }
}

/** Who schedules: the holder of the kernel lock `schedule.lock`. Others wait for their turn; the kernel gives it up at any death. */

import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../base/result.ts';
import { FILE_MODE } from './durable-files.ts';
import { tryFlock } from './flock-program.ts';
import type { StateLayout } from './layout.ts';
import { guarded, type StateProblem } from './problem.ts';

/** The lock, held. */
export interface SchedulerLock {
  release(): void;
}

/** Takes the lock without waiting. @returns null when another process has it. */
export function lockScheduler(state: StateLayout): Promise<Result<SchedulerLock | null, StateProblem>> {
  const path = join(state.root, 'schedule.lock');
  return guarded(path, async () => {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, FILE_MODE);
    let taken = false;
    try {
      taken = await tryFlock(fd, 'exclusive', path);
    } finally {
      if (!taken) closeSync(fd);
    }
    return taken ? { release: () => closeSync(fd) } : null;
  });
}

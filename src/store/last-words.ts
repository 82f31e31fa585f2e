/**
 * What a dead owner wrote and did not live to sync. It can be read, yet a power cut would take it back; so it is synced before
 * anybody is told of it, which changes nothing that can be seen.
 */

import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openForReading } from './durable-files.ts';
import type { RunLayout } from './layout.ts';

/** The system writes everything back by itself long before; syncing what is clean may still cost a flush of the disk. */
const RECENT_MS = 600_000;

/**
 * Makes durable what was read of a run that nobody owns. Does nothing for one that was closed in order: it has no marker any more.
 * Never rejects: where the system refuses, as for a damaged journal, nothing better can be said than what was read.
 * @param run a run, or a sub-run.
 */
export async function makeDurable(run: RunLayout): Promise<void> {
  try {
    await lstat(join(dirname(run.marker), run.place.root));
    const journal = await openForReading(run.journal);
    try {
      const { mtimeMs } = await journal.stat();
      if (Math.abs(Date.now() - mtimeMs) < RECENT_MS) await journal.datasync();
    } finally {
      await journal.close();
    }
  } catch {
    // No marker, no journal, or a file system that syncs nothing.
  }
}

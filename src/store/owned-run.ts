/** A run that this process owns: its lock, its open journal, its outputs; and how it is given up again. */

import { lstat, unlink } from 'node:fs/promises';
import type { RunRecord } from '../model/run.ts';
import { runRow } from '../model/view.ts';
import { addToIndex, type IndexEntry } from './index-file.ts';
import type { FileJournal } from './journal.ts';
import { type RunLayout, runLayout, type StateLayout } from './layout.ts';
import { runIdsOnDisk } from './listing.ts';
import type { RunLock } from './lock.ts';
import { type RunOutputs, runOutputs } from './outputs.ts';
import { problemFrom, type StateProblem } from './problem.ts';
import { readRunFolder } from './run-reading.ts';

/** The writer's view of a run. */
export interface OwnedRun {
  readonly layout: RunLayout;
  readonly journal: FileJournal;
  readonly outputs: RunOutputs;
  /**
   * Gives the run up: closes the journal; where the run ended durably, adds it to the index and takes its marker away; releases
   * the lock, last. Never rejects.
   * @param record the run as it was recorded; null where it did not end.
   * @param meanwhile what is still being written in the run's folder: the lock is kept until it has settled.
   * @returns a problem with the index, which is only a cache: the run stays listed through its marker.
   */
  close(record: RunRecord | null, meanwhile?: Promise<unknown>): Promise<StateProblem | null>;
}

/** Joins what an owner holds. */
export function ownedRun(state: StateLayout, layout: RunLayout, journal: FileJournal, lock: RunLock): OwnedRun {
  return {
    layout,
    journal,
    outputs: runOutputs(layout),
    async close(record, meanwhile) {
      await journal.close();
      try {
        if (record !== null && record.ending !== null && journal.poison === null) {
          const own = await indexEntry(layout, record);
          await addToIndex(state.index, own, () => everyRun(state, own));
          await unlink(layout.marker);
        }
        return null;
      } catch (error) {
        return problemFrom(error, state.index);
      } finally {
        await meanwhile?.catch(() => undefined);
        lock.release();
      }
    },
  };
}

/** The line of a run that has ended. */
export async function indexEntry(layout: RunLayout, record: RunRecord): Promise<IndexEntry> {
  const { size, mtimeMs } = await lstat(layout.journal);
  const row = runRow(record, { live: false, now: 0 });
  return { id: record.id, seq: record.seq, journal_bytes: size, journal_changed: mtimeMs, row };
}

/**
 * Every run on disk for a new index; those that did not end, or are damaged, as a hint to look into their folder.
 * @param known the line of one that need not be read. Default: all are.
 */
export async function everyRun(state: StateLayout, known: IndexEntry | null = null): Promise<readonly IndexEntry[]> {
  const entries: IndexEntry[] = [];
  for (const id of [...(await runIdsOnDisk(state))].reverse()) {
    if (known !== null && id === known.id) {
      entries.push(known);
      continue;
    }
    const layout = runLayout(state, { id, root: id });
    const { record, problem, started } = await readRunFolder(layout);
    if (started && record !== null && record.ending !== null && problem === null) {
      entries.push(await indexEntry(layout, record));
    } else {
      entries.push({ id, seq: 0, journal_bytes: 0, journal_changed: 0, row: null });
    }
  }
  return entries;
}

/**
 * Opens a run of an earlier life for writing: lock, remove what was half written, cut a torn tail, read, refuse damage. The lock
 * proves that no owner lives; processes that the last one left are the engine's business.
 */

import { lstat, mkdir, writeFile } from 'node:fs/promises';
import { err, ok, type Result } from '../base/result.ts';
import type { JournalHeader } from '../model/event.ts';
import type { RunRecord } from '../model/run.ts';
import { type FrozenDefinition, readDefinition } from './definitions.ts';
import { requireFit } from './fit.ts';
import { DIRECTORY_MODE, FILE_MODE, syncDirectory } from './durable-files.ts';
import type { FileOperations } from './file-operations.ts';
import { discardRequests, waitingRequests } from './inbox.ts';
import type { TornTail } from './journal-reader.ts';
import { continueJournal, type JournalOptions } from './journal.ts';
import { foldersOf, type RunLayout, runLayout, type RunPlace, type StateLayout } from './layout.ts';
import { lockRun, type RunLock } from './lock.ts';
import { runOutputs } from './outputs.ts';
import { type OwnedRun, ownedRun } from './owned-run.ts';
import { problemFrom, StateError, type StateProblem, systemCode, unwrap } from './problem.ts';
import { cutTornTail, removeStrayFiles } from './repair.ts';
import { readRunFolder } from './run-reading.ts';
import { readSubRuns } from './sub-runs.ts';

/** A run opened for another life. */
export interface ResumableRun extends OwnedRun {
  readonly record: RunRecord;
  readonly header: JournalHeader;
  /** The definition in force, of the record's revision. */
  readonly frozen: FrozenDefinition;
  /** The tail that was cut off, and where it is kept; to be warned about. */
  readonly torn: (TornTail & { readonly kept: string }) | null;
}

/** How to open. */
export interface ResumeOptions {
  /** Default: as in the run's last life. */
  readonly durability?: JournalOptions['durability'];
  /** For tests. Default: the system's. */
  readonly operations?: FileOperations;
}

/**
 * Takes a run over.
 * @returns the run; `busy` (75) with its owner; `damaged` (65), the journal untouched; `not_resumable` (4) when it never started
 * or has a format of another major version; `not_found` (4).
 */
export async function openForResume(
  state: StateLayout,
  place: RunPlace,
  options: ResumeOptions = {},
): Promise<Result<ResumableRun, StateProblem>> {
  const layout = runLayout(state, place);
  // Wishes for its end were meant for the earlier life, which died before it took them. What comes after this look is meant for the life that begins here.
  const stale = await waitingRequests(layout, 'cancel');
  const locked = await lockRun(layout.lock, place.id);
  if (!locked.ok) return locked;
  try {
    await discardRequests(layout, stale);
    return ok(await takeOver(state, layout, locked.value, options));
  } catch (error) {
    locked.value.release();
    return err(problemFrom(error, layout.directory));
  }
}

/** Only with the lock held. */
async function takeOver(
  state: StateLayout,
  layout: RunLayout,
  lock: RunLock,
  { durability, operations }: ResumeOptions,
): Promise<ResumableRun> {
  await removeStrayFiles(layout);
  const { header, record, torn, lastCrc, problem } = await readRunFolder(layout);
  if (problem !== null) throw new StateError(problem);
  if (header === null || record === null) {
    throw new StateError({ kind: 'not_resumable', run: layout.place.id, message: 'it never started' });
  }
  const frozen = unwrap(await readDefinition(layout, record.revision));
  requireFit(layout, record, frozen);
  await checkOutputs(layout, record);
  await checkSubRuns(layout, record);
  for (const folder of foldersOf(layout)) {
    await mkdir(folder, { recursive: true, mode: DIRECTORY_MODE });
  }
  if (layout.place.id === layout.place.root) await mark(state, layout);
  const cut = torn === null ? null : { ...torn, kept: await cutTornTail(layout, torn) };
  const kept = { durability: durability ?? record.settings.durability };
  const end = { seq: record.seq, crc: lastCrc };
  const journal = continueJournal(layout.journal, end, operations ? { ...kept, operations } : kept);
  return { ...ownedRun(state, layout, journal, lock), record, header, frozen, torn: cut };
}

/** What succeeded is never run again, so what it yielded has to be there, unharmed, before anything else is started. */
async function checkOutputs(layout: RunLayout, record: RunRecord): Promise<void> {
  const outputs = runOutputs(layout);
  for (const step of record.steps.values()) {
    if (step.outputs?.kind === 'stored') await outputs.read(step.outputs);
  }
}

/** A damaged sub-run that may have to go on is found before anything else is started, not in the middle of it. */
async function checkSubRuns(layout: RunLayout, record: RunRecord): Promise<void> {
  for (const { reading } of await readSubRuns(layout, record)) {
    if (reading.problem !== null) throw new StateError(reading.problem);
  }
}

/** The index knows the last life at most; from here to the next end the marker names the run. */
async function mark(state: StateLayout, layout: RunLayout): Promise<void> {
  if ((await lstat(layout.marker).catch(() => null)) !== null) return;
  await writeFile(layout.marker, '', { flag: 'wx', mode: FILE_MODE }).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error;
  });
  await syncDirectory(state.open);
}

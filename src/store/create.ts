/**
 * Makes a run. Every step below is durable before the next matters, so that a crash at any instant leaves either nothing that a
 * reader takes for a run, or a run that can be resumed:
 *
 *     mkdir runs/<id> --> lock --> flow.json --> open/<id> --> journal: header, run.started --> sync the directories
 *
 * Only then is the id told to anybody.
 */

import { mkdirSync } from 'node:fs';
import { unlink, writeFile } from 'node:fs/promises';
import type { RunId } from '../base/ids.ts';
import { Bug, err, ok, type Result } from '../base/result.ts';
import { JOURNAL_FORMAT, type RunEvent } from '../model/event.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { writeDefinition } from './definitions.ts';
import { DIRECTORY_MODE, FILE_MODE, syncDirectory } from './durable-files.ts';
import type { FileOperations } from './file-operations.ts';
import { createJournal, type FileJournal } from './journal.ts';
import { foldersOf, type RunLayout, runLayout, type StateLayout } from './layout.ts';
import { lockRun, type RunLock } from './lock.ts';
import { type OwnedRun, ownedRun } from './owned-run.ts';
import { problemFrom, type StateProblem, systemCode, unwrap } from './problem.ts';

/** What a new run begins with. */
export interface NewRun {
  readonly id: RunId;
  readonly definition: FlowDefinition;
  /** Event 1. Its `flow_hash` is frozen with the definition, its `settings.durability` holds for the journal. */
  readonly started: Extract<RunEvent, { type: 'run.started' }>;
  /** The version of flowctl. */
  readonly version: string;
  /** For tests. Default: the system's. */
  readonly operations?: FileOperations;
}

/**
 * Makes a run on disk and owns it. When this returns, its lock is already being asked for, so that the caller can do something that
 * needs this thread in the meantime.
 * @returns the run; `id_taken` when there is one of this id (mint another); or why the state cannot be written.
 */
export async function createRun(
  state: StateLayout,
  run: NewRun,
): Promise<Result<OwnedRun, StateProblem | { readonly kind: 'id_taken' }>> {
  if (run.started.seq !== 1) throw new Bug('a run begins with event 1');
  const layout = runLayout(state, { id: run.id, root: run.id });
  try {
    mkdirSync(layout.directory, { mode: DIRECTORY_MODE });
  } catch (error) {
    return err(systemCode(error) === 'EEXIST' ? { kind: 'id_taken' } : problemFrom(error, layout.directory));
  }
  return begin(state, layout, run);
}

async function begin(state: StateLayout, layout: RunLayout, run: NewRun): Promise<Result<OwnedRun, StateProblem>> {
  let lock: RunLock | null = null;
  let journal: FileJournal | null = null;
  try {
    const { definition, started } = run;
    const frozen = { revision: 1, flow_hash: started.flow_hash, definition };
    // Starting `flock` takes longer than writing: both at once. Nobody knows of the run before its journal has a header.
    const [locked, written] = await Promise.allSettled([lockRun(layout.lock, run.id), fill(layout, frozen)]);
    if (locked.status === 'rejected') throw locked.reason;
    lock = unwrap(locked.value);
    if (written.status === 'rejected') throw written.reason;
    await writeFile(layout.marker, '', { flag: 'wx', mode: FILE_MODE });
    await syncDirectory(state.open);
    journal = openJournal(layout, run);
    await journal.append([started]);
    await Promise.all([syncDirectory(layout.directory), syncDirectory(state.runs)]);
    return ok(ownedRun(state, layout, journal, lock));
  } catch (error) {
    await journal?.close();
    lock?.release();
    // Nothing that began is left: the folder is pruned later, and the marker is only for runs that began.
    if (journal === null) await unlink(layout.marker).catch(() => undefined);
    return err(problemFrom(error, layout.directory));
  }
}

async function fill(layout: RunLayout, frozen: Parameters<typeof writeDefinition>[1]): Promise<void> {
  for (const folder of foldersOf(layout)) mkdirSync(folder, { mode: DIRECTORY_MODE });
  await writeDefinition(layout, frozen);
}

function openJournal(layout: RunLayout, { id, started, version, operations }: NewRun): FileJournal {
  const header = { journal: JOURNAL_FORMAT, run: id, flow_hash: started.flow_hash, flowctl: version };
  const { durability } = started.settings;
  return createJournal(layout.journal, header, operations ? { durability, operations } : { durability });
}

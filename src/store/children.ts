/**
 * Sub-runs on disk: `runs/<root>/children/<id>`, flat, however deep they are. They are runs like every other, but for what their
 * root has for all of them: its lock, its marker, its line in the index. So only whoever owns the root may call what is here.
 */

import { mkdir, rm } from 'node:fs/promises';
import { Bug } from '../base/result.ts';
import { JOURNAL_FORMAT } from '../model/event.ts';
import type { RunRecord } from '../model/run.ts';
import type { NewRun } from './create.ts';
import { type FrozenDefinition, readDefinition, writeDefinition } from './definitions.ts';
import { requireFit } from './fit.ts';
import { DIRECTORY_MODE, syncDirectory } from './durable-files.ts';
import { createJournal, continueJournal, type FileJournal } from './journal.ts';
import type { TornTail } from './journal-reader.ts';
import { foldersOf, type RunLayout, runLayout, type RunPlace, type StateLayout } from './layout.ts';
import { type RunOutputs, runOutputs } from './outputs.ts';
import { problemFrom, StateError, systemCode, unwrap } from './problem.ts';
import { cutTornTail, removeStrayFiles } from './repair.ts';
import { readRunFolder } from './run-reading.ts';

/** A sub-run that this process writes. */
export interface OwnedChild {
  readonly layout: RunLayout;
  readonly journal: FileJournal;
  readonly outputs: RunOutputs;
}

/** A sub-run of an earlier attempt, or of an earlier life of its root. */
export interface ContinuedChild extends OwnedChild {
  readonly record: RunRecord;
  readonly frozen: FrozenDefinition;
  /** The tail of its journal that was cut off, and where it is kept. */
  readonly torn: (TornTail & { readonly kept: string }) | null;
}

/**
 * Makes a sub-run. What a crash left of one that never began is replaced.
 * @param place its id and that of the root, whose lock the caller holds.
 * @throws {StateError} when it cannot be written.
 */
export async function createChild(state: StateLayout, place: RunPlace, run: NewRun): Promise<OwnedChild> {
  if (run.started.seq !== 1) throw new Bug('a run begins with event 1');
  const layout = runLayout(state, place);
  try {
    await makeFolder(layout.children);
    await rm(layout.directory, { recursive: true, force: true });
    await mkdir(layout.directory, { mode: DIRECTORY_MODE });
    for (const folder of foldersOf(layout)) await mkdir(folder, { mode: DIRECTORY_MODE });
    const { definition, started, version } = run;
    await writeDefinition(layout, { revision: 1, flow_hash: started.flow_hash, definition });
    const header = { journal: JOURNAL_FORMAT, run: place.id, flow_hash: started.flow_hash, flowctl: version };
    const { durability } = started.settings;
    const journal = createJournal(layout.journal, header, { durability });
    await journal.append([started]);
    await syncDirectory(layout.directory);
    await syncDirectory(layout.children);
    return { layout, journal, outputs: runOutputs(layout) };
  } catch (error) {
    throw new StateError(problemFrom(error, layout.directory), error);
  }
}

/**
 * Opens a sub-run for another life.
 * @returns null when it never began: `createChild` makes it then.
 * @throws {StateError} when it is damaged; nothing was touched then.
 */
export async function continueChild(state: StateLayout, place: RunPlace): Promise<ContinuedChild | null> {
  const layout = runLayout(state, place);
  try {
    const { record, torn, lastCrc, problem, started } = await readRunFolder(layout);
    if (!started) return null;
    if (problem !== null) throw new StateError(problem);
    if (record === null) return null;
    const frozen = unwrap(await readDefinition(layout, record.revision));
    requireFit(layout, record, frozen);
    const outputs = runOutputs(layout);
    for (const step of record.steps.values()) {
      if (step.outputs?.kind === 'stored') await outputs.read(step.outputs);
    }
    await removeStrayFiles(layout);
    for (const folder of foldersOf(layout)) await mkdir(folder, { recursive: true, mode: DIRECTORY_MODE });
    const cut = torn === null ? null : { ...torn, kept: await cutTornTail(layout, torn) };
    const { durability } = record.settings;
    const journal = continueJournal(layout.journal, { seq: record.seq, crc: lastCrc }, { durability });
    return { layout, journal, outputs, record, frozen, torn: cut };
  } catch (error) {
    throw new StateError(problemFrom(error, layout.directory), error);
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return;
  }
}

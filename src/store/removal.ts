/**
 * Deletes runs. Whoever deletes one has its lock, renames its folder, and only then removes what is in it:
 *
 *     runs/<id> --(lock, rename, sync)--> runs/.trash-<id> --> nothing
 *
 * The rename is the instant at which the run is gone: a crash before it leaves the run whole, one behind it leaves a rest that no reader
 * looks at and that `removeTrash` ends. The run's line in the index stays, for its readers pass over what has no folder, until the
 * index is made anew (`index-replacement.ts`). Next: `retention.ts` chooses what is old.
 */

import { lstat, readdir, rename, unlink } from 'node:fs/promises';
import type { RunId } from '../base/ids.ts';
import type { Result } from '../base/result.ts';
import { syncDirectory } from './durable-files.ts';
import { type RunLayout, runLayout, type StateLayout, trashedRun, trashPath } from './layout.ts';
import { observeOwners } from './liveness.ts';
import { lockRun, LOCK_PATIENCE_MS } from './lock.ts';
import { guarded, StateError, type StateProblem, systemCode, unwrap } from './problem.ts';
import { noteRemoval, type Remover } from './removals.ts';
import { removeTree } from './remove-tree.ts';
import { noteEndings } from './run-feed.ts';

/** How a run is to be deleted. */
export interface RemovalOptions {
  readonly remover: Remover;
  /** How long a lock that is held is tried for, milliseconds; default 500. */
  readonly patienceMs?: number;
  /**
   * Called when nobody else can take the run over any more, before anything is changed; false leaves the run as it is. What its earlier life
   * left running is ended here.
   */
  readonly prepare?: (layout: RunLayout) => Promise<boolean>;
}

/** What came of it. `left`: the run is gone, but something of its folder could not be removed and lies at this path. */
export type Removal =
  | { readonly kind: 'removed'; readonly left: { readonly path: string; readonly why: string } | null }
  | { readonly kind: 'kept' };

/**
 * Deletes a top-level run with its sub-runs, from any state but that of being owned.
 * @param id of a folder that was found in `runs/`.
 * @returns `busy` (75) when a live process owns it; `not_found` (4); `damaged` (65) where there is no folder but a link; or why nothing can be written.
 */
export async function removeRun(
  state: StateLayout,
  id: RunId,
  options: RemovalOptions,
): Promise<Result<Removal, StateProblem>> {
  // Before it has an owner again, for it may have crashed; and once more below, for it may end until nobody else has it.
  await noteEndings(state);
  return whilePrepared<Removal>(state, id, options, { kind: 'kept' }, async (layout) => {
    await noteEndings(state);
    const trash = await putAside(state, layout);
    await unlink(layout.marker).catch(ignoreMissing);
    await noteRemoval(state, id, options.remover);
    return { kind: 'removed', left: await emptied(trash) };
  });
}

/**
 * Does all that `removeRun` does before it changes anything: asked of every run of several that go together before the first one goes.
 * @returns false when it would be kept; the problems are those of `removeRun`.
 */
export const prepareRemoval = (
  state: StateLayout,
  id: RunId,
  options: RemovalOptions,
): Promise<Result<boolean, StateProblem>> => whilePrepared(state, id, options, false, async () => true);

/** Does something while nobody else can take the run over, and `prepare` has seen to it. @param kept what it is otherwise. */
function whilePrepared<T>(
  state: StateLayout,
  id: RunId,
  { prepare, patienceMs = LOCK_PATIENCE_MS }: RemovalOptions,
  kept: T,
  work: (layout: RunLayout) => Promise<T>,
): Promise<Result<T, StateProblem>> {
  const layout = runLayout(state, { id, root: id });
  return guarded(layout.directory, async () => {
    await requireFolder(layout);
    const lock = unwrap(await lockRun(layout.lock, id, patienceMs));
    try {
      return prepare === undefined || (await prepare(layout)) ? await work(layout) : kept;
    } finally {
      lock.release();
    }
  });
}

/** A link in the place of a run leads to something that is not ours to delete. */
async function requireFolder({ directory, place }: RunLayout): Promise<void> {
  const entry = await lstat(directory).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new StateError({ kind: 'not_found', text: place.id, message: `there is no run ${place.id}` });
  });
  if (entry.isDirectory()) return;
  const message = entry.isSymbolicLink() ? 'is a symbolic link' : 'is no directory';
  throw new StateError({ kind: 'damaged', file: directory, offset: null, message });
}

async function putAside(state: StateLayout, { directory, place }: RunLayout): Promise<string> {
  const trash = trashPath(state, place.id);
  try {
    await rename(directory, trash);
  } catch (error) {
    // Something has that name already, as where a run was brought back from a copy while its rest was still there.
    if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(systemCode(error) ?? '')) throw error;
    await removeTree(trash);
    await rename(directory, trash);
  }
  await syncDirectory(state.runs);
  return trash;
}

async function emptied(trash: string): Promise<{ readonly path: string; readonly why: string } | null> {
  try {
    await removeTree(trash);
    return null;
  } catch (error) {
    return { path: trash, why: systemCode(error) ?? String(error) };
  }
}

/** The rests of deleted runs, as names in `runs/`. */
export async function trashIn(state: StateLayout): Promise<readonly RunId[]> {
  const names = await readdir(state.runs).catch((): string[] => []);
  return names.map(trashedRun).filter((id) => id !== null);
}

/** Removes the rests of runs whose deletion was cut short. @returns those that could not be removed, as paths. */
export async function removeTrash(state: StateLayout): Promise<readonly string[]> {
  const left: string[] = [];
  const owners = observeOwners();
  for (const id of await trashIn(state)) {
    const path = trashPath(state, id);
    // Whoever deletes it right now still has its lock.
    if (await owners.isLive(`${path}/lock`)) continue;
    if ((await emptied(path)) !== null) left.push(path);
  }
  return left;
}

function ignoreMissing(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error;
}

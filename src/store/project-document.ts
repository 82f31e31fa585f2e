/**
 * `db.json`: what of a project is no cache, its deployments above all. It is read again and changed under the kernel lock `db.lock`, and the
 * version before is kept as `db.json.bak`. Damage is said, and never taken for defaults.
 */

import { lstat, readdir, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Result } from '../base/result.ts';
import { EMPTY_PROJECT_DOCUMENT, type ProjectDocument } from '../model/deployment.ts';
import { readProject } from '../model/deployment-shape.ts';
import { DurableFile } from './documents.ts';
import { underLock } from './document-lock.ts';
import { isTemporaryName, writeDurably } from './durable-files.ts';
import type { StateLayout } from './layout.ts';
import { guarded, StateError, type StateProblem } from './problem.ts';

/** Where the document lies. */
export const projectDocumentPath = (state: StateLayout): string => join(state.root, 'db.json');

/** Where the version before it lies. */
export const backupPath = (state: StateLayout): string => `${projectDocumentPath(state)}.bak`;

const fileOf = (state: StateLayout): DurableFile<ProjectDocument> =>
  new DurableFile(projectDocumentPath(state), readProject);

/** Null: the project has none. One that is gone, while the version before is there, was not taken away by flowctl. */
async function readDocument(state: StateLayout): Promise<ProjectDocument | null> {
  const file = fileOf(state);
  const found = await file.read();
  if (found !== null || (await lstat(backupPath(state)).catch(() => null)) === null) return found;
  // The first two changes may have been made since.
  const again = await file.read();
  if (again !== null) return again;
  const backup = basename(backupPath(state));
  const message = `is missing, and was there: ${backup} beside it is what it was before its last change; copy that, or remove it`;
  throw new StateError({ kind: 'damaged', file: projectDocumentPath(state), offset: null, message });
}

/** Reads the document without a lock: it is replaced as a whole. A project without one has an empty one. */
export function readProjectDocument(state: StateLayout): Promise<Result<ProjectDocument, StateProblem>> {
  const path = projectDocumentPath(state);
  return guarded(path, async () => (await readDocument(state)) ?? EMPTY_PROJECT_DOCUMENT);
}

/**
 * Changes the document under its lock.
 * @param change what it becomes, from what it is now; the same object: nothing is written. What it throws is thrown here.
 * @returns the document as it is afterwards; `busy` never: a lock that is not given up within 30 s is `io` (74).
 */
export function changeProjectDocument(
  state: StateLayout,
  change: (document: ProjectDocument) => ProjectDocument,
): Promise<Result<ProjectDocument, StateProblem>> {
  const path = projectDocumentPath(state);
  return guarded(path, () =>
    underLock(join(state.root, 'db.lock'), async () => {
      await sweep(state);
      const before = await readDocument(state);
      const current = before ?? EMPTY_PROJECT_DOCUMENT;
      const after = change(current);
      if (after === current) return current;
      if (before !== null) await writeDurably(backupPath(state), `${JSON.stringify(before)}\n`);
      await fileOf(state).write(after);
      return after;
    }),
  );
}

/** Removes what writers left that were killed: whoever has the lock is the only one. */
async function sweep(state: StateLayout): Promise<void> {
  const name = basename(projectDocumentPath(state));
  for (const each of await readdir(state.root)) {
    if (each.startsWith(`.${name}.`) && isTemporaryName(each))
      await unlink(join(state.root, each)).catch(() => undefined);
  }
}

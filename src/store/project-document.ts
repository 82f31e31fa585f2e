/**
 * `db.json`: what of a project is no cache, its deployments above all. It is read again and changed under the kernel lock `db.lock`, and the
 * version before is kept as `db.json.bak`. Damage is said, and never taken for defaults.
 */

import { randomBytes } from 'node:crypto';
import { link, lstat, readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
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
  return new KeptProjectDocument(state).read();
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
  return new KeptProjectDocument(state).change(change);
}

/** The document for who looks at it again and again: as long as its file is the same one, it is not read again, and is the same object. */
export class KeptProjectDocument {
  readonly #state: StateLayout;
  readonly #path: string;
  #kept: { readonly mark: string; readonly document: ProjectDocument } | null = null;

  /** @param state whose document. */
  constructor(state: StateLayout) {
    this.#state = state;
    this.#path = projectDocumentPath(state);
  }

  /** As `readProjectDocument`. */
  read(): Promise<Result<ProjectDocument, StateProblem>> {
    return guarded(this.#path, async () => (await this.#current()) ?? EMPTY_PROJECT_DOCUMENT);
  }

  /** As `changeProjectDocument`. */
  change(change: (document: ProjectDocument) => ProjectDocument): Promise<Result<ProjectDocument, StateProblem>> {
    return guarded(this.#path, () =>
      underLock(join(this.#state.root, 'db.lock'), async () => {
        await sweep(this.#state);
        const before = await this.#current();
        const current = before ?? EMPTY_PROJECT_DOCUMENT;
        const after = change(current);
        if (after === current) return current;
        if (before !== null) await keepBackup(this.#path, backupPath(this.#state), before);
        await fileOf(this.#state).write(after);
        const mark = await markOf(this.#path);
        this.#kept = mark === null ? null : { mark, document: after };
        return after;
      }),
    );
  }

  async #current(): Promise<ProjectDocument | null> {
    const mark = await markOf(this.#path);
    if (mark !== null && mark === this.#kept?.mark) return this.#kept.document;
    const document = await readDocument(this.#state);
    // One that was replaced meanwhile is read again the next time.
    const isSame = mark !== null && document !== null && mark === (await markOf(this.#path));
    this.#kept = isSame ? { mark, document } : null;
    return document;
  }
}

/** What changes with a file; null: there is none. Inodes are used again soon, but not within a nanosecond. */
async function markOf(path: string): Promise<string | null> {
  const stats = await lstat(path, { bigint: true }).catch(() => null);
  return stats === null ? null : `${stats.ino} ${stats.mtimeNs} ${stats.ctimeNs} ${stats.size}`;
}

/** The file itself under another name, for it is about to be replaced; where the file system has no second names, a copy. */
async function keepBackup(path: string, backup: string, document: ProjectDocument): Promise<void> {
  const temporary = join(dirname(path), `.${basename(backup)}.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await link(path, temporary);
    await rename(temporary, backup);
    // Two names of one file are not renamed onto each other, rename(2): the backup was it already.
    await unlink(temporary).catch(() => undefined);
  } catch {
    await writeDurably(backup, `${JSON.stringify(document)}\n`);
  }
}

/** Removes what writers left that were killed: whoever has the lock is the only one. */
async function sweep(state: StateLayout): Promise<void> {
  const name = basename(projectDocumentPath(state));
  for (const each of await readdir(state.root)) {
    if (each.startsWith(`.${name}.`) && isTemporaryName(each))
      await unlink(join(state.root, each)).catch(() => undefined);
  }
}

/**
 * `db.json`: what of a project is no cache, its deployments above all. It is read again and changed under the kernel lock `db.lock`, and the
 * version before is kept as `db.json.bak`. Damage is said, and never taken for defaults.
 */

import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../base/result.ts';
import { monotonicMs } from '../base/stopwatch.ts';
import { EMPTY_PROJECT_DOCUMENT, type ProjectDocument } from '../model/deployment.ts';
import { readProject } from '../model/deployment-shape.ts';
import { DurableFile } from './documents.ts';
import { FILE_MODE, writeDurably } from './durable-files.ts';
import { tryFlock } from './flock-program.ts';
import type { StateLayout } from './layout.ts';
import { guarded, StateError, type StateProblem } from './problem.ts';

/** How long a lock that others hold for a moment is waited for, in milliseconds. */
const PATIENCE_MS = 30_000;

/** Where the document lies. */
export const projectDocumentPath = (state: StateLayout): string => join(state.root, 'db.json');

const fileOf = (state: StateLayout): DurableFile<ProjectDocument> =>
  new DurableFile(projectDocumentPath(state), readProject);

/** Reads the document without a lock: it is replaced as a whole. A project without one has an empty one. */
export function readProjectDocument(state: StateLayout): Promise<Result<ProjectDocument, StateProblem>> {
  const path = projectDocumentPath(state);
  return guarded(path, async () => (await fileOf(state).read()) ?? EMPTY_PROJECT_DOCUMENT);
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
      const file = fileOf(state);
      const before = await file.read();
      const current = before ?? EMPTY_PROJECT_DOCUMENT;
      const after = change(current);
      if (after === current) return current;
      if (before !== null) await writeDurably(`${path}.bak`, `${JSON.stringify(before)}\n`);
      await file.write(after);
      return after;
    }),
  );
}

/** Does something while nobody else in any process does. The kernel gives the lock up at any death. */
async function underLock<T>(path: string, work: () => Promise<T>): Promise<T> {
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

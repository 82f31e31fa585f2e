/**
 * This room keeps runs on disk: journals, documents, locks, the index, and reads them back. It must not know how steps run or what
 * is printed. Here: the state directory is prepared for writing. Queries never come here, for they create nothing.
 * Next: `create.ts` (a new run), `resume.ts` (an old one), `runs.ts` and `listing.ts` (readers), `journal.ts` (the truth).
 */

import { lstat, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Result } from '../base/result.ts';
import { DIRECTORY_MODE, FILE_MODE, syncDirectory } from './durable-files.ts';
import { type StateLayout, stateLayout } from './layout.ts';
import { refuseForeignFolder, secureDirectory } from './permissions.ts';
import { guarded, StateError, type StateProblem, systemCode, unwrap } from './problem.ts';

/**
 * Makes a state directory ready for writing: made when missing (0700, with a `.gitignore`), checked and tightened when not.
 * @param path the state directory; its parents are made as well.
 * @returns its layout; `permission` (77) when it is not ours or others may write to it; `io` (74) when it cannot be made.
 */
export function openState(path: string): Promise<Result<StateLayout, StateProblem>> {
  const layout = stateLayout(resolve(path));
  return guarded(layout.root, async () => {
    if (!(await exists(layout.root))) await makeRoot(layout.root);
    unwrap(await secureDirectory(layout.root, 'followed'));
    let made = false;
    for (const folder of [layout.runs, layout.open]) {
      made = (await makeDirectory(folder)) || made;
      unwrap(await secureDirectory(folder, 'refused'));
    }
    const kept = ['files', 'results', 'steps', 'modules'].map((name) => join(layout.cache, name));
    for (const folder of [...['tickets', 'messages'].map((name) => join(layout.root, name)), layout.cache, ...kept]) {
      if (await exists(folder)) unwrap(await secureDirectory(folder, 'refused'));
    }
    if (made) {
      await writeFile(join(layout.root, '.gitignore'), '*\n', { flag: 'wx', mode: FILE_MODE }).catch(ignoreExisting);
      await syncDirectory(layout.root);
      await syncDirectory(dirname(layout.root));
    }
    return layout;
  });
}

/**
 * The same for a state directory of which something is to be taken away: nothing is made.
 * @returns nothing; `permission` (77) when it is not ours or others may write to it; `not_found` (4) when there is none.
 */
export function openExisting(state: StateLayout): Promise<Result<void, StateProblem>> {
  return guarded(state.root, async () => {
    if (!(await exists(state.root))) {
      const message = `there is no state directory ${state.root}`;
      throw new StateError({ kind: 'not_found', text: state.root, message });
    }
    unwrap(await secureDirectory(state.root, 'followed'));
    for (const folder of [state.runs, state.open]) {
      if (await exists(folder)) unwrap(await secureDirectory(folder, 'refused'));
    }
  });
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
}

async function makeRoot(root: string): Promise<void> {
  const parent = dirname(root);
  await mkdir(parent, { recursive: true, mode: DIRECTORY_MODE });
  unwrap(await refuseForeignFolder(parent));
  await makeDirectory(root);
}

/** True when this call made it. */
async function makeDirectory(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: DIRECTORY_MODE });
    return true;
  } catch (error) {
    ignoreExisting(error);
    return false;
  }
}

function ignoreExisting(error: unknown): void {
  if (systemCode(error) !== 'EEXIST') throw error;
}

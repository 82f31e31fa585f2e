/** Whether a directory may hold state: ours alone to write. Readable by others is tightened, writable by others is refused. */

import { chmod, lstat, stat } from 'node:fs/promises';
import { err, ok, type Result } from '../base/result.ts';
import { DIRECTORY_MODE } from './durable-files.ts';
import { guarded, type StateProblem, StateError } from './problem.ts';

const OTHERS_WRITE = 0o022;
const OTHERS = 0o077;

/** Our effective user id; null on systems without user ids. */
const ourUserId = (): number | null => process.geteuid?.() ?? null;

/** What is judged of a directory. */
export interface Ownership {
  readonly uid: number;
  readonly mode: number;
}

/** What is to be done about a directory of state that is there already. */
export type Verdict = { readonly kind: 'fine' } | { readonly kind: 'tighten' } | StateProblem;

/** Judges a directory's owner and mode for user `us` (null: this system has no user ids). */
export function judgeDirectory(path: string, { uid, mode }: Ownership, us: number | null): Verdict {
  if (us === null) return { kind: 'fine' };
  if (uid !== us) return foreign(path, uid, us);
  if ((mode & OTHERS_WRITE) !== 0) {
    const message = 'others may write to the state directory';
    return { kind: 'permission', file: path, message, help: `chmod go-w ${quote(path)}` };
  }
  return (mode & OTHERS) !== 0 ? { kind: 'tighten' } : { kind: 'fine' };
}

/**
 * Checks a directory of state and takes others' right to read it away.
 * @param links whether a symbolic link of ours is followed (some keep their state on another disk) or taken for damage. Behind a
 * link nothing is tightened: it may have come with a clone, and lead to a folder that is meant to be read.
 */
export async function secureDirectory(
  path: string,
  links: 'followed' | 'refused',
): Promise<Result<void, StateProblem>> {
  const checked = await guarded(path, async () => {
    const us = ourUserId();
    const entry = await lstat(path);
    if (us !== null && entry.uid !== us) throw new StateError(foreign(path, entry.uid, us));
    const isLink = entry.isSymbolicLink();
    if (isLink && links === 'refused') {
      throw new StateError({ kind: 'damaged', file: path, offset: null, message: 'is a symbolic link' });
    }
    const target = isLink ? await stat(path) : entry;
    if (!target.isDirectory()) {
      throw new StateError({ kind: 'damaged', file: path, offset: null, message: 'is no directory' });
    }
    const verdict = judgeDirectory(path, target, us);
    if (verdict.kind === 'tighten' && isLink) throw new StateError(readableBehindLink(path));
    if (verdict.kind === 'tighten') await chmod(path, DIRECTORY_MODE);
    else if (verdict.kind !== 'fine') throw new StateError(verdict);
  });
  return checked;
}

/** Refuses to make state inside another user's folder as root: the files would be root's, and the folder's owner the master. */
export async function refuseForeignFolder(parent: string): Promise<Result<void, StateProblem>> {
  const us = ourUserId();
  if (us !== 0) return ok(undefined);
  const checked = await guarded(parent, async () => (await stat(parent)).uid);
  if (!checked.ok) return checked;
  return checked.value === us ? ok(undefined) : err(foreign(parent, checked.value, us));
}

const readableBehindLink = (path: string): StateProblem => ({
  kind: 'permission',
  file: path,
  message: 'is a symbolic link to a folder that others may read',
  help: `chmod go-rwx ${quote(path)}/`,
});

function foreign(path: string, owner: number, us: number): StateProblem {
  const message =
    us === 0 ? `belongs to user ${owner}, and this is root` : `belongs to user ${owner}, and this is user ${us}`;
  return { kind: 'permission', file: path, message, help: null };
}

const quote = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);

/** Owner, mode and kind of what lies in the state directory. */

import { constants } from 'node:fs';
import { lstat, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '../../base/ids.ts';
import { DIRECTORY_MODE, FILE_MODE } from '../durable-files.ts';
import { systemCode } from '../problem.ts';
import { type Finding, finding } from './finding.ts';

const OTHERS = 0o077;

/** What is known of an entry, or what is wrong with it; null: there is none. */
export type Entry = { readonly kind: 'folder' | 'file'; readonly changedMs: number } | { readonly kind: 'odd' } | null;

/**
 * Looks at one entry of the state. Links have no place there, and nobody else has any right to it.
 * @param found gets what is wrong with it.
 */
export async function lookAt(path: string, run: RunId | null, found: (finding: Finding) => void): Promise<Entry> {
  const stats = await lstat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (stats === null) return null;
  const where = { file: path, run };
  if (!stats.isDirectory() && !stats.isFile()) {
    const what = stats.isSymbolicLink() ? 'a symbolic link' : 'no regular file';
    const help = 'nothing in the state is read through it; look where it came from, and remove it';
    found(finding('warning', 'odd_file', `${what} lies in the state`, { ...where, help }));
    return { kind: 'odd' };
  }
  const us = process.geteuid?.();
  if (us !== undefined && stats.uid !== us) {
    found(finding('permission', 'foreign_owner', `belongs to user ${stats.uid}, and this is user ${us}`, where));
  } else if (us !== undefined && (stats.mode & OTHERS) !== 0) {
    const mode = (stats.mode & 0o777).toString(8);
    const wanted = stats.isDirectory() ? DIRECTORY_MODE : FILE_MODE;
    const mend = { what: `set its mode to ${wanted.toString(8)}`, apply: () => tighten(path, wanted) };
    found(finding('warning', 'open_mode', `has mode ${mode}: others have a right to it`, { ...where, mend }));
  }
  return { kind: stats.isDirectory() ? 'folder' : 'file', changedMs: stats.mtimeMs };
}

/** Through a descriptor: between looking and changing, a link may have taken its place. */
async function tighten(path: string, mode: number): Promise<boolean> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    await file.chmod(mode);
    return true;
  } finally {
    await file.close();
  }
}

/** The names in a folder; none where there is no such folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
}

/** A file that nobody will ever look for again. */
export const leftover = (path: string, what: string, run: RunId | null = null): Finding =>
  finding('note', 'leftover', what, {
    file: path,
    run,
    mend: {
      what: 'remove it',
      apply: async () => {
        await unlink(path).catch((error: unknown) => {
          if (systemCode(error) !== 'ENOENT') throw error;
        });
        return true;
      },
    },
  });

/** What is in a folder by name, with its path. */
export const pathsIn = async (folder: string): Promise<readonly { readonly name: string; readonly path: string }[]> =>
  (await namesIn(folder)).map((name) => ({ name, path: join(folder, name) }));

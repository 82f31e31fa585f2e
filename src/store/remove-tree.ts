/** Removes what lies in the state, whatever steps made of it. Links are removed, never followed. */

import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DIRECTORY_MODE } from './durable-files.ts';
import { systemCode } from './problem.ts';

/**
 * Removes a file, a link, or a folder with all that is in it; folders that a step made unwritable are opened up first.
 * @throws the system's error when something stays; nothing is there afterwards otherwise, as when nothing was.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(systemCode(error) ?? '')) throw error;
    await openUp(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function openUp(path: string): Promise<void> {
  const entry = await lstat(path);
  if (!entry.isDirectory()) return;
  // Not through a descriptor: a folder without the right to read it cannot be opened.
  if ((entry.mode & DIRECTORY_MODE) !== DIRECTORY_MODE) await chmod(path, DIRECTORY_MODE);
  for (const name of await readdir(path)) await openUp(join(path, name));
}

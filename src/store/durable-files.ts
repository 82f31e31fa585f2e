/** Files that survive a power cut: written beside, synced, renamed into place, the directory synced. No link is followed. */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StateError } from './problem.ts';

/** The mode of every file of the state. */
export const FILE_MODE = 0o600;
/** The mode of every directory of the state. */
export const DIRECTORY_MODE = 0o700;

const TEMPORARY = /^\..+\.[0-9a-f]{16}\.tmp$/;

/** True for the names that `writeDurably` gives to files it has not finished. */
export const isTemporaryName = (name: string): boolean => TEMPORARY.test(name);

/** Makes the names in a directory durable: fsync(2) of a file does not sync the directory that holds it. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Replaces a file, mode 0600, by one with these contents; after a crash at any instant it is the old one or the new one, whole.
 * The temporary name is random, so that two writers never share one, and the last rename wins.
 */
export async function writeDurably(path: string, contents: string | Uint8Array): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);
  const handle = await open(temporary, 'wx', FILE_MODE);
  try {
    await writeAndClose(handle, contents);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncDirectory(directory);
}

async function writeAndClose(handle: FileHandle, contents: string | Uint8Array): Promise<void> {
  try {
    await handle.writeFile(contents);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Opens a regular file for reading without following a link; never blocks, not even where a FIFO was put in its place.
 * @throws {StateError} (65) when it is something else.
 */
export async function openForReading(path: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stats = await handle.stat();
  if (stats.isFile()) return handle;
  await handle.close();
  const message = stats.isDirectory() ? 'is a directory' : 'is no regular file';
  throw new StateError({ kind: 'damaged', file: path, offset: null, message });
}

/** Reads a whole text file as `openForReading` opens it. */
export async function readText(path: string): Promise<string> {
  const handle = await openForReading(path);
  try {
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

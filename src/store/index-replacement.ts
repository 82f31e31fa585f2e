/**
 * A new index in the place of the old one: without the lines of runs that were deleted, or made from the runs themselves where the old
 * one cannot be trusted. Others go on adding to it meanwhile, without a lock, so nothing of theirs may be lost:
 *
 *     locked --> written beside, its head unfinished --> renamed --> what came meanwhile carried over --> head finished
 *
 * Whoever adds a line looks afterwards whether its file is still the index, and adds it again where it is not; what was added before the
 * rename is carried over. A head that is not finished makes readers walk the runs, and the next writer make the index anew, so a crash in
 * between loses nothing either.
 */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { RunId } from '../base/ids.ts';
import { FILE_MODE, syncDirectory } from './durable-files.ts';
import { tryFlock } from './flock-program.ts';
import { COMPLETE, entryLine, HEAD_BYTES, headLine, type IndexEntry, isAt, readIndex } from './index-file.ts';
import { systemCode } from './problem.ts';

/** A head that says so much is that of a file that was cut, or is not finished. */
const LONGER_THAN_ANY = 999_999_999_999_999;
/** Longer than any line. */
const LINE_BYTES = 65_536;

/** All that an index says, the newest line of each run, oldest first; null when it cannot be trusted. */
export async function indexEntries(path: string): Promise<readonly IndexEntry[] | null> {
  const newest = new Map<RunId, IndexEntry>();
  const end = await readIndex(path, async (entry) => {
    if (!newest.has(entry.id)) newest.set(entry.id, entry);
    return true;
  });
  return end === 'stale' ? null : [...newest.values()].reverse();
}

/**
 * Puts another index in the place of this one.
 * @param choose given what it says (null: it is missing or damaged), gives all lines that are to stand in the new one, oldest end first; null
 * leaves everything as it is.
 * @returns false when it was left, also because somebody else is at it.
 */
export async function replaceIndex(
  path: string,
  choose: (old: readonly IndexEntry[] | null) => Promise<readonly IndexEntry[] | null>,
): Promise<boolean> {
  const old = await openOrMake(path);
  try {
    if (!(await tryFlock(old.fd, 'exclusive', path)) || !(await isAt(old, path))) return false;
    const { size } = await old.stat();
    const known = await lineStart(old, size);
    const entries = await choose(await indexEntries(path));
    if (entries === null) return false;
    await putInPlace(path, old, known, entries);
    return true;
  } finally {
    await old.close();
  }
}

/** A link in its place is replaced, not followed. */
async function openOrMake(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    return await open(path, flags, FILE_MODE);
  } catch (error) {
    if (systemCode(error) !== 'ELOOP') throw error;
    await unlink(path);
    return open(path, flags, FILE_MODE);
  }
}

async function putInPlace(path: string, old: FileHandle, known: number, entries: readonly IndexEntry[]): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);
  const made = await open(temporary, 'wx+', FILE_MODE);
  try {
    // Nobody can have it: the name is new.
    await tryFlock(made.fd, 'exclusive', temporary);
    const body = `${COMPLETE}${entries.map(entryLine).join('')}`;
    await made.writeFile(`${headLine(LONGER_THAN_ANY)}${body}`);
    await made.sync();
    await rename(temporary, path);
    await syncDirectory(dirname(path));
    await carryOver(old, known, path);
    await made.write(headLine((await made.stat()).size), 0);
    await made.datasync();
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  } finally {
    await made.close();
  }
}

/** Where the line begins that is being written, or would be next. */
async function lineStart(file: FileHandle, size: number): Promise<number> {
  const from = Math.max(0, size - LINE_BYTES);
  const { buffer } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
  return from + buffer.lastIndexOf(10) + 1;
}

/** Whole lines only: whoever is still writing one will look for its file and not find it. */
async function carryOver(old: FileHandle, from: number, path: string): Promise<void> {
  const { size } = await old.stat();
  if (size <= Math.max(from, HEAD_BYTES)) return;
  const { buffer } = await old.read(Buffer.alloc(size - from), 0, size - from, from);
  const end = buffer.lastIndexOf(10) + 1;
  if (end === 0) return;
  const target = await open(path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
  try {
    await target.writeFile(buffer.subarray(0, end));
    await target.datasync();
  } finally {
    await target.close();
  }
}

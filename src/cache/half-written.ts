/**
 * What an attempt left half written is removed before the next one begins, as make removes the target of a rule that failed. Only files
 * that `generates` names without wildcards, and only those that changed since that attempt began: how they were is noted at each
 * beginning, in a file of the run, which goes when an attempt succeeds.
 */

import { lstatSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { literalPath, parseGlob } from '../base/glob-pattern.ts';
import { isJsonObject } from '../base/json.ts';
import { readJson, writeWhole } from './records.ts';

/** How a file was, by its path: the empty text for one that was not there. */
type Note = { readonly [path: string]: string };

/**
 * Called before an attempt begins: removes what the one before left, and notes how everything is now.
 * @param note absolute path of the note of this step in this run.
 * @param workdir what the patterns are relative to; absolute.
 * @throws the system's error when the note cannot be written: the attempt must not begin without it.
 */
export async function clearHalfWritten(note: string, workdir: string, patterns: readonly string[]): Promise<void> {
  const paths = literalFiles(workdir, patterns);
  if (paths.length === 0) return;
  const before = await readNote(note);
  for (const path of paths) {
    const noted = before?.[path];
    if (noted !== undefined && noted !== stateOf(path)) await unlink(path).catch(() => undefined);
  }
  await writeWhole(note, JSON.stringify(Object.fromEntries(paths.map((path) => [path, stateOf(path)]))));
}

/** Called when an attempt succeeded: what it made is whole. */
export async function forgetNote(note: string): Promise<void> {
  await unlink(note).catch(() => undefined);
}

async function readNote(note: string): Promise<Note | null> {
  const found = await readJson(note);
  return isJsonObject(found) ? (found as Note) : null;
}

function literalFiles(workdir: string, patterns: readonly string[]): readonly string[] {
  return patterns.flatMap((pattern) => {
    const globs = parseGlob(pattern);
    return (globs.ok ? globs.value : []).flatMap((glob) => {
      const path = glob.negated ? null : literalPath(glob);
      return path === null ? [] : [isAbsolute(path) ? path : join(workdir, path)];
    });
  });
}

/** Folders are never removed, so nothing is noted of them. The time of the inode's change is left out: `chmod` writes nothing. */
function stateOf(path: string): string {
  try {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return '';
    return stats.isDirectory() ? 'folder' : `${stats.size}:${stats.mtimeNs}:${stats.ino}`;
  } catch {
    return '';
  }
}

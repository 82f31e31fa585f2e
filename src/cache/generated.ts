/** The files that a step makes: found after a success, compared and put back before a reuse or a resume. */

import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { isJsonObject, type Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { findFiles } from '../process/glob.ts';
import { listed } from './changes.ts';
import type { Contents } from './content.ts';
import { type GeneratedFile, type Records, temporaryBeside } from './records.ts';

/** What a step made. */
export interface Generated {
  readonly files: readonly GeneratedFile[];
  /** By path, where it can tell a later change. */
  readonly stamps: { readonly [path: string]: string };
}

/** The record of what a step made, as it stands in its run. */
export const manifestOf = (files: readonly GeneratedFile[]): Json =>
  files.map(({ path, hash, bytes, mode, link }): Json => ({ path, hash, bytes, mode, link }));

/** Reads such a record; what is no file in it is left out. */
export function readManifest(manifest: Json): readonly GeneratedFile[] {
  const entries: readonly unknown[] = Array.isArray(manifest) ? manifest : [];
  return entries.filter(
    (entry): entry is GeneratedFile & { readonly [name: string]: Json } =>
      isJsonObject(entry) && typeof entry['path'] === 'string' && typeof entry['hash'] === 'string',
  );
}

/** A file that is not as it was made. */
export interface Deviation {
  readonly file: GeneratedFile;
  readonly kind: 'missing' | 'changed';
}

/** Files of one result that are kept so that they can be restored, in bytes; above this they are only compared. */
export const KEPT_BYTES_LIMIT = 100 << 20;

/**
 * Finds what a step made.
 * @param directory the folder of the flow. @param workdir what the patterns are relative to. Both absolute.
 * @returns a sentence when a pattern cannot be used, or a file that is named without wildcards is not there.
 */
export async function findGenerated(
  contents: Contents,
  directory: string,
  workdir: string,
  patterns: readonly string[],
): Promise<Result<Generated, string>> {
  if (patterns.length === 0) return ok({ files: [], stamps: {} });
  const found = await findFiles(workdir, patterns);
  if (!found.ok) return err(found.error);
  if (found.value.missing.length > 0) {
    return err(`the step did not make ${listed(found.value.missing)}, which \`generates\` names`);
  }
  const files: GeneratedFile[] = [];
  const stamps: { [path: string]: string } = {};
  for (const name of found.value.files) {
    const absolute = isAbsolute(name) ? name : join(workdir, name);
    const content = await contents.of(absolute, directory);
    // It was there a moment ago: a process that the step left behind, or another step, works on it.
    if (content === null) return err(`${name}, which \`generates\` names, was removed while it was looked at`);
    const { hash, bytes, mode, link, stamp } = content;
    const path = relative(directory, absolute);
    files.push({ path, hash, bytes, mode, link });
    if (stamp !== null) stamps[path] = stamp;
  }
  return ok({ files, stamps });
}

/** Compares files with what was made of them. @returns those that are other now, in order. */
export async function findDeviations(
  contents: Contents,
  directory: string,
  files: readonly GeneratedFile[],
): Promise<readonly Deviation[]> {
  const deviations: Deviation[] = [];
  for (const file of files) {
    const content = await contents.of(join(directory, file.path), directory).catch(() => undefined);
    if (content === null) deviations.push({ file, kind: 'missing' });
    else if (content?.hash !== file.hash) deviations.push({ file, kind: 'changed' });
  }
  return deviations;
}

/** `out/a is missing, out/b was changed`. */
export function describeDeviations(deviations: readonly Deviation[]): string {
  return listed(
    deviations.map(({ file, kind }) => `${file.path} ${kind === 'missing' ? 'is missing' : 'was changed'}`),
  );
}

/** True when everything that deviates is kept, so that it could be restored. */
export async function areKept(records: Records, deviations: readonly Deviation[]): Promise<boolean> {
  for (const { file } of deviations) {
    if (file.link) return false;
    const place = await records.keptAt(file.hash);
    const kept = place === null ? null : await stat(place).catch(() => null);
    if (kept?.isFile() !== true || kept.size !== file.bytes) return false;
  }
  return true;
}

/** Keeps the contents of files, so that they can be restored. Nothing is kept of a result that is larger than the limit. */
export async function keepFiles(records: Records, directory: string, files: readonly GeneratedFile[]): Promise<void> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > KEPT_BYTES_LIMIT) return;
  for (const { path, hash, bytes, link } of files) {
    if (link) continue;
    const kept = await records.placeFor(hash);
    const present = await stat(kept).catch(() => null);
    // The content is compared with the hash when it is restored, so what changes meanwhile does no harm.
    if (present?.size !== bytes) await copyWhole(join(directory, path), kept, 0o600, 0o700);
  }
}

/**
 * Puts files back as they were made.
 * @returns the first one of which that was not possible: its content is no longer what its hash says, or the system refuses; null: all are.
 */
export async function restoreFiles(
  records: Records,
  contents: Contents,
  directory: string,
  files: readonly GeneratedFile[],
): Promise<string | null> {
  for (const file of files) {
    const kept = await records.keptAt(file.hash);
    if (kept === null) return file.path;
    try {
      const content = await contents.of(kept, records.folder);
      if (content?.hash !== file.hash) {
        await unlink(kept);
        return file.path;
      }
      await copyWhole(kept, join(directory, file.path), file.mode, 0o777);
    } catch {
      return file.path;
    }
  }
  return null;
}

/** Copies beside and renames, so that nobody ever sees half of it; where the file system can, blocks are shared. */
async function copyWhole(from: string, to: string, mode: number, folderMode: number): Promise<void> {
  const temporary = temporaryBeside(to);
  const copy = () => copyFile(from, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  try {
    await copy().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      await mkdir(dirname(to), { recursive: true, mode: folderMode });
      await copy();
    });
    await chmod(temporary, mode);
    await rename(temporary, to);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

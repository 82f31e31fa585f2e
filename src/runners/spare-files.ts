/**
 * The empty files and folders of attempts that are over, kept for those to come: an output file and an artifacts folder that nobody used are given the
 * name that the next attempt has for its own. To rename is to change two names; to make and remove takes an inode each time, which a file system
 * may look for long after many were removed (ext4 without a journal gives none again for a minute), and all of it is on a step's way.
 */

import { lstatSync, readdirSync, renameSync, rmdirSync, type Stats, unlinkSync } from 'node:fs';
import { isMomentary } from '../process/launcher.ts';
import { createOutputFile, removeOutputFile } from '../process/output-file.ts';
import { makeFolder } from './attempt-files.ts';
import type { AttemptPlaces } from './runner.ts';

type Named = Pick<AttemptPlaces, 'output' | 'artifacts'>;

/** What is kept for the attempts of one run. */
export class SpareFiles {
  readonly #outputs: string[] = [];
  readonly #artifacts: string[] = [];
  readonly #folders = new Set<string>();

  /** Makes a folder of the run, once. @throws a system error. */
  ensureFolder(folder: string): void {
    if (this.#folders.has(folder)) return;
    makeFolder(folder);
    this.#folders.add(folder);
  }

  /** Makes `FLOWCTL_ARTIFACTS` and the fresh file `FLOWCTL_OUTPUT`. @throws a system error. */
  make({ output, artifacts }: Named): void {
    if (!renameOne(this.#artifacts, artifacts)) makeFolder(artifacts);
    if (!renameOne(this.#outputs, output)) createOutputFile(output);
  }

  /**
   * Takes back what nobody used, to be given to others where it is as it was made. What is in use stays as it is.
   * @param isUnused the output file is known to be empty still, and nobody is left who could write to it; the folder is looked at here.
   * @param isAlone nothing is left of the attempt that could stand in the folder and put something into it later.
   * @returns whether the folder held nothing.
   */
  takeBack({ output, artifacts }: Named, isUnused: boolean, isAlone: boolean): boolean {
    if (isUnused && isAsMade(output, isOwnFile)) this.#outputs.push(output);
    else removeOutputFile(output);
    if (!isEmptyFolder(artifacts)) return false;
    if (isAlone && isAsMade(artifacts, isOwnFolder)) this.#artifacts.push(artifacts);
    else remove(() => rmdirSync(artifacts));
    return true;
  }

  /** Removes what is kept. */
  clear(): void {
    for (const file of this.#outputs.splice(0)) remove(() => unlinkSync(file));
    for (const folder of this.#artifacts.splice(0)) remove(() => rmdirSync(folder));
  }
}

function remove(work: () => void): void {
  try {
    work();
  } catch {
    // Somebody did before, or put something into it: then it is kept.
  }
}

function renameOne(spares: string[], to: string): boolean {
  const from = spares.pop();
  if (from === undefined) return false;
  try {
    renameSync(from, to);
    return true;
  } catch {
    // It is tidied away with the others.
    spares.unshift(from);
    return false;
  }
}

/** A link in its place, another mode or a second name are what one attempt did, and nothing for another one. */
function isAsMade(file: string, is: (status: Stats) => boolean): boolean {
  const status = lstatSync(file, { throwIfNoEntry: false });
  return status !== undefined && is(status);
}

const isOwnFile = (status: Stats): boolean =>
  status.isFile() && status.size === 0 && status.nlink === 1 && (status.mode & 0o7777) === 0o600;
const isOwnFolder = (status: Stats): boolean => status.isDirectory() && (status.mode & 0o7777) === 0o700;

function isEmptyFolder(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch (error) {
    // Removed, or a file, or a folder that was made unreadable.
    if (!isMomentary((error as NodeJS.ErrnoException).code ?? '')) return false;
  }
  try {
    // To look takes a descriptor, and to remove none; it is refused where something is inside.
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

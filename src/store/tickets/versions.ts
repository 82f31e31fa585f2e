/**
 * One small document that any number of processes change, without a lock: every version is a file of its own, named by its number,
 * that is never changed. Whoever has read version n writes the next one beside it and links it to the name n + 1; link(2) refuses a
 * name that is taken, so one of two writers comes first, and the other reads again. A process that is killed or stopped at any
 * instant leaves a whole version, or a temporary file, and never keeps another one waiting.
 *
 * Versions that are long superseded are removed. A writer that slept over so many could take a name that is free again: it looks for
 * far newer versions after linking, and does not know then whether its own ever counted.
 */

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DIRECTORY_MODE, FILE_MODE, isTemporaryName } from '../durable-files.ts';
import { systemCode } from '../problem.ts';

/** A version that was read. */
export interface Version {
  /** 0: there is none yet. */
  readonly number: number;
  readonly text: string | null;
}

/** How many versions stay: a name is free again only after so many more. */
const KEPT = 16;
const VERSION_NAME = /^book-(\d{12})\.json$/;
const nameOf = (number: number): string => `book-${String(number).padStart(12, '0')}.json`;
/** A temporary file of this age was left by a writer that is dead, or will find it missing and write it again. */
const STALE_MS = 60_000;

/** The versions in one folder. All calls are synchronous: the less happens between reading and linking, the fewer lose. */
export class Versions {
  readonly #folder: string;
  #last: Version = { number: 0, text: null };

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The newest version.
   * @param isWhole false: that file is damaged (a power cut came before its bytes), the one before is looked at; the number stays.
   */
  read(isWhole: (text: string) => boolean): Version {
    const numbers = this.#numbers();
    const newest = numbers.at(-1) ?? 0;
    if (newest === this.#last.number) return this.#last;
    for (const number of [...numbers].reverse()) {
      const text = this.#contents(number);
      if (text === null || !isWhole(text)) continue;
      this.#last = { number: newest, text };
      return this.#last;
    }
    return { number: newest, text: null };
  }

  /**
   * Makes the version after `number`.
   * @returns `lost`: another process was first; `uncertain`: so many versions have come since that it may, or may not, have counted.
   */
  follow(number: number, text: string): 'done' | 'lost' | 'uncertain' {
    const next = number + 1;
    if (!this.#link(next, text)) return 'lost';
    const numbers = this.#numbers();
    const newest = numbers.at(-1) ?? next;
    for (const old of numbers) {
      if (old <= newest - KEPT) this.#unlink(nameOf(old));
    }
    // Name n is free again only when n + KEPT has been there, and the newest is never removed.
    if (newest >= next + KEPT) return 'uncertain';
    this.#last = { number: next, text };
    return 'done';
  }

  /** Removes what writers left that were killed. */
  sweep(): void {
    for (const name of this.#names()) {
      if (!isTemporaryName(name)) continue;
      const stats = lstatSync(join(this.#folder, name), { throwIfNoEntry: false });
      if (stats !== undefined && Math.abs(Date.now() - stats.mtimeMs) > STALE_MS) this.#unlink(name);
    }
  }

  #link(number: number, text: string): boolean {
    const temporary = join(this.#folder, `.${nameOf(number)}.${randomBytes(8).toString('hex')}.tmp`);
    try {
      this.#write(temporary, text);
      linkSync(temporary, join(this.#folder, nameOf(number)));
      return true;
    } catch (error) {
      // ENOENT: somebody removed the folder or the file.
      if (systemCode(error) === 'EEXIST' || systemCode(error) === 'ENOENT') return false;
      throw error;
    } finally {
      this.#unlink(temporary);
    }
  }

  #write(path: string, text: string): void {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const fd = openSync(path, flags, FILE_MODE);
    try {
      const bytes = Buffer.from(text);
      for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
    } finally {
      closeSync(fd);
    }
  }

  #unlink(name: string): void {
    try {
      unlinkSync(name.startsWith('/') ? name : join(this.#folder, name));
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }

  #contents(number: number): string | null {
    try {
      const fd = openSync(join(this.#folder, nameOf(number)), constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        return readFileSync(fd, 'utf8');
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (systemCode(error) === null) throw error;
      return null;
    }
  }

  #numbers(): readonly number[] {
    const numbers: number[] = [];
    for (const name of this.#names()) {
      const digits = VERSION_NAME.exec(name)?.[1];
      if (digits !== undefined) numbers.push(Number(digits));
    }
    return numbers.sort((one, other) => one - other);
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#folder);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      this.#makeFolder();
      return [];
    }
  }

  /** Not its parents: a state directory that was moved away is lost, and no other one takes its place. */
  #makeFolder(): void {
    try {
      mkdirSync(this.#folder, { mode: DIRECTORY_MODE });
    } catch (error) {
      // Another process was first.
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  }
}

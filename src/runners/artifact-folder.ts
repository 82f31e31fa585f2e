/**
 * The artifacts folder of an attempt when the attempt has ended: only regular files stay, no larger in all than allowed, with modes that
 * nobody else may read. Links are never followed, wherever they are. Work is done in slices, so that nothing else waits for it.
 */

import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { Breath } from '../process/breath.ts';
import { OWN_PREFIX } from '../model/artifact-note.ts';

/** Most that is kept of one attempt. */
export interface ArtifactLimits {
  readonly bytes: number;
  readonly files: number;
}

const CHUNK_BYTES = 262_144;
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** The folder while it is put in order. Paths of files are relative to it, with `/` between names. */
export class ArtifactFolder {
  /** Files that are kept, in the order in which they were. */
  readonly kept: string[] = [];
  /** What was asked to be kept and is not, with the reason. */
  readonly dropped: { readonly file: string; readonly why: 'link' | 'special' | 'room' | 'unreadable' }[] = [];
  private readonly root: string;
  private readonly isHurried: () => boolean;
  private readonly breath = new Breath();
  private room: ArtifactLimits;
  private copies = 0;

  /** @param isHurried true once nothing may take time any more: what is not kept by then is dropped. */
  constructor(root: string, limits: ArtifactLimits, isHurried: () => boolean) {
    this.root = root;
    this.room = limits;
    this.isHurried = isHurried;
  }

  /**
   * Looks at everything that the attempt put into the folder.
   * @param take told of each of flowctl's own files, which are removed afterwards.
   * @throws a system error, when the folder itself cannot be worked on.
   */
  async tidy(take: (name: string, absolute: string) => void): Promise<void> {
    const status = statOf(this.root);
    if (status === null) return;
    if (!status.isDirectory()) {
      // Something else was put in its place.
      rmSync(this.root, { force: true });
      this.dropped.push({ file: path.basename(this.root), why: status.isSymbolicLink() ? 'link' : 'special' });
      return;
    }
    await this.tidyBelow('', take);
  }

  /** Nothing more comes; a folder that holds nothing goes. */
  close(): void {
    try {
      rmdirSync(this.root);
    } catch {
      // It holds artifacts, or is not there.
    }
  }

  private async tidyBelow(folder: string, take: (name: string, absolute: string) => void): Promise<void> {
    const absolute = path.join(this.root, folder);
    chmodSync(absolute, 0o700);
    for (const name of readdirSync(absolute).sort()) {
      await this.breath.take();
      const file = folder === '' ? name : `${folder}/${name}`;
      const inside = path.join(this.root, file);
      const status = statOf(inside);
      if (status === null) continue;
      try {
        if (status.isDirectory()) await this.tidyBelow(file, take);
        else if (folder === '' && name.startsWith(OWN_PREFIX)) {
          if (status.isFile()) take(name, inside);
          rmSync(inside, { force: true });
        } else await this.tidyFile(file, inside, status);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === undefined) throw error;
        this.dropped.push({ file, why: 'unreadable' });
      }
    }
  }

  private async tidyFile(file: string, inside: string, status: Stats): Promise<void> {
    if (!status.isFile()) {
      rmSync(inside, { force: true });
      this.dropped.push({ file, why: status.isSymbolicLink() ? 'link' : 'special' });
    } else if (!this.hasRoom(status.size)) {
      rmSync(inside, { force: true });
      this.dropped.push({ file, why: 'room' });
    } else if (status.nlink > 1) {
      // It has another name elsewhere: its mode is not ours to change, and whoever writes there would change it here.
      if (await this.copy(inside, file, inside)) this.kept.push(file);
    } else {
      chmodSync(inside, 0o600);
      this.use(status.size);
      this.kept.push(file);
    }
  }

  /** Keeps a copy of a file from elsewhere. @param wished where; another name is found where that is taken. */
  async add(source: string, wished: string): Promise<void> {
    const status = statOf(source);
    if (status === null) return;
    if (!status.isFile()) this.dropped.push({ file: wished, why: status.isSymbolicLink() ? 'link' : 'special' });
    else if (!this.hasRoom(status.size)) this.dropped.push({ file: wished, why: 'room' });
    else {
      const file = this.freeName(wished);
      if (await this.copy(source, file, path.join(this.root, file))) this.kept.push(file);
    }
  }

  private freeName(wished: string): string {
    const { dir, name, ext } = path.posix.parse(wished);
    for (let number = 1; ; number += 1) {
      const file = number === 1 ? wished : path.posix.join(dir, `${name}-${number}${ext}`);
      if (statOf(path.join(this.root, file)) === null) return file;
    }
  }

  /** Copies aside and moves into place, so that there is never half a file. @returns false when it was dropped. */
  private async copy(source: string, file: string, target: string): Promise<boolean> {
    this.copies += 1;
    const aside = path.join(this.root, `${OWN_PREFIX}copy-${this.copies}`);
    let reading: number | null = null;
    let writing: number | null = null;
    try {
      this.makeFolder(this.root);
      reading = openSync(source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      writing = openSync(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      const size = fstatSync(reading).isFile() ? await this.pour(reading, writing) : null;
      if (size === null) {
        this.dropped.push({ file, why: 'room' });
        return false;
      }
      this.makeFolder(path.dirname(target));
      renameSync(aside, target);
      this.use(size);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      this.dropped.push({ file, why: 'unreadable' });
      return false;
    } finally {
      if (reading !== null) closeSync(reading);
      if (writing !== null) closeSync(writing);
      rmSync(aside, { force: true });
    }
  }

  /** Not the run's folder: where that is gone, what is put there is in nobody's state. */
  private makeFolder(folder: string): void {
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return;
      if (code !== 'ENOENT' || folder === path.dirname(this.root)) throw error;
      this.makeFolder(path.dirname(folder));
      mkdirSync(folder, { mode: 0o700 });
    }
  }

  /** @returns how many bytes came; null when there was no room for all of them, or no time. */
  private async pour(reading: number, writing: number): Promise<number | null> {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let size = 0; ; ) {
      await this.breath.take();
      const came = readSync(reading, chunk);
      if (came === 0) return size;
      // It may have grown since it was looked at.
      size += came;
      if (!this.hasRoom(size)) return null;
      for (let at = 0; at < came; ) at += writeSync(writing, chunk, at, came - at);
    }
  }

  private hasRoom(bytes: number): boolean {
    return bytes <= this.room.bytes && this.room.files > 0 && !this.isHurried();
  }

  private use(bytes: number): void {
    this.room = { bytes: this.room.bytes - bytes, files: this.room.files - 1 };
  }
}

function statOf(file: string): Stats | null {
  try {
    return lstatSync(file);
  } catch {
    return null;
  }
}

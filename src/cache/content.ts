/**
 * What files hold, as hashes. A file is read again only when it may have changed: its size, its times of change and its inode are
 * compared with those it had when it was hashed, as git compares them with its index. Times are coarse, so what changed shortly before it
 * was hashed may change once more and look the same ("racily clean", git's Documentation/technical/racy-git.txt): it is never trusted.
 */

import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { sep } from 'node:path';
import { type ContentHash, contentHash } from '../base/ids.ts';
import { Breath } from '../process/breath.ts';

/** A file at one moment. */
export interface FileContent {
  readonly hash: ContentHash;
  readonly bytes: number;
  /** The permission bits. */
  readonly mode: number;
  /** By what it is known again without being read; null where that could not tell a later change. */
  readonly stamp: string | null;
  /** True for a link: it has no content of its own that could be restored. */
  readonly link: boolean;
}

/** Coarsest clock of a file system that people build on: FAT keeps times in steps of two seconds. */
const RACY_MS = 2_000n;
const CHUNK_BYTES = 1 << 18;
const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);

/** The SHA-256 of a text or of bytes. */
export const hashOf = (content: string | Uint8Array): ContentHash =>
  contentHash(createHash('sha256').update(content).digest('hex'));

/** Hashes files, each content once as long as its stamp says that it is the same. */
export class Contents {
  private readonly now: () => number;
  private readonly known = new Map<string, { readonly stamp: string; readonly hash: ContentHash }>();
  private readonly breath = new Breath();
  /** How many files were read so far. */
  reads = 0;

  /** @param now the wall clock, in milliseconds. */
  constructor(now: () => number) {
    this.now = now;
  }

  /** Takes over what an earlier process found. @param path absolute. */
  learn(path: string, stamp: string, hash: ContentHash): void {
    this.known.set(path, { stamp, hash });
  }

  /**
   * Reads one file. A link counts by the file it leads to when that is inside the folder, else by where it leads.
   * @param path absolute. @param folder absolute.
   * @returns null when nothing is there, or a folder.
   * @throws the system's error for what is there and cannot be read.
   */
  async of(path: string, folder: string): Promise<FileContent | null> {
    await this.breath.take();
    const entry = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (entry === undefined || entry.isDirectory()) return null;
    if (!entry.isSymbolicLink()) return entry.isFile() ? this.ofFile(path, entry, '') : null;
    const target = statSync(path, { bigint: true, throwIfNoEntry: false });
    const inside = target?.isFile() === true && realpathSync(path).startsWith(`${realpathSync(folder)}${sep}`);
    if (inside) return { ...(await this.ofFile(path, target, `${stampOf(entry)}>`)), link: true };
    const text = `link:${readlinkSync(path)}`;
    return { hash: hashOf(text), bytes: text.length, mode: 0o777, stamp: null, link: true };
  }

  private async ofFile(path: string, before: BigIntStats, prefix: string): Promise<FileContent> {
    const stamp = `${prefix}${stampOf(before)}`;
    const plain = { bytes: Number(before.size), mode: Number(before.mode) & 0o777, link: false };
    const known = this.known.get(path);
    if (known?.stamp === stamp) return { ...plain, hash: known.hash, stamp };
    const begun = BigInt(this.now());
    const { hash, after, bytes } = await this.read(path);
    const isOld = before.ctimeMs + RACY_MS < begun && before.mtimeMs + RACY_MS < begun;
    const settled = isOld && stampOf(after) === stampOf(before);
    if (settled) this.known.set(path, { stamp, hash });
    else this.known.delete(path);
    return { ...plain, bytes, hash, stamp: settled ? stamp : null };
  }

  /** In chunks, so that a file of any size holds nobody up for long. */
  private async read(path: string): Promise<{ hash: ContentHash; after: BigIntStats; bytes: number }> {
    this.reads += 1;
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const hash = createHash('sha256');
      let bytes = 0;
      for (;;) {
        // The buffer is everybody's: nothing may happen between filling and hashing it.
        const count = readSync(descriptor, buffer, 0, CHUNK_BYTES, null);
        if (count === 0) break;
        hash.update(buffer.subarray(0, count));
        bytes += count;
        await this.breath.take();
      }
      const after = fstatSync(descriptor, { bigint: true });
      return { hash: contentHash(hash.digest('hex')), after, bytes };
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Size, times of change in nanoseconds and inode: no two states of a file that are not racy have the same. */
export const stampOf = ({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string => `${size}:${mtimeNs}:${ctimeNs}:${ino}`;

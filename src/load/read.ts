/** The bytes of a flow file as text: size, encoding, byte order mark. */

import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { diagnose, type Diagnostic } from '../diagnostics/diagnostic.ts';
import { SourceText } from '../diagnostics/source.ts';
import { LIMITS } from './guard.ts';

/** What came of reading a flow file. */
export type ReadResult =
  | { readonly kind: 'read'; readonly source: SourceText }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'refused'; readonly diagnostic: Diagnostic; readonly source: SourceText };

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';

const REASONS: ReadonlyMap<string, string> = new Map([
  ['EISDIR', 'it is a folder'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['ELOOP', 'its symbolic links form a loop'],
]);

/** The bytes that were read, at most one more than the limit, whatever the file claims to be: a pipe or a device has no size. */
class BoundedBytes {
  readonly #chunks: Buffer[] = [];
  #total = 0;

  /** Where the next bytes go; null when there are enough. */
  space(): Buffer | null {
    const left = LIMITS.bytes + 1 - this.#total;
    return left === 0 ? null : Buffer.allocUnsafe(Math.min(65_536, left));
  }

  add(chunk: Buffer, length: number): void {
    this.#chunks.push(chunk.subarray(0, length));
    this.#total += length;
  }

  all(): Buffer {
    return Buffer.concat(this.#chunks, this.#total);
  }
}

/**
 * Reads a regular file at once: that is sooner done than what it takes to wait for it is loaded.
 * @returns null for anything else, which may let us wait.
 */
function readRegular(path: string): Buffer | null {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(descriptor).isFile()) return null;
    const bytes = new BoundedBytes();
    for (let space = bytes.space(); space !== null; space = bytes.space()) {
      const length = readSync(descriptor, space, 0, space.length, null);
      if (length === 0) break;
      bytes.add(space, length);
    }
    return bytes.all();
  } finally {
    closeSync(descriptor);
  }
}

async function readWaiting(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const bytes = new BoundedBytes();
    for (let space = bytes.space(); space !== null; space = bytes.space()) {
      const { bytesRead } = await handle.read(space, 0, space.length, null);
      if (bytesRead === 0) break;
      bytes.add(space, bytesRead);
    }
    return bytes.all();
  } finally {
    await handle.close();
  }
}

/** The offset of the first byte that is not UTF-8, as an offset in the text before it. */
function firstBadOffset(bytes: Buffer): number {
  let good = 0;
  let bad = bytes.length;
  while (good < bad) {
    const middle = (good + bad + 1) >> 1;
    // A stretch that only ends inside a character is good so far; `stream` forgives that, and nothing else.
    const isGood = isDecodable(bytes.subarray(0, middle), true);
    if (isGood) good = middle;
    else bad = middle - 1;
  }
  return new TextDecoder('utf-8').decode(bytes.subarray(0, good), { stream: true }).length;
}

function isDecodable(bytes: Buffer, stream: boolean): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream });
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads a flow file: UTF-8, with or without a byte order mark, at most 8 MiB.
 * @param path where the file is. @param shown its name in diagnostics.
 */
export async function readFlowText(path: string, shown: string): Promise<ReadResult> {
  const refused = (text: string, make: (source: SourceText) => Diagnostic): ReadResult => {
    const source = new SourceText(shown, text);
    return { kind: 'refused', diagnostic: make(source), source };
  };
  let bytes: Buffer;
  try {
    bytes = readRegular(path) ?? (await readWaiting(path));
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'not_found' };
    const reason = REASONS.get(code) ?? code;
    return refused('', (source) => diagnose('unreadable_file', { reason }, source.place(0, 0)));
  }
  if (bytes.length > LIMITS.bytes) {
    return refused('', (source) => diagnose('file_too_large', { limitBytes: LIMITS.bytes }, source.place(0, 0)));
  }
  if (!isDecodable(bytes, false)) {
    const offset = firstBadOffset(bytes);
    return refused(bytes.toString('utf8'), (source) => diagnose('not_utf8', {}, source.place(offset, offset + 1)));
  }
  return { kind: 'read', source: new SourceText(shown, new TextDecoder('utf-8').decode(bytes)) };
}

/**
 * Refuses what is neither a file nor a folder: a pipe or a device would be waited for. The file that a user names may be one, those that
 * files name may not. @returns null for everything else, be it missing.
 */
export function refuseSpecial(
  path: string,
  shown: string,
): { readonly diagnostics: readonly Diagnostic[]; readonly source: SourceText } | null {
  const info = infoOf(path);
  if (info === null || info.isFile() || info.isDirectory()) return null;
  const source = new SourceText(shown, '');
  const facts = { reason: 'it is no regular file' };
  return { diagnostics: [diagnose('unreadable_file', facts, source.place(0, 0))], source };
}

function infoOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

/** The bytes of a flow file as text: size, encoding, byte order mark. */

import { type FileHandle, open, stat } from 'node:fs/promises';
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

/** Reads at most one byte more than the limit, whatever the file claims to be: a pipe or a device has no size. */
async function readBounded(handle: FileHandle): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  while (total <= LIMITS.bytes) {
    const chunk = Buffer.allocUnsafe(Math.min(65_536, LIMITS.bytes + 1 - total));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
    total += bytesRead;
  }
  return Buffer.concat(chunks, total);
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
  let handle: FileHandle | null = null;
  try {
    handle = await open(path, 'r');
    bytes = await readBounded(handle);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'not_found' };
    const reason = REASONS.get(code) ?? code;
    return refused('', (source) => diagnose('unreadable_file', { reason }, source.place(0, 0)));
  } finally {
    await handle?.close();
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
export async function refuseSpecial(
  path: string,
  shown: string,
): Promise<{ readonly diagnostics: readonly Diagnostic[]; readonly source: SourceText } | null> {
  const info = await stat(path).catch(() => null);
  if (info === null || info.isFile() || info.isDirectory()) return null;
  const source = new SourceText(shown, '');
  const facts = { reason: 'it is no regular file' };
  return { diagnostics: [diagnose('unreadable_file', facts, source.place(0, 0))], source };
}

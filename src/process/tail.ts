/** The last lines of a file, however large it is. */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** The end of a file. */
export interface Tail {
  /** Read as UTF-8, U+FFFD for what is none; without the last newline. */
  readonly text: string;
  /** True when something stands before it. */
  readonly isCut: boolean;
}

const isContinuation = (byte: number | undefined): boolean =>
  byte !== undefined && (byte & 0b1100_0000) === 0b1000_0000;

/**
 * Reads the last lines of a file.
 * @param lines how many at most.
 * @param maxBytes how many bytes at most; a longer line is cut at its beginning, between characters.
 * @returns null when the file cannot be read.
 */
export function tail(file: string, lines: number, maxBytes: number): Tail | null {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return null;
  }
  try {
    const { size } = fstatSync(descriptor);
    const wanted = Math.min(size, maxBytes);
    const buffer = Buffer.alloc(wanted);
    // A file that shrinks meanwhile gives fewer bytes.
    const bytes = buffer.subarray(0, readSync(descriptor, buffer, 0, wanted, size - wanted));
    const end = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
    let start = end;
    for (let left = lines; left > 0 && start > 0; left -= 1) {
      const newline = start === 0 ? -1 : bytes.lastIndexOf(0x0a, start - 1);
      if (newline === -1) start = 0;
      else start = left === 1 ? newline + 1 : newline;
    }
    if (start === 0 && wanted < size) while (isContinuation(bytes[start]) && start < 3) start += 1;
    return { text: bytes.toString('utf8', start, end), isCut: start > 0 || wanted < size };
  } catch {
    return null;
  } finally {
    closeSync(descriptor);
  }
}

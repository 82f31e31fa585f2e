/** The two system calls that a journal's promises rest on, as a seam: tests make the n-th of them fail or come up short. */

import { fdatasync, write, writeSync } from 'node:fs';

/** Called with null, or with the system's error. */
export type Settled = (error: NodeJS.ErrnoException | null) => void;

/** What a journal asks of the system. */
export interface FileOperations {
  /** write(2) at the end of the file (the descriptor has O_APPEND); it may write less than it was asked to. */
  write(
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    settled: (error: NodeJS.ErrnoException | null, written: number) => void,
  ): void;
  /** fdatasync(2): the data and the size that is needed to read it. */
  sync(fd: number, settled: Settled): void;
}

/** What is longer is written beside everything else: a copy into the page cache takes a microsecond for each kilobyte or so. */
const AT_ONCE_BYTES = 16_384;

/**
 * The real ones. A sync, and a write that is long, are done on libuv's thread pool, so that a slow disk never holds up timeouts and signals. A short
 * write only copies into the page cache: to do it at once takes a fifth of what it takes to wake another thread and be woken (bench/README.md).
 */
export const fileOperations: FileOperations = {
  write: (fd, bytes, offset, length, settled) => {
    if (length > AT_ONCE_BYTES) return write(fd, bytes, offset, length, null, settled);
    let written: number;
    try {
      written = writeSync(fd, bytes, offset, length);
    } catch (error) {
      return settled(error as NodeJS.ErrnoException, 0);
    }
    settled(null, written);
  },
  sync: (fd, settled) => fdatasync(fd, settled),
};

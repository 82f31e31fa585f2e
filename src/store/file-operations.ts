/** The two system calls that a journal's promises rest on, as a seam: tests make the n-th of them fail or come up short. */

import { fdatasync, write } from 'node:fs';

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

/** The real ones, on libuv's thread pool, so that a slow disk never holds up timeouts and signals. */
export const fileOperations: FileOperations = {
  write: (fd, bytes, offset, length, settled) => write(fd, bytes, offset, length, null, settled),
  sync: (fd, settled) => fdatasync(fd, settled),
};

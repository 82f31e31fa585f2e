/** Files of /proc: small, without a size until they are read, and read by the hundred when processes are looked for. */

import { closeSync, openSync, readSync } from 'node:fs';

/** One for all: a fresh one per file costs several times the reading. */
const BUFFER = Buffer.allocUnsafeSlow(65_536);

/**
 * Reads a whole file.
 * @returns its bytes, which the next call may overwrite.
 * @throws a system error, as ESRCH when the process has gone.
 */
export function readProcFile(path: string): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    let buffer = BUFFER;
    let length = 0;
    for (;;) {
      const read = readSync(descriptor, buffer, length, buffer.length - length, null);
      if (read === 0) return buffer.subarray(0, length);
      length += read;
      if (length === buffer.length) buffer = Buffer.concat([buffer], length * 4);
    }
  } finally {
    closeSync(descriptor);
  }
}

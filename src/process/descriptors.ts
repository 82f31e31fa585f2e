/** Whether the system still gives file descriptors. */

import { closeSync, openSync, readFileSync } from 'node:fs';

/** Starting a process takes five: both ends of the gate, a pipe for the exec error, and one that Node opens meanwhile. */
const NEEDED_TO_START = 6;

let softLimit: number | undefined;

function descriptorLimit(): number {
  if (softLimit === undefined) {
    let found: string | undefined;
    try {
      found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    } catch {
      // No /proc: ask the system itself, each time.
    }
    softLimit = found === 'unlimited' ? Number.POSITIVE_INFINITY : Number(found ?? 0);
  }
  return softLimit;
}

/** So many are opened by a run that does much at once; where fewer are allowed, none is to be held that is not needed. */
const AMPLE = 256;

/** True where descriptors are no scarce good. */
export const hasAmpleDescriptors = (): boolean => descriptorLimit() >= AMPLE || descriptorLimit() === 0;

/**
 * True when a process can be started without running out of descriptors. Node answers EMFILE with a child that has no streams,
 * and may have lost those that it had opened for it by then; so it is asked before.
 */
export function descriptorsAreFree(): boolean {
  const opened: number[] = [];
  try {
    do {
      opened.push(openSync('/dev/null', 'r'));
      // The system gives the lowest free number: a low one, far from the limit, says enough.
      if ((opened[0] ?? 0) < descriptorLimit() / 4) return true;
    } while (opened.length < NEEDED_TO_START);
    return true;
  } catch {
    return false;
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

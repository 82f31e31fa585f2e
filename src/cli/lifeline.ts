/** A flowctl that another program started for its own ends with that program: a descriptor that only the other holds open tells. */

import { Socket } from 'node:net';

/**
 * From now on the end of a descriptor is taken as SIGTERM. It keeps nothing alive.
 * @param text its number.
 */
export function holdLifeline(text: string): void {
  const fd = Number(text);
  if (!Number.isInteger(fd) || fd < 3) return;
  try {
    const line = new Socket({ fd, readable: true, writable: false });
    line.on('error', () => undefined);
    line.on('close', () => process.kill(process.pid, 'SIGTERM'));
    line.resume().unref();
  } catch {
    // Whoever set the variable has opened no such descriptor: it was inherited from further up.
  }
}

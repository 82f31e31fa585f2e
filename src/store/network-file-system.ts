/** File systems on which other machines may write as well: kernel locks need not hold between them, nor syncs reach a disk. */

import { statfsSync } from 'node:fs';

/** By the type that statfs(2) tells: the magic numbers of linux/magic.h. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9p'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x65735546, 'FUSE'],
]);

/** The name of a network file system by its type; null for every other one. */
export const networkNameOf = (type: number): string | null => NAMES.get(type) ?? null;

/** The name of the network file system that a folder lies on; null where it lies on none, or cannot be asked. */
export function networkOf(folder: string): string | null {
  try {
    return networkNameOf(statfsSync(folder).type);
  } catch {
    return null;
  }
}

/** A sentence about it. */
export const networkWarning = (network: string): string =>
  `lies on a network file system (${network}): locks and syncs may not hold there`;

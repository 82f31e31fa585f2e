/** Whether what is kept for reuse is what was kept. Whatever is not may go: it only means that a step runs again. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject } from '../base/json.ts';
import { namesIn } from './housekeeping.ts';
import { FORMAT, isMemory, isResultFile, readJson } from './records.ts';

/** A file that is of no use. */
export interface UselessFile {
  readonly path: string;
  readonly why: 'damaged' | 'unfinished' | 'other_version';
}

/** A file that is younger may be one that somebody is just writing. */
const YOUNG_MS = 3_600_000;

/** Looks at everything in the folder of the cache. @param now milliseconds since the epoch. */
export async function findUseless(folder: string, now: number): Promise<readonly UselessFile[]> {
  const found: UselessFile[] = [];
  for (const [kind, isWhole] of [
    ['steps', isMemory],
    ['results', isResultFile],
  ] as const) {
    for (const name of await namesIn(folder, join(folder, kind))) {
      const path = join(folder, kind, name);
      if (!name.endsWith('.json')) {
        if (await isOld(path, now)) found.push({ path, why: 'unfinished' });
        continue;
      }
      const read: unknown = await readJson(path);
      if (!isWhole(read)) found.push({ path, why: isOfOtherVersion(read) ? 'other_version' : 'damaged' });
    }
  }
  const files = join(folder, 'files');
  for (const prefix of await namesIn(folder, files)) {
    for (const name of await namesIn(folder, files, join(files, prefix))) {
      const path = join(files, prefix, name);
      if (!/^[0-9a-f]{64}$/.test(name)) {
        if (await isOld(path, now)) found.push({ path, why: 'unfinished' });
      } else if ((await hashOfFile(path)) !== name) found.push({ path, why: 'damaged' });
    }
  }
  return found;
}

const isOfOtherVersion = (value: unknown): boolean =>
  isJsonObject(value) && typeof value['format'] === 'number' && value['format'] !== FORMAT;

async function isOld(path: string, now: number): Promise<boolean> {
  const stats = await lstat(path).catch(() => null);
  return stats?.isFile() === true && now - stats.mtimeMs > YOUNG_MS;
}

/** Null for what cannot be read, and for what is no file of its own: a link may lead to a device without end, a FIFO makes us wait. */
async function hashOfFile(path: string): Promise<string | null> {
  try {
    if (!(await lstat(path)).isFile()) return null;
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    return hash.digest('hex');
  } catch {
    return null;
  }
}

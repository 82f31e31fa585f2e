/** `removals.ndjson`: who deleted which run, and when, for people who miss one. Nothing depends on it. */

import { constants } from 'node:fs';
import { lstat, open, rename } from 'node:fs/promises';
import type { RunId } from '../base/ids.ts';
import { isJsonObject } from '../base/json.ts';
import { FILE_MODE, readText } from './durable-files.ts';
import type { StateLayout } from './layout.ts';
import { readLine, sealLine } from './sealed-line.ts';

/** Who deletes. */
export interface Remover {
  readonly name: string;
  readonly host: string;
  /** What was called. */
  readonly by: 'delete' | 'prune' | 'retention' | 'doctor';
}

/** Longer ones are put aside, in the place of the one before. */
const LONGEST_BYTES = 1_048_576;

const oldOf = (state: StateLayout): string => `${state.removals}.old`;

/** Notes a run that was deleted. Never rejects: it is gone whether this can be written or not. */
export async function noteRemoval(state: StateLayout, id: RunId, { name, host, by }: Remover): Promise<void> {
  const line = sealLine(JSON.stringify({ id, removed_at: new Date().toISOString(), by, user: { name, host } }));
  try {
    const size = (await lstat(state.removals).catch(() => null))?.size ?? 0;
    if (size > LONGEST_BYTES) await rename(state.removals, oldOf(state));
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
    const file = await open(state.removals, flags, FILE_MODE);
    try {
      await file.writeFile(line);
    } finally {
      await file.close();
    }
  } catch {
    // Only a note.
  }
}

/** Who deleted a run, and when, as the end of a sentence; null where nothing is noted. */
export async function removalOf(state: StateLayout, id: RunId): Promise<string | null> {
  for (const path of [state.removals, oldOf(state)]) {
    const text = await readText(path).catch(() => '');
    const line = text.split('\n').findLast((each) => each.startsWith(`{"id":"${id}"`));
    const read = line === undefined ? null : readLine(Buffer.from(line));
    if (read?.kind !== 'good') continue;
    const { removed_at, by, user } = read.value;
    const { name, host } = isJsonObject(user ?? null) ? (user as { readonly [key: string]: unknown }) : {};
    return `deleted at ${String(removed_at)} by ${String(name)} on ${String(host)} (${String(by)})`;
  }
  return null;
}

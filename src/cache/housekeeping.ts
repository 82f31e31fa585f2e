/** What is kept, for people: listed, cleared, and pruned when nobody has used it for long. Runs may go on meanwhile. */

import { lstat, readdir, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContentHash } from '../base/ids.ts';
import { isMemory, isResultFile, type KeptResult, readJson, type Records } from './records.ts';

/** What is kept of one step. */
export interface KeptStep {
  /** The flow's file, relative to the project. */
  readonly flow: string;
  /** Its key as the top-level run shows it. */
  readonly step: string;
  /** The run of its last success. */
  readonly run: string;
  /** Of the last success; RFC 3339. */
  readonly created_at: string;
  /** The last time that any of its results was kept or reused; RFC 3339. */
  readonly used_at: string;
  /** How many different results are kept. */
  readonly results: number;
  /** Contents that are kept of its files and outputs, in bytes; those that several steps share count for each. */
  readonly bytes: number;
}

/** All that is kept. */
export interface Kept {
  readonly steps: readonly KeptStep[];
  /** What the folder holds, in bytes. */
  readonly bytes: number;
}

/** What was removed. */
export interface Removed {
  readonly results: number;
  readonly bytes: number;
}

/** Results that nobody used for so long are removed now and then, by runs that reuse. */
export const UNUSED_MS = 30 * 86_400_000;
/** What is not referred to is left alone for so long: somebody may be about to. */
const YOUNG_MS = 3_600_000;

/** One record file, of either kind. */
interface Entry {
  readonly path: string;
  readonly kind: 'memory' | 'result';
  readonly flow: string;
  readonly step: string;
  readonly fingerprint: ContentHash;
  readonly result: KeptResult;
  readonly usedMs: number;
  readonly bytes: number;
}

/** Lists what is kept, the steps of a flow together, in the order of their names. */
export async function listKept(records: Records): Promise<Kept> {
  const groups = new Map<string, Entry[]>();
  let bytes = 0;
  for await (const entry of entriesOf(records)) {
    const name = `${entry.flow}\0${entry.step}`;
    groups.set(name, [...(groups.get(name) ?? []), entry]);
    bytes += entry.bytes;
  }
  const sizes = new Map<string, number>();
  for await (const { hash, size } of filesOf(records)) {
    sizes.set(hash, size);
    bytes += size;
  }
  const steps = [...groups.entries()].sort(([left], [right]) => (left < right ? -1 : 1));
  return { steps: steps.map(([, entries]) => keptStep(entries, sizes)), bytes };
}

function keptStep(entries: readonly Entry[], sizes: ReadonlyMap<string, number>): KeptStep {
  const newest = entries.reduce((one, other) => (other.result.created_at > one.result.created_at ? other : one));
  const hashes = new Set(entries.flatMap(({ result }) => hashesOf(result)));
  return {
    flow: newest.flow,
    step: newest.step,
    run: newest.result.run,
    created_at: newest.result.created_at,
    // Files are dated by a coarser clock.
    used_at: new Date(
      Math.max(Date.parse(newest.result.created_at), ...entries.map(({ usedMs }) => usedMs)),
    ).toISOString(),
    results: new Set(entries.map(({ fingerprint }) => fingerprint)).size,
    bytes: [...hashes].reduce((sum, hash) => sum + (sizes.get(hash) ?? 0), 0),
  };
}

/** What to remove: of a flow and of a step with all that is in it, or only what was not used since an instant. */
export interface Selection {
  readonly flow?: string | undefined;
  readonly step?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly unusedSince?: number | undefined;
}

/**
 * Removes results, and the contents that none of the rest refers to.
 * @param now milliseconds since the epoch.
 */
export async function removeKept(records: Records, selection: Selection, now: number): Promise<Removed> {
  const used = new Set<string>();
  const removed = new Set<string>();
  let bytes = 0;
  for await (const entry of entriesOf(records)) {
    if (isSelected(entry, selection)) {
      removed.add(entry.fingerprint);
      bytes += entry.bytes;
      await unlink(entry.path).catch(() => undefined);
    } else for (const hash of hashesOf(entry.result)) used.add(hash);
  }
  for await (const { path, hash, size, changedMs } of filesOf(records)) {
    // Somebody may have kept it for a record that is not written yet. Whoever clears means now.
    const isYoung = selection.unusedSince !== undefined && now - changedMs < YOUNG_MS;
    if (used.has(hash) || isYoung) continue;
    bytes += size;
    await unlink(path).catch(() => undefined);
  }
  return { results: removed.size, bytes };
}

/**
 * Removes compiled modules, and what tells of them, that nobody read since an instant: they would be compiled again. File systems note
 * when a file is read, once a day at least; where they do not, its age counts.
 * @param folder absolute; it may be missing. @param unusedSince milliseconds since the epoch.
 */
export async function removeUnusedModules(folder: string, unusedSince: number): Promise<void> {
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    const stats = await lstat(path).catch(() => null);
    if (stats?.isFile() !== true || Math.max(stats.atimeMs, stats.mtimeMs) >= unusedSince) continue;
    await unlink(path).catch(() => undefined);
  }
}

function isSelected(entry: Entry, { flow, step, unusedSince }: Selection): boolean {
  if (flow !== undefined && entry.flow !== flow) return false;
  if (step !== undefined && !isPartOf(entry.step, step)) return false;
  return unusedSince === undefined || entry.usedMs < unusedSince;
}

/** True for a step and for everything in it: items, members, steps of its sub-flow. */
export const isPartOf = (key: string, name: string): boolean =>
  key === name || (key.startsWith(name) && ['[', '/'].includes(key[name.length] ?? ''));

/** Notes that a result was reused, so that it is not taken for forgotten. */
export async function noteUse(path: string, nowMs: number): Promise<void> {
  const now = new Date(nowMs);
  await utimes(path, now, now).catch(() => undefined);
}

const hashesOf = ({ outputs, generated }: KeptResult): readonly string[] => [
  ...(outputs?.kind === 'file' ? [outputs.hash] : []),
  ...generated.map(({ hash }) => hash),
];

async function* entriesOf(records: Records): AsyncGenerator<Entry> {
  for (const kind of ['memory', 'result'] as const) {
    const folder = join(records.folder, kind === 'memory' ? 'steps' : 'results');
    for (const name of await namesIn(records.folder, folder)) {
      if (!/^[0-9a-f]+\.json$/.test(name)) continue;
      const path = join(folder, name);
      const read = await readJson(path);
      const found = kind === 'memory' ? (isMemory(read) ? read : null) : isResultFile(read) ? read : null;
      const stats = await lstat(path).catch(() => null);
      if (stats === null || found === null) continue;
      const { flow, step, fingerprint, result } = found;
      yield { path, kind, flow, step, fingerprint, result, usedMs: stats.mtimeMs, bytes: stats.size };
    }
  }
}

interface StoredFile {
  readonly path: string;
  readonly hash: string;
  readonly size: number;
  readonly changedMs: number;
}

/** Unfinished ones as well: whoever was killed while writing cannot remove them. */
async function* filesOf(records: Records): AsyncGenerator<StoredFile> {
  const root = join(records.folder, 'files');
  for (const prefix of await namesIn(records.folder, root)) {
    if (!/^[0-9a-f]{2}$/.test(prefix)) continue;
    for (const hash of await namesIn(records.folder, root, join(root, prefix))) {
      if (!KEPT_FILE.test(hash)) continue;
      const path = join(root, prefix, hash);
      const stats = await lstat(path).catch(() => null);
      if (stats?.isFile() === true) yield { path, hash, size: stats.size, changedMs: stats.mtimeMs };
    }
  }
}

/** A content, or one that is not finished. */
const KEPT_FILE = /^(?:[0-9a-f]{64}|\.[0-9a-f]{64}\.[0-9a-f]{16}\.tmp)$/;

/**
 * What is in the last of these folders, each of which is in the one before. Nothing where one of them is a link: what it leads to was
 * not made by us, and would be removed.
 */
export async function namesIn(...folders: readonly string[]): Promise<readonly string[]> {
  for (const folder of folders) {
    const found = await lstat(folder).catch(() => null);
    if (found?.isDirectory() !== true) return [];
  }
  return readdir(folders.at(-1) ?? '').catch(() => []);
}

/**
 * What happened to files since they were last looked at: pure. What is known of them and what is there now come in; out come the
 * events and what is known then. A file that is still being written to is waited for: it counts once its size and times have stood
 * still for as long as the trigger says.
 */

import type { KnownFile } from '../model/trigger-memory.ts';
import type { FILE_CHANGES } from '../model/trigger.ts';

/** A file as it was found. Times in milliseconds since the epoch. */
export interface FoundFile {
  /** Absolute. */
  readonly path: string;
  readonly mtime_ms: number;
  /** When it was last written to, renamed or made here: no program can set this one. */
  readonly ctime_ms: number;
  readonly size: number;
  readonly ino: number;
}

/** A file that may still be written to. */
export interface UnsettledFile {
  readonly found: FoundFile;
  /** Since when it has looked like this. */
  readonly since_ms: number;
  /** It was there when files were first looked at: whether it is new nobody knows. */
  readonly isUnclear: boolean;
}

/** What the look is about. */
export interface FileLook {
  readonly now: number;
  /** Null: files are looked at for the first time; then what was there before this instant is no news. */
  readonly since_ms: number | null;
  readonly settle_ms: number;
  readonly on: readonly (typeof FILE_CHANGES)[number][];
  /** Nobody will look again soon: a file's own time says how long it has stood still. */
  readonly isOnce: boolean;
  /** Most events; the files of others stay unknown. */
  readonly room: number;
}

/** Something that happened to a file. */
export interface FileEvent {
  readonly file: FoundFile;
  readonly change: (typeof FILE_CHANGES)[number];
  /** When, in milliseconds since the epoch. */
  readonly at_ms: number;
}

/** What came of a look. */
export interface FileNews {
  /** In the order in which they were written. */
  readonly events: readonly FileEvent[];
  /** The same object when nothing is to be remembered anew. */
  readonly files: { readonly [path: string]: KnownFile };
  readonly unsettled: ReadonlyMap<string, UnsettledFile>;
  /** When to look again, whatever happens; null: no need. */
  readonly next_ms: number | null;
}

/** A file that is gone is remembered for so long: a folder that is mounted again holds no news. */
const GONE_MS = 7 * 86_400_000;

/** How soon to look again for what there was no room for. */
const NO_ROOM_MS = 1_000;

const isAs = (one: Omit<KnownFile, 'gone_ms'>, other: Omit<KnownFile, 'gone_ms'>): boolean =>
  one.mtime_ms === other.mtime_ms && one.size === other.size && one.ino === other.ino;

const asKnown = ({ mtime_ms, size, ino }: FoundFile): KnownFile => ({ mtime_ms, size, ino, gone_ms: null });

/** Compares. @param unsettled of the look before. */
export function fileNews(
  known: { readonly [path: string]: KnownFile },
  found: readonly FoundFile[],
  unsettled: ReadonlyMap<string, UnsettledFile>,
  look: FileLook,
): FileNews {
  const { now, since_ms, settle_ms, room } = look;
  const files = new Map(Object.entries(known));
  const still = new Map<string, UnsettledFile>();
  const events: FileEvent[] = [];
  let isChanged = false;
  let next_ms: number | null = null;
  const know = (file: FoundFile): void => {
    files.set(file.path, asKnown(file));
    isChanged = true;
  };
  const ordered = [...found].sort((one, other) => one.mtime_ms - other.mtime_ms || (one.path < other.path ? -1 : 1));
  for (const file of ordered) {
    const old = files.get(file.path);
    if (old !== undefined && isAs(old, file)) {
      if (old.gone_ms !== null) know(file);
      continue;
    }
    if (old === undefined && since_ms !== null && file.ctime_ms <= since_ms) {
      know(file);
      continue;
    }
    const before = unsettled.get(file.path);
    const isSame = before !== undefined && isAs(before.found, file) && before.since_ms <= now;
    const since = isSame ? before.since_ms : now;
    // A clock that is ahead of ours by more than that says nothing.
    const hasStood = now - since >= settle_ms || (look.isOnce && Math.abs(now - file.ctime_ms) >= settle_ms);
    if (!hasStood || events.length >= room) {
      const isUnclear = old === undefined && (since_ms !== null || before?.isUnclear === true);
      still.set(file.path, { found: file, since_ms: since, isUnclear });
      const next = hasStood ? now + NO_ROOM_MS : since + settle_ms;
      next_ms = next_ms === null ? next : Math.min(next_ms, next);
      continue;
    }
    const isNew = old === undefined || old.gone_ms !== null;
    const isUnclear = old === undefined && (since_ms !== null || before?.isUnclear === true);
    const change = isNew && (!isUnclear || look.on.includes('created')) ? 'created' : 'changed';
    know(file);
    if (look.on.includes(change)) events.push({ file, change, at_ms: Math.min(file.ctime_ms, now) });
  }
  const here = new Set(found.map(({ path }) => path));
  for (const [path, file] of files) {
    if (here.has(path)) continue;
    if (file.gone_ms === null) files.set(path, { ...file, gone_ms: now });
    else if (now - file.gone_ms > GONE_MS) files.delete(path);
    else continue;
    isChanged = true;
  }
  return { events, files: isChanged ? Object.fromEntries(files) : known, unsettled: still, next_ms };
}

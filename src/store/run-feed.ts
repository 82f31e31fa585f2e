/**
 * The feed of ends: every end of a top-level run, and every crash, once for each reader, whatever happens to readers, runs and the index
 * in between. A reader keeps a cursor in a document of its own, and writes it together with what it did about what it read, in one write:
 *
 *     const { endings, cursor } = unwrap(await feed.after(document.cursor));
 *     change((document) => ({ ...document, cursor, todo: [...document.todo, ...endings.map(...)] }));
 *
 * Whoever reads looks first; ends are numbered and written down (`run-feed-file.ts`) before anybody is told. A reader without a cursor
 * begins here and now. Nobody is told of a run that crashed and was deleted before anybody looked. Next: `endings.ts`.
 */

import { join } from 'node:path';
import type { RunId } from '../base/ids.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import type { FeedCursor, RunEnding } from '../model/run-ending.ts';
import { underLock } from './document-lock.ts';
import { DurableFile } from './documents.ts';
import { findEndings, type FoundEnding, hasNews, isLooked, type Looked } from './endings.ts';
import { runLayout, type StateLayout } from './layout.ts';
import { runIdsOnDisk } from './listing.ts';
import { runOutputs } from './outputs.ts';
import { guarded, type StateProblem } from './problem.ts';
import {
  appendToFeed,
  beginFeed,
  type FeedContents,
  feedLockPath,
  feedMark,
  feedPath,
  readFeed,
  shortenFeed,
} from './run-feed-file.ts';
import { readRunFolder } from './run-reading.ts';

/** What a reader gets. */
export interface FeedReading {
  /** Oldest first. */
  readonly endings: readonly RunEnding[];
  /** Where to go on; the same as it was when there is nothing new. */
  readonly cursor: FeedCursor;
  /** So many ends came before these and can be told no more, for nobody read for too long (thousands of runs). */
  readonly lost: number;
}

/** A look and the file that it belongs to. */
interface Sight extends FeedCursor {
  readonly file: string;
  readonly looked: Looked;
}

const readSight = (value: unknown): Sight | null =>
  isJsonObject(value) && isLooked(value['looked']) && typeof value['file'] === 'string'
    ? (value as unknown as Sight)
    : null;

/** The feed of one state directory. Keep one where it is asked again and again: it remembers what it has read. */
export class RunFeed {
  readonly #state: StateLayout;
  readonly #path: string;
  readonly #sights: DurableFile<Sight>;
  #sight: Sight | null = null;
  #contents: { readonly mark: string | null; readonly value: FeedContents } | null = null;

  constructor(state: StateLayout) {
    this.#state = state;
    this.#path = feedPath(state);
    this.#sights = new DurableFile(join(state.root, 'ended-looked.json'), readSight);
  }

  /**
   * Looks, and tells what has ended since.
   * @param cursor as it was given last time; null begins here.
   * @param limit of endings that are given at once. Default: all.
   * @returns 65 where the file of the feed is damaged, 74 where it cannot be written.
   */
  after(cursor: FeedCursor | null, limit: number = Infinity): Promise<Result<FeedReading, StateProblem>> {
    return guarded(this.#path, async () => {
      const { epoch, n } = await this.#look();
      if (cursor === null) return { endings: [], cursor: { epoch, n }, lost: 0 };
      const since = cursor.epoch === epoch ? cursor.n : 0;
      if (since >= n) return { endings: [], cursor: cursor.epoch === epoch ? cursor : { epoch, n }, lost: 0 };
      const { endings } = await this.#read();
      const unread = endings.filter((ending) => ending.n > since);
      const given = unread.slice(0, limit);
      const lost = Math.max(0, (unread[0]?.n ?? n + 1) - since - 1);
      return { endings: given, cursor: { epoch, n: given.at(-1)?.n ?? n }, lost };
    });
  }

  /** Where a reader begins that wants to be told of what ends from now on. */
  async here(): Promise<Result<FeedCursor, StateProblem>> {
    const reading = await this.after(null);
    return reading.ok ? { ok: true, value: reading.value.cursor } : reading;
  }

  async #look(): Promise<FeedCursor> {
    const sight = await this.#lastSight();
    if (sight !== null && !(await hasNews(this.#state, sight.looked))) return sight;
    return underLock(feedLockPath(this.#state), async () => {
      // Somebody else may have looked meanwhile.
      const before = await this.#lastSight();
      const contents = (await feedMark(this.#path)) === null ? null : await this.#read();
      const known = (run: RunId): number | undefined => contents?.known.get(run);
      const { endings, looked } = await findEndings(this.#state, before?.looked ?? null, known);
      return this.#write(contents, endings, looked);
    });
  }

  async #write(before: FeedContents | null, found: readonly FoundEnding[], looked: Looked): Promise<Sight> {
    let contents = before;
    if (contents === null) contents = await beginFeed(this.#path, newestOf(found));
    else if (found.length > 0) {
      const { last } = contents;
      const endings = found.map((ending, index) => ({ n: last + index + 1, ...ending }));
      await appendToFeed(this.#path, contents, { known: [], endings });
      await shortenFeed(this.#path, contents, () => runIdsOnDisk(this.#state));
    }
    const mark = await feedMark(this.#path);
    this.#contents = { mark, value: contents };
    const sight = { epoch: contents.epoch, n: contents.last, file: mark ?? '', looked };
    // Written last: a look that was not noted is done again, and finds what is known already.
    await this.#sights.write(sight);
    this.#sight = sight;
    return sight;
  }

  /** The last look, whoever looked; null where there was none, or it belongs to another file. */
  async #lastSight(): Promise<Sight | null> {
    const mark = await feedMark(this.#path);
    if (mark === null) return null;
    if (this.#sight?.file !== mark) this.#sight = await this.#sights.read().catch(() => null);
    return this.#sight?.file === mark ? this.#sight : null;
  }

  async #read(): Promise<FeedContents> {
    const mark = await feedMark(this.#path);
    if (this.#contents !== null && this.#contents.mark === mark) return this.#contents.value;
    const value = (await readFeed(this.#path)) ?? { epoch: '', known: new Map(), endings: [], last: 0, bytes: 0 };
    this.#contents = { mark, value };
    return value;
  }
}

const newestOf = (found: readonly FoundEnding[]): readonly (readonly [RunId, number])[] =>
  found.map(({ run, seq }) => [run, seq] as const);

/** Called before runs are deleted: what has ended is told nevertheless. Does nothing where nobody reads the feed; never rejects. */
export async function noteEndings(state: StateLayout): Promise<void> {
  if ((await feedMark(feedPath(state))) === null) return;
  await new RunFeed(state).after(null).catch(() => undefined);
}

/** The outputs of a run at its end; null where it has none, did not end in order, or is gone. */
export async function outputsAtEnd(state: StateLayout, run: RunId): Promise<Result<Json, StateProblem>> {
  const layout = runLayout(state, { id: run, root: run });
  return guarded(layout.directory, async () => {
    const { record } = await readRunFolder(layout);
    const ref = record?.ending?.outputs ?? null;
    return ref === null ? null : runOutputs(layout).read(ref);
  });
}

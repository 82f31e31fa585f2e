/** Every end of a run, once for each reader, whatever happens in between. */

import {
  appendFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunId } from '../../src/base/ids.ts';
import type { FeedCursor } from '../../src/model/run-ending.ts';
import { checkState } from '../../src/store/checkup/state.ts';
import { replaceIndex } from '../../src/store/index-replacement.ts';
import type { StateLayout } from '../../src/store/layout.ts';
import { removeRun } from '../../src/store/removal.ts';
import { openForResume } from '../../src/store/resume.ts';
import { outputsAtEnd, RunFeed } from '../../src/store/run-feed.ts';
import {
  expectError,
  expectOk,
  finishRun,
  freshState,
  numbered,
  recordOf,
  runId,
  startRun,
  wholeRun,
} from './fixture.ts';

const remover = { name: 'test', host: 'here', by: 'delete' } as const;

/** A reader that loses its process whenever it likes, and keeps its cursor with what it did. */
class Reader {
  readonly #state: StateLayout;
  #feed: RunFeed;
  cursor: FeedCursor | null = null;
  readonly told: string[] = [];

  constructor(state: StateLayout) {
    this.#state = state;
    this.#feed = new RunFeed(state);
  }

  die(): void {
    this.#feed = new RunFeed(this.#state);
  }

  /** @param isCut true: it dies before its document is written. */
  async read(isCut = false, limit?: number): Promise<void> {
    const { endings, cursor, lost } = expectOk(await this.#feed.after(this.cursor, limit));
    expect(lost).toBe(0);
    if (isCut) return this.die();
    this.cursor = cursor;
    this.told.push(...endings.map(({ run, seq, state }) => `${run} ${seq} ${state}`));
  }
}

async function resumed(state: StateLayout, id: RunId): Promise<number> {
  const again = expectOk(await openForResume(state, { id, root: id }));
  const { seq } = await recordOf(again);
  await again.journal.append(numbered(wholeRun().slice(1, 3), seq + 1));
  const end = wholeRun().slice(-1);
  await again.journal.append(numbered(end, seq + 3));
  await again.close(await recordOf(again));
  return seq + 3;
}

type Deed = (world: World) => Promise<void>;

/** What happens to a state directory, and what its readers are to be told. */
class World {
  readonly state: StateLayout;
  readonly #numbers: number[];
  readonly crashed: { readonly id: RunId; readonly seq: number; isTold: boolean }[] = [];
  readonly ended: RunId[] = [];
  readonly expected: string[] = [];

  constructor(state: StateLayout, numbers: readonly number[]) {
    this.state = state;
    this.#numbers = [...numbers];
  }

  /** Ids in any order: clocks jump. */
  next(): RunId {
    return runId(this.#numbers.pop() ?? 0);
  }

  /** Somebody looks: what has crashed until now is to be told. */
  looked(): void {
    for (const each of this.crashed) {
      if (each.isTold) continue;
      each.isTold = true;
      this.expected.push(`${each.id} ${each.seq} crashed`);
    }
  }
}

const DEEDS: { readonly [name: string]: Deed } = {
  finish: async (world) => {
    const id = world.next();
    await finishRun(world.state, id, { state: 'failed' });
    world.ended.push(id);
    world.expected.push(`${id} 8 failed`);
  },
  crash: async (world) => {
    const id = world.next();
    await (await startRun(world.state, id)).close(null);
    world.crashed.push({ id, seq: 1, isTold: false });
  },
  goOn: async (world) => {
    const each = world.crashed.pop();
    if (each === undefined) return;
    const seq = await resumed(world.state, each.id);
    world.ended.push(each.id);
    world.expected.push(`${each.id} ${seq} succeeded`);
  },
  remove: async (world) => {
    const id = world.ended.shift();
    if (id === undefined) return;
    expectOk(await removeRun(world.state, id, { remover }));
    // Whoever deletes looks first.
    world.looked();
  },
  loseIndex: async ({ state }) => rmSync(state.index, { force: true }),
  cutIndex: async ({ state }) => {
    if (existsSync(state.index)) truncateSync(state.index, Math.floor(statSync(state.index).size * 0.7));
  },
  touchIndex: async ({ state }) => {
    if (existsSync(state.index)) utimesSync(state.index, 1, 1);
  },
  newIndex: async ({ state }) => {
    await replaceIndex(state.index, async (old) => old);
  },
  loseLook: async ({ state }) => rmSync(join(state.root, 'ended-looked.json'), { force: true }),
  tornTail: async ({ state }) => appendFileSync(join(state.root, 'ended.ndjson'), '{"last":99,"known":[],"endi'),
};

describe('the feed of ends', () => {
  it('tells each end and each crash once, whatever happens to index, runs and readers', async () => {
    const names = Object.keys(DEEDS);
    const step = fc.record({
      deed: fc.constantFrom(...names, 'finish', 'finish', 'crash'),
      reads: fc.constantFrom('not', 'one', 'both', 'cut'),
      limit: fc.constantFrom(undefined, 1),
    });
    const steps = fc.array(step, { minLength: 4, maxLength: 14 });
    const numbers = fc.shuffledSubarray(
      Array.from({ length: 20 }, (_, index) => index + 1),
      { minLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(steps, numbers, async (plan, order) => {
        const world = new World(await freshState(), order);
        const readers = [new Reader(world.state), new Reader(world.state)] as const;
        for (const reader of readers) await reader.read();
        for (const { deed, reads, limit } of plan) {
          await DEEDS[deed]?.(world);
          if (reads === 'not') continue;
          world.looked();
          if (reads === 'cut') await readers[1].read(true);
          else for (const reader of reads === 'one' ? readers.slice(0, 1) : readers) await reader.read(false, limit);
        }
        world.looked();
        for (const reader of readers) {
          reader.die();
          await reader.read();
          await reader.read();
          expect([...reader.told].sort()).toEqual([...world.expected].sort());
        }
        expect(readers[0].told).toEqual(readers[1].told);
      }),
      { numRuns: Number(process.env['FLOWCTL_FEED_RUNS'] ?? 25), endOnFailure: true },
    );
  }, 600_000);

  it('begins where it is first asked', async () => {
    const state = await freshState();
    await finishRun(state, runId(1));
    const reader = new Reader(state);
    await reader.read();
    await reader.read();
    expect(reader.told).toEqual([]);
    await finishRun(state, runId(2));
    await reader.read();
    expect(reader.told).toEqual([`${runId(2)} 8 succeeded`]);
  });

  it('reads and writes nothing when nothing has happened', async () => {
    const state = await freshState();
    await finishRun(state, runId(1));
    await (await startRun(state, runId(2))).close(null);
    const reader = new Reader(state);
    await reader.read();
    const files = ['ended.ndjson', 'ended-looked.json'].map((name) => join(state.root, name));
    const before = files.map((file) => statSync(file).mtimeMs);
    reader.die();
    await reader.read();
    expect(files.map((file) => statSync(file).mtimeMs)).toEqual(before);
    expect(reader.told).toEqual([]);
  });

  it('a run that is owned is not looked into; one that waits for a person has not ended', async () => {
    const state = await freshState();
    const reader = new Reader(state);
    await reader.read();
    const live = await startRun(state, runId(1));
    await reader.read();
    await live.journal.append(numbered([{ type: 'run.parked', exit_code: 6 }], 2));
    await live.close(null);
    await reader.read();
    expect(reader.told).toEqual([]);
  });

  it('says what was recorded, and gives the outputs as long as there are any', async () => {
    const state = await freshState();
    const feed = new RunFeed(state);
    const cursor = expectOk(await feed.here());
    await finishRun(state, runId(1), { flow: 'etl', tags: ['night'], state: 'failed' });
    const { endings } = expectOk(await feed.after(cursor));
    expect(endings).toEqual([
      {
        ...{ n: 1, run: runId(1), seq: 8, flow: 'etl', deployment: null, version: null, state: 'failed', exit_code: 1 },
        ...{ trigger: 'manual', tags: ['night'], scheduled_for: '2026-01-01T00:00:00.000Z' },
        started_at: '2026-01-01T00:00:01.000Z',
        finished_at: '2026-01-01T00:00:08.000Z',
        noticed_at: expect.any(String),
      },
    ]);
    expect(expectOk(await outputsAtEnd(state, runId(1)))).toBeNull();
    expectOk(await removeRun(state, runId(1), { remover }));
    expect(expectOk(await outputsAtEnd(state, runId(1)))).toBeNull();
  });

  it('a file that was lost and begun anew is read from its beginning, whatever the cursor of the old one says', async () => {
    const state = await freshState();
    const feed = new RunFeed(state);
    let cursor = expectOk(await feed.here());
    for (const number of [1, 2, 3]) await finishRun(state, runId(number));
    ({ cursor } = expectOk(await feed.after(cursor)));
    rmSync(join(state.root, 'ended.ndjson'));
    // Whoever looks first begins it.
    ({ cursor } = expectOk(await feed.after(cursor)));
    await finishRun(state, runId(4));
    const old = { ...cursor, epoch: 'of the file before', n: 3 };
    for (const each of [cursor, old]) {
      expect(expectOk(await feed.after(each)).endings.map(({ run }) => run)).toEqual([runId(4)]);
    }
  });

  it('damage before the last line is said with its place', async () => {
    const state = await freshState();
    const feed = new RunFeed(state);
    const cursor = expectOk(await feed.here());
    for (const number of [1, 2]) {
      await finishRun(state, runId(number));
      expectOk(await feed.after(cursor));
    }
    const path = join(state.root, 'ended.ndjson');
    const text = readFileSync(path, 'utf8');
    const offset = text.indexOf('{"last":1');
    expect(offset).toBeGreaterThan(0);
    writeFileSync(path, text.replace('"n":1', '"n":7'));
    const error = expectError(await new RunFeed(state).after(cursor));
    expect(error).toMatchObject({ kind: 'damaged', file: path, offset });
    const { findings } = await checkState(state, Date.now(), remover);
    expect(findings).toContainEqual(
      expect.objectContaining({
        severity: 'damage',
        code: 'damaged_feed',
        file: path,
        offset,
        help: expect.stringContaining('rm '),
      }),
    );
  });

  it('a reader that was away for thousands of runs is told how many it missed', async () => {
    const state = await freshState();
    const { appendToFeed, readFeed, shortenFeed } = await import('../../src/store/run-feed-file.ts');
    const feed = new RunFeed(state);
    const cursor = expectOk(await feed.here());
    await finishRun(state, runId(1));
    const [first] = expectOk(await feed.after(cursor)).endings;
    const path = join(state.root, 'ended.ndjson');
    const contents = await readFeed(path);
    if (contents === null || first === undefined) throw new Error('no feed');
    const endings = Array.from({ length: 5_100 }, (_, index) => ({ ...first, n: index + 2, run: runId(index + 2) }));
    await appendToFeed(path, contents, { known: [], endings });
    await shortenFeed(path, contents, async () => [runId(1)]);
    const reading = expectOk(await new RunFeed(state).after(cursor));
    expect([reading.lost, reading.endings.length, reading.cursor.n]).toEqual([4_101, 1_000, 5_101]);
    expect((await readFeed(path))?.known.get(runId(1))).toBe(8);
  });
});

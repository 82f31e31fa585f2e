/** A new index in the place of the old one, while others go on adding to it. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addToIndex, type IndexEntry } from '../../src/store/index-file.ts';
import { indexEntries, replaceIndex } from '../../src/store/index-replacement.ts';
import { runLayout } from '../../src/store/layout.ts';
import { listRuns } from '../../src/store/listing.ts';
import { forgetDeleted } from '../../src/store/retention.ts';
import { expectOk, finishRun, freshState, runId, temporaryFolder } from './fixture.ts';

const entry = (number: number): IndexEntry => ({
  id: runId(number),
  seq: 9,
  journal_bytes: 1,
  journal_changed: 1,
  row: null,
});
const nothing = async (): Promise<readonly IndexEntry[]> => [];
const numbersIn = async (path: string): Promise<readonly string[] | null> =>
  (await indexEntries(path))?.map(({ id }) => id) ?? null;

describe('a new index', () => {
  it('has no line of a run that was deleted, and lists the same', async () => {
    const state = await freshState();
    for (let number = 1; number <= 6; number += 1) await finishRun(state, runId(number));
    for (const number of [1, 2, 3, 5]) {
      rmSync(runLayout(state, { id: runId(number), root: runId(number) }).directory, { recursive: true });
    }
    const before = expectOk(await listRuns(state, {}, 0));
    expect(before.map(({ id }) => id)).toEqual([runId(6), runId(4)]);
    await forgetDeleted(state);
    expect(await numbersIn(state.index)).toHaveLength(6);
    await forgetDeleted(state, 3);
    expect(await numbersIn(state.index)).toEqual([runId(4), runId(6)]);
    expect(expectOk(await listRuns(state, {}, 0))).toEqual(before);
    await finishRun(state, runId(7));
    expect(await numbersIn(state.index)).toEqual([runId(4), runId(6), runId(7)]);
    expect(readdirSync(state.root).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('I8: loses no line that is added meanwhile', async () => {
    const path = join(temporaryFolder(), 'index.ndjson');
    const add = (number: number) => addToIndex(path, entry(number), nothing);
    let replaced = 0;
    let finished = false;
    const replacing = async (): Promise<void> => {
      while (!finished) {
        // Slow, so that others come in between.
        const done = await replaceIndex(path, async (old) => {
          await new Promise((resolve) => setTimeout(resolve, 2));
          return old;
        });
        if (done) replaced += 1;
      }
    };
    await add(0);
    const both = [replacing(), replacing()];
    for (let from = 1; from <= 100; from += 10) {
      await Promise.all(Array.from({ length: 10 }, (_, index) => add(from + index)));
    }
    finished = true;
    await Promise.all(both);
    expect(replaced).toBeGreaterThan(1);
    const expected = Array.from({ length: 101 }, (_, number) => runId(number));
    expect([...((await numbersIn(path)) ?? [])].sort()).toEqual(expected);
  });

  it('is made where there was none, a damaged one, or a link, which is not followed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-store-'));
    const path = join(folder, 'index.ndjson');
    const make = () => replaceIndex(path, async (old) => (old === null ? [entry(1)] : null));
    expect(await make()).toBe(true);
    expect(await numbersIn(path)).toEqual([runId(1)]);
    expect(await make()).toBe(false);
    truncateSync(path, 60);
    expect(await numbersIn(path)).toBeNull();
    expect(await make()).toBe(true);
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'here');
    rmSync(path);
    symlinkSync(victim, path);
    expect(await make()).toBe(true);
    expect(await numbersIn(path)).toEqual([runId(1)]);
    expect(readFileSync(victim, 'utf8')).toBe('here');
    rmSync(folder, { recursive: true });
  });
});

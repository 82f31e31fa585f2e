import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  appendFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { readIndex, type IndexEntry } from '../../src/store/index-file.ts';
import { runLayout, type StateLayout } from '../../src/store/layout.ts';
import { listRuns, type RunFilter } from '../../src/store/listing.ts';
import { sealLine } from '../../src/store/sealed-line.ts';
import { buildProgram, runProgram } from './child.ts';
import { expectOk, finishRun, freshState, runId, startRun } from './fixture.ts';

const NOW = Date.UTC(2027, 0, 1);
const DAY = 86_400_000;
/** A complete line with a wrong checksum. */
const GARBAGE = '{"journal":"1.0","crc":"00000000"}\n';
const START = Date.UTC(2026, 0, 1);

const list = async (state: StateLayout, filter: RunFilter = {}): Promise<readonly RunRow[]> =>
  expectOk(await listRuns(state, filter, NOW));
const ids = (rows: readonly RunRow[]) => rows.map(({ id }) => id);
const layoutOf = (state: StateLayout, number: number) => runLayout(state, { id: runId(number), root: runId(number) });

/** Whether the index alone would answer. */
const indexState = (state: StateLayout) => readIndex(state.index, async () => true);

/** Finished runs 1 to `count`, one a day. */
async function finishedRuns(count: number): Promise<StateLayout> {
  const state = await freshState();
  for (let number = 1; number <= count; number += 1) {
    const sample = { state: number % 2 ? ('succeeded' as const) : ('failed' as const), tags: [`t${number % 3}`] };
    await finishRun(state, runId(number), { ...sample, flow: `flow-${number % 2}` }, START + number * DAY);
  }
  return state;
}

/**
 * 2,000 finished runs of which only folders and index lines are real: each journal holds garbage of the size and time that the
 * index names, so that a listing which opened one would show damage.
 */
async function manyRuns(): Promise<StateLayout> {
  const state = await finishedRuns(1);
  const entries: IndexEntry[] = [];
  await readIndex(state.index, async (entry) => entries.push(entry) > 0);
  const [first] = entries;
  if (!first?.row) throw new Error('no entry');
  let lines = '';
  for (let number = 2; number <= 2_000; number += 1) {
    const layout = layoutOf(state, number);
    mkdirSync(layout.directory);
    writeFileSync(layout.journal, GARBAGE);
    utimesSync(layout.journal, 1_000, 1_000);
    const created_at = new Date(START + number * 60_000).toISOString();
    const row = { ...first.row, id: runId(number), created_at, started_at: created_at, finished_at: created_at };
    lines += sealLine(
      JSON.stringify({ ...first, id: row.id, journal_bytes: GARBAGE.length, journal_changed: 1_000_000, row }),
    );
  }
  appendFileSync(state.index, lines);
  return state;
}

describe('a listing', () => {
  it('shows the newest first, with filters', async () => {
    const state = await finishedRuns(6);
    expect(ids(await list(state))).toEqual([6, 5, 4, 3, 2, 1].map(runId));
    expect(ids(await list(state, { limit: 2 }))).toEqual([6, 5].map(runId));
    expect(ids(await list(state, { limit: 0 }))).toEqual([]);
    expect(ids(await list(state, { flow: 'flow-0', limit: 2 }))).toEqual([6, 4].map(runId));
    expect(ids(await list(state, { state: 'succeeded' }))).toEqual([5, 3, 1].map(runId));
    expect(ids(await list(state, { tag: 't0' }))).toEqual([6, 3].map(runId));
    expect(ids(await list(state, { since: START + 5 * DAY }))).toEqual([6, 5].map(runId));
  });

  it('of 2,000 runs opens no journal, and reads only the tail of the index', async () => {
    const state = await manyRuns();
    const head = readFileSync(state.index);
    // Everything but the head line and the last 64 KiB is made unreadable: nobody may look there.
    writeFileSync(state.index, head.fill('x', 40, head.length - 65_536));
    const rows = await list(state, { limit: 20 });
    expect(ids(rows)).toEqual(Array.from({ length: 20 }, (_, index) => runId(2_000 - index)));
    expect(rows.every((row) => row.problem === undefined)).toBe(true);
    // The same without a limit meets the damage, walks the folders, and finds the garbage.
    const all = await list(state);
    expect(all).toHaveLength(2_000);
    expect(all.filter((row) => row.problem === undefined)).toHaveLength(1);
  });

  it('finds a run that began early and ended late among later ones', async () => {
    const state = await freshState();
    const slow = await startRun(state, runId(1), {}, START);
    for (const number of [2, 3, 4]) await finishRun(state, runId(number), {}, START + number * DAY);
    await slow.close(null);
    expect(ids(await list(state, { limit: 2 }))).toEqual([4, 3].map(runId));
    const { openForResume } = await import('../../src/store/resume.ts');
    const { numbered, wholeRun, recordOf } = await import('./fixture.ts');
    const again = expectOk(await openForResume(state, { id: runId(1), root: runId(1) }));
    await again.journal.append(numbered(wholeRun().slice(1), 2, START + 9 * DAY));
    await again.close(await recordOf(again));
    expect(ids(await list(state, { limit: 3 }))).toEqual([4, 3, 2].map(runId));
    expect(ids(await list(state))).toEqual([4, 3, 2, 1].map(runId));
  });

  it('shows live runs as running, dead ones as crashed', async () => {
    const state = await finishedRuns(1);
    const live = await startRun(state, runId(2));
    const dead = await startRun(state, runId(3));
    await dead.close(null);
    const rows = await list(state);
    expect(rows.map((row) => row.state)).toEqual(['crashed', 'running', 'succeeded']);
    await live.close(null);
  });

  it('hides a run that never started', async () => {
    const state = await finishedRuns(1);
    mkdirSync(layoutOf(state, 2).directory);
    writeFileSync(layoutOf(state, 2).marker, '');
    expect(ids(await list(state))).toEqual([runId(1)]);
    rmSync(state.index);
    expect(ids(await list(state))).toEqual([runId(1)]);
  });
});

describe('case 20: caches can go', () => {
  it('the same runs are listed without index, markers and snapshots', async () => {
    const state = await finishedRuns(5);
    const crashed = await startRun(state, runId(6), {}, START + 6 * DAY);
    await crashed.close(null);
    const before = await list(state);
    expect(await indexState(state)).toBe('ended');
    for (const path of [state.index, state.open]) rmSync(path, { recursive: true });
    const names = readdirSync(state.root);
    expect(await list(state)).toEqual(before);
    expect(readdirSync(state.root)).toEqual(names);
  });

  it.each([
    [
      'cut short by a line',
      (path: string) => truncateSync(path, readFileSync(path).subarray(0, -1).lastIndexOf(10) + 1),
    ],
    ['cut short by a byte', (path: string) => truncateSync(path, statSync(path).size - 1)],
    ['emptied', (path: string) => truncateSync(path, 0)],
    ['cut to half of its head', (path: string) => truncateSync(path, 20)],
    ['with a flipped bit', (path: string) => flip(path, statSync(path).size - 500)],
    ['with a flipped bit in its head', (path: string) => flip(path, 4)],
    ['without its head', (path: string) => writeFileSync(path, readFileSync(path).subarray(40))],
    ['null', (path: string) => writeFileSync(path, 'null')],
    ['with a line missing in the middle', (path: string) => writeFileSync(path, withoutLine(path, 3))],
  ])('with an index %s the listing is the same, and the next run that ends repairs it', async (_, damage) => {
    const state = await finishedRuns(4);
    const before = await list(state);
    damage(state.index);
    expect(await indexState(state)).toBe('stale');
    expect(await list(state)).toEqual(before);
    await finishRun(state, runId(5), {}, START + 5 * DAY);
    expect(await indexState(state)).toBe('ended');
    const after = await list(state);
    expect(after.slice(1)).toEqual(before);
    expect(ids(after)[0]).toBe(runId(5));
  });

  it('a journal that was damaged, or deleted, after its run was indexed is seen', async () => {
    const state = await finishedRuns(3);
    flip(layoutOf(state, 2).journal, 400);
    rmSync(layoutOf(state, 3).directory, { recursive: true });
    const rows = await list(state);
    expect(ids(rows)).toEqual([2, 1].map(runId));
    expect(rows[0]?.problem).toMatchObject({ code: 'state-corrupt', offset: expect.any(Number) });
    expect(rows[1]?.problem).toBeUndefined();
  });

  it('huge params do not make the index huge', async () => {
    const state = await freshState();
    const tags = Array.from({ length: 5_000 }, (_, index) => `tag-${index}`);
    await finishRun(state, runId(1), { tags });
    expect(statSync(state.index).size).toBeLessThan(1_000);
    expect((await list(state))[0]?.tags).toEqual(tags);
  });
});

describe('many processes on one state directory (cases 33 and 35, small)', () => {
  it('lose no run, and every listing meanwhile can be read', async () => {
    const state = await freshState();
    const program = await buildProgram(`
      import { openState } from 'store/open.ts';
      import { expectOk, finishRun, runId, startRun } from 'store/../../test/store/sample-runs.ts';
      const [root = '', from = '', count = ''] = process.argv.slice(2);
      const state = expectOk(await openState(root));
      for (let n = Number(from); n < Number(from) + Number(count); n += 1) await finishRun(state, runId(n));
      console.log('done');
      await startRun(state, runId(Number(from) + 50));
      console.log('open');
      process.stdin.resume();
    `);
    const children = [100, 200, 300, 400].map((from) => runProgram(program, [state.root, String(from), '10']));
    const finished = Promise.all(children.map((child) => child.nextLine()));
    let polling = true;
    const polls = (async () => {
      let seen = 0;
      while (polling) {
        const rows = await list(state);
        expect(rows.filter((row) => row.problem !== undefined || row.state === 'crashed')).toEqual([]);
        expect(rows.length).toBeGreaterThanOrEqual(seen);
        seen = rows.length;
      }
    })();
    expect(await finished).toEqual(['done', 'done', 'done', 'done']);
    await Promise.all(children.map((child) => child.nextLine()));
    polling = false;
    await polls;
    expect((await list(state)).filter((row) => row.state === 'running')).toHaveLength(4);
    for (const child of children) child.process.kill('SIGKILL');
    await Promise.all(children.map((child) => child.ended));
    const rows = await list(state);
    expect(rows.filter((row) => row.state === 'succeeded')).toHaveLength(40);
    expect(rows.filter((row) => row.state === 'crashed')).toHaveLength(4);
    expect(await indexState(state)).toBe('ended');
    expect(readFileSync(state.index, 'utf8').split('{"complete":true')).toHaveLength(2);
  });
});

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

function withoutLine(path: string, number: number): string {
  return readFileSync(path, 'utf8').split('\n').toSpliced(number, 1).join('\n');
}

import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRun } from '../../src/store/create.ts';
import { writeDefinition } from '../../src/store/definitions.ts';
import { runLayout, type StateLayout } from '../../src/store/layout.ts';
import { listRuns, readWithLiveness } from '../../src/store/listing.ts';
import { openForResume } from '../../src/store/resume.ts';
import { rowOf } from '../../src/store/run-reading.ts';
import { latestUnfinished, readRun, resolveRun } from '../../src/store/runs.ts';
import {
  definition,
  expectError,
  expectOk,
  FLOW_HASH,
  finishRun,
  freshState,
  numbered,
  recordOf,
  runId,
  startedBody,
  startRun,
  wholeRun,
} from './fixture.ts';

const ID = runId(1);
const PLACE = { id: ID, root: ID };
const NOW = Date.UTC(2026, 0, 2);

/** A run whose owner died after step `a`, as on disk. */
async function crashedRun(): Promise<{ readonly state: StateLayout; readonly journal: string }> {
  const state = await freshState();
  const run = await startRun(state, ID);
  await run.journal.append(numbered(wholeRun().slice(1, 3), 2));
  await run.close(null);
  return { state, journal: run.layout.journal };
}

/** Every mode below a folder that others could use. */
function wideModes(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => (lstatSync(join(folder, name)).mode & 0o077) !== 0,
  );
}

const rows = async (state: StateLayout) => expectOk(await listRuns(state, {}, NOW));

describe('creating a run', () => {
  it('leaves all of it on disk, private, before it returns', async () => {
    const state = await freshState();
    const run = await startRun(state, ID);
    expect(readdirSync(run.layout.directory).sort()).toEqual(
      ['artifacts', 'dir', 'flow.json', 'inbox', 'journal.ndjson', 'lock', 'logs', 'outputs'].sort(),
    );
    expect(run.journal.counts).toMatchObject({ events: 1, writes: 1, syncs: 1 });
    expect(readdirSync(state.open)).toEqual([ID]);
    expect(wideModes(state.root)).toEqual([]);
    expect((await recordOf(run)).flow).toBe('sample');
    await run.close(null);
  });

  it('does not touch a run that has the id already', async () => {
    const { state, journal } = await crashedRun();
    const before = readFileSync(journal);
    const [started] = numbered([startedBody()]);
    if (started?.type !== 'run.started') throw new Error('no first event');
    const again = await createRun(state, { id: ID, definition: definition(), started, version: '0' });
    expect(expectError(again)).toEqual({ kind: 'id_taken' });
    expect(readFileSync(journal)).toEqual(before);
  });

  it('names the file when the disk is full, and leaves nothing that is listed', async () => {
    const state = await freshState();
    const [started] = numbered([startedBody()]);
    if (started?.type !== 'run.started') throw new Error('no first event');
    const full = Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' });
    const operations = {
      write: (_f: number, _b: Uint8Array, _o: number, _l: number, settled: (e: Error | null, n: number) => void) =>
        settled(full, 0),
      sync: () => undefined,
    };
    const made = await createRun(state, { id: ID, definition: definition(), started, version: '0', operations });
    expect(expectError(made)).toMatchObject({ kind: 'io', code: 'ENOSPC', file: expect.stringContaining('journal') });
    expect(await rows(state)).toEqual([]);
    expect(expectError(await openForResume(state, PLACE))).toMatchObject({ kind: 'not_resumable' });
  });
});

describe('resuming', () => {
  it('goes on with the sequence, and gives the record and the definition', async () => {
    const { state, journal } = await crashedRun();
    const run = expectOk(await openForResume(state, PLACE));
    expect(run).toMatchObject({ torn: null, record: { seq: 3 }, frozen: { revision: 1, definition: definition() } });
    await run.journal.append(numbered(wholeRun().slice(3), 4));
    expect(await run.close(await recordOf(run))).toBeNull();
    expect(readFileSync(journal, 'utf8').trimEnd().split('\n')).toHaveLength(9);
    expect(readdirSync(state.open)).toEqual([]);
    expect((await rows(state)).map(({ state: shown }) => shown)).toEqual(['succeeded']);
  });

  it('is refused while the run has an owner', async () => {
    const state = await freshState();
    const run = await startRun(state, ID);
    const problem = expectError(await openForResume(state, PLACE));
    expect(problem).toMatchObject({ kind: 'busy', run: ID, owner: { pid: process.pid } });
    await run.close(null);
    await expectOk(await openForResume(state, PLACE)).close(null);
  });

  it('marks an ended run as open again until it ends anew', async () => {
    const state = await freshState();
    await finishRun(state, ID, { state: 'failed' });
    expect(readdirSync(state.open)).toEqual([]);
    const run = expectOk(await openForResume(state, PLACE));
    expect(readdirSync(state.open)).toEqual([ID]);
    await run.close(null);
  });

  it('case 21: cuts a torn tail at every byte of the last record, keeps it, and loses nothing else', async () => {
    const { state, journal } = await crashedRun();
    const whole = readFileSync(journal);
    const last = whole.subarray(0, -1).lastIndexOf(10) + 1;
    for (let length = last + 1; length < whole.length; length += 9) {
      writeFileSync(journal, whole.subarray(0, length));
      const run = expectOk(await openForResume(state, PLACE));
      expect(run.torn).toMatchObject({ offset: last, bytes: length - last });
      expect(readFileSync(run.torn?.kept ?? '')).toEqual(whole.subarray(last, length));
      expect(run.record.seq).toBe(2);
      expect(statSync(journal).size).toBe(last);
      await run.close(null);
    }
  });

  it('case 22: refuses a flipped bit in a middle record with its place, and touches nothing', async () => {
    const { state, journal } = await crashedRun();
    const bytes = readFileSync(journal);
    const second = bytes.indexOf(10, bytes.indexOf(10) + 1) + 1;
    bytes[second + 20] = (bytes[second + 20] ?? 0) ^ 1;
    writeFileSync(journal, bytes);
    const damaged = { kind: 'damaged', file: journal, offset: second };
    expect(expectError(await openForResume(state, PLACE))).toMatchObject(damaged);
    expect(readFileSync(journal)).toEqual(bytes);
    const [row] = await rows(state);
    expect(row).toMatchObject({ id: ID, flow: 'sample', problem: { code: 'state-corrupt', offset: second } });
    expect(expectOk(await readRun(state, PLACE))).toMatchObject({ problem: damaged, record: { seq: 1 } });
  });

  it('case 23: zeros are a torn tail; an empty journal never started; a missing one or a folder is damage', async () => {
    const { state, journal } = await crashedRun();
    const whole = readFileSync(journal);
    writeFileSync(journal, Buffer.concat([whole, Buffer.alloc(5_000)]));
    const run = expectOk(await openForResume(state, PLACE));
    expect(run.torn).toMatchObject({ bytes: 5_000 });
    expect(readFileSync(journal)).toEqual(whole);
    await run.close(null);

    truncateSync(journal, 0);
    expect(expectError(await openForResume(state, PLACE))).toMatchObject({ kind: 'not_resumable' });
    expect(await rows(state)).toEqual([]);
    unlinkSync(journal);
    expect(expectError(await openForResume(state, PLACE))).toMatchObject({ kind: 'damaged', file: journal });
    writeFileSync(runLayout(state, PLACE).snapshot, '{}');
    expect(await rows(state)).toMatchObject([
      { problem: { code: 'state-corrupt', message: 'the journal is missing' } },
    ]);
    mkdirSync(journal);
    expect(expectError(await openForResume(state, PLACE))).toMatchObject({
      kind: 'damaged',
      message: 'is a directory',
    });
    expect(await rows(state)).toMatchObject([{ problem: { message: 'is a directory' } }]);
  });

  it('refuses a run whose definition is lost or changed', async () => {
    const { state } = await crashedRun();
    const path = join(runLayout(state, PLACE).directory, 'flow.json');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('"sample"', '"simple"'));
    expect(expectError(await openForResume(state, PLACE))).toMatchObject({ kind: 'damaged', file: path });
    unlinkSync(path);
    expect(expectError(await openForResume(state, PLACE))).toMatchObject({ kind: 'damaged', file: path });
    expect(expectOk(await readRun(state, PLACE))).toMatchObject({ problem: null, frozen: { ok: false } });
  });

  it('takes the definition of the revision in force', async () => {
    const { state } = await crashedRun();
    const first = expectOk(await openForResume(state, PLACE));
    await writeDefinition(first.layout, { revision: 2, flow_hash: FLOW_HASH, definition: definition('edited') });
    const { settings, steps } = startedBody();
    const by = { kind: 'user', name: 'u', host: 'h' } as const;
    const resumed = {
      type: 'run.resumed',
      by,
      revision: 2,
      flow_hash: FLOW_HASH,
      settings,
      params: {},
      steps,
      reset: [],
    } as const;
    await first.journal.append(numbered([resumed], 4));
    await first.close(null);
    const second = expectOk(await openForResume(state, PLACE));
    expect(second.frozen).toMatchObject({ revision: 2, definition: { name: 'edited' } });
    await second.close(null);
  });

  it('removes what a dead writer had not finished, and nothing else', async () => {
    const { state } = await crashedRun();
    const { directory, outputs, logs } = runLayout(state, PLACE);
    mkdirSync(logs, { recursive: true });
    const strays = [join(directory, '.run.json.0123456789abcdef.tmp'), join(outputs, '.x.0123456789abcdef.tmp')];
    strays.push(join(outputs, 'a.1.script'), join(logs, 'a.1.log.1.pipe'), join(logs, 'a.1.log.2.pipe'));
    const kept = [join(directory, 'notes.tmp'), join(outputs, 'x'), join(logs, 'a.1.log')];
    for (const path of [...strays, ...kept]) writeFileSync(path, '');
    await expectOk(await openForResume(state, PLACE)).close(null);
    expect(strays.filter((path) => existsSync(path))).toEqual([]);
    expect(kept.filter((path) => !existsSync(path))).toEqual([]);
  });

  it('refuses a snapshot that knows more than the journal: acknowledged records are lost', async () => {
    const { state, journal } = await crashedRun();
    const { snapshot } = runLayout(state, PLACE);
    writeFileSync(snapshot, '{"seq":3,"id":"x"}');
    await expectOk(await openForResume(state, PLACE)).close(null);
    writeFileSync(snapshot, '{"seq":4,"id":"x"}');
    expect(expectError(await openForResume(state, PLACE))).toMatchObject({ kind: 'damaged', file: journal });
    // The one record whose torn rest is there is a torn tail as any other.
    const whole = readFileSync(journal);
    writeFileSync(snapshot, '{"seq":3,"id":"x"}');
    writeFileSync(journal, whole.subarray(0, -9));
    const run = expectOk(await openForResume(state, PLACE));
    expect(run.torn).not.toBeNull();
    await run.close(null);
    await expectOk(await openForResume(state, PLACE)).close(null);
  });

  it('tells a run whose every record is gone from one that never began', async () => {
    const { state, journal } = await crashedRun();
    writeFileSync(journal, Buffer.alloc(500));
    expect(await rows(state)).toEqual([]);
    writeFileSync(join(runLayout(state, PLACE).logs, 'a.1.log'), '');
    expect(await rows(state)).toMatchObject([{ problem: { code: 'state-corrupt' } }]);
    expect(expectError(await openForResume(state, PLACE))).toMatchObject({ kind: 'damaged', file: journal });
  });

  it('refuses another major format by name, with 4', async () => {
    const { state, journal } = await crashedRun();
    const { sealLine } = await import('../../src/store/sealed-line.ts');
    writeFileSync(journal, sealLine(`{"journal":"2.0","run":"${ID}","flow_hash":"x","flowctl":"9.0.0"}`));
    expect(expectError(await openForResume(state, PLACE))).toMatchObject({
      kind: 'not_resumable',
      message: 'its journal has format 2.0',
    });
    expect(await rows(state)).toMatchObject([{ id: ID, problem: { message: expect.stringContaining('2.0') } }]);
  });

  it('refuses records that the fold refuses, although their checksums are right', async () => {
    const state = await freshState();
    const run = await startRun(state, ID);
    await run.journal.append(numbered(wholeRun().slice(2, 3), 2));
    await run.close(null);
    expect(expectError(await openForResume(state, PLACE))).toMatchObject({ kind: 'damaged' });
  });
});

describe('reading a run', () => {
  it('whose owner ends between the look at its journal and the look at its lock shows its end, no crash', async () => {
    const state = await freshState();
    const run = await startRun(state, ID);
    const isLive = async () => {
      await run.journal.append(numbered(wholeRun().slice(1), 2));
      await run.close(await recordOf(run));
      return false;
    };
    const { reading, live } = await readWithLiveness(state, PLACE, { isLive });
    expect(rowOf(reading, live, NOW).state).toBe('succeeded');
  });
});

describe('naming a run', () => {
  it('takes ids, unique beginnings and `last`', async () => {
    const state = await freshState();
    for (const number of [1, 2, 13]) await finishRun(state, runId(number), {}, Date.UTC(2026, 0, number));
    const found = async (text: string) => expectOk(await resolveRun(state, text)).id;
    expect(await found(runId(2))).toBe(runId(2));
    expect(await found(runId(2).toUpperCase())).toBe(runId(2));
    expect(await found(runId(13).slice(0, -1))).toBe(runId(13));
    expect(await found('last')).toBe(runId(13));
    expect(expectError(await resolveRun(state, '01j'))).toEqual({
      kind: 'ambiguous',
      text: '01j',
      candidates: [runId(13), runId(2), runId(1)],
    });
  });

  it('finds sub-runs below their root', async () => {
    const { state } = await crashedRun();
    const child = runLayout(state, { id: runId(7), root: ID });
    mkdirSync(child.directory, { recursive: true });
    expect(expectOk(await resolveRun(state, runId(7)))).toEqual({ id: runId(7), root: ID });
    expect(child.lock).toBe(runLayout(state, PLACE).lock);
  });

  it('tells what exists from what cannot be an id', async () => {
    const { state } = await crashedRun();
    for (const text of ['zzz', '02', runId(9), 'load', `${ID}0`]) {
      expect(expectError(await resolveRun(state, text)).kind).toBe('not_found');
    }
    for (const text of ['', '../x', 'a/b', '..', '%2e%2e%2f', 'a\0', 'x'.repeat(10_000), '-x', ' 01']) {
      expect(expectError(await resolveRun(state, text)).kind).toBe('invalid_id');
    }
  });

  it('without any run is not found, and makes nothing', async () => {
    const state = await freshState();
    rmSync(state.root, { recursive: true });
    expect(expectError(await resolveRun(state, 'last')).kind).toBe('not_found');
    expect(expectError(await resolveRun(state, '01')).kind).toBe('not_found');
    expect(expectOk(await latestUnfinished(state, NOW))).toBeNull();
    expect(existsSync(state.root)).toBe(false);
  });

  it('picks the newest unfinished run, of one flow where asked', async () => {
    const state = await freshState();
    await finishRun(state, runId(1), { state: 'failed', flow: 'one' });
    await finishRun(state, runId(2), { state: 'failed', flow: 'two' });
    await finishRun(state, runId(3), { flow: 'one' });
    expect(expectOk(await latestUnfinished(state, NOW))).toMatchObject({ id: runId(2) });
    expect(expectOk(await latestUnfinished(state, NOW, 'one'))).toMatchObject({ id: runId(1) });
    expect(expectOk(await latestUnfinished(state, NOW, 'three'))).toBeNull();
  });
});

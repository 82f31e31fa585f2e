import { existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StepId, StepKey } from '../../src/base/ids.ts';
import { isJsonObject, type Json, type JsonObject } from '../../src/base/json.ts';
import type { Clock } from '../../src/engine/ports.ts';
import { applyEvent, beginRun } from '../../src/model/fold.ts';
import { addStep } from '../../src/model/steps.ts';
import { runDetail } from '../../src/model/view.ts';
import { openDocument } from '../../src/store/documents.ts';
import { runLayout, type RunLayout, runPaths } from '../../src/store/layout.ts';
import { runOutputs } from '../../src/store/outputs.ts';
import { type SnapshotDocument, SnapshotWriter } from '../../src/store/snapshot.ts';
import { buildProgram, runProgram } from './child.ts';
import {
  expectError,
  expectOk,
  finishRun,
  freshState,
  numbered,
  runId,
  startRun,
  temporaryFolder,
  wholeRun,
} from './fixture.ts';

const asObject = (value: unknown): JsonObject | null => (isJsonObject(value) ? value : null);
const open = (path: string) => openDocument<JsonObject>(path, asObject, { fresh: true });
const freshFile = () => join(temporaryFolder(), 'db.json');

describe('a document', () => {
  it('that is missing is the default, and is not written by reading it', async () => {
    const path = freshFile();
    expect(expectOk(await open(path)).data).toEqual({ fresh: true });
    expect(existsSync(path)).toBe(false);
  });

  it('comes back as it was written, private, with nothing beside it', async () => {
    const path = freshFile();
    const document = expectOk(await open(path));
    await document.update((data) => Object.assign(data, { city: 'Zürich' }));
    expect(expectOk(await open(path)).data).toEqual({ fresh: true, city: 'Zürich' });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(path, '..'))).toEqual(['db.json']);
  });

  it.each(['null', '0', '""', '{', '', '\ufeff{}', '[]', 'false', '{}{}'])(
    'case 24: that holds `%s` is damaged, and never replaced by the default',
    async (text) => {
      const path = freshFile();
      writeFileSync(path, text);
      expect(expectError(await open(path))).toMatchObject({ kind: 'damaged', file: path });
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );

  it('case 25: is written under NODE_ENV=test as well', async () => {
    expect(process.env['NODE_ENV']).toBe('test');
    const path = freshFile();
    await expectOk(await open(path)).write();
    expect(readFileSync(path, 'utf8')).toBe('{"fresh":true}\n');
  });

  it('replaces a link, and leaves what it led to', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'db.json');
    const other = expectOk(await open(join(folder, 'other.json')));
    writeFileSync(join(folder, 'victim'), '{}');
    symlinkSync(join(folder, 'victim'), path);
    expect(expectError(await open(path))).toMatchObject({ kind: 'damaged', message: 'is a symbolic link' });
    await other.write();
    expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('{}');
  });

  it('is whole at every look while many processes write it', async () => {
    const path = freshFile();
    const program = await buildProgram(`
      import { openDocument } from 'store/documents.ts';
      const [path = '', name = ''] = process.argv.slice(2);
      const document = await openDocument(path, (value) => value as object, {});
      for (let n = 0; document.ok && n < 60; n += 1) {
        document.value.data = { name, text: name.repeat(5_000) };
        await document.value.write();
      }
      console.log('done');
    `);
    const children = ['a', 'b', 'c'].map((name) => runProgram(program, [path, name]));
    const done = Promise.all(children.map((child) => child.ended));
    let looking = true;
    void done.then(() => (looking = false));
    let looks = 0;
    while (looking) {
      const { data } = expectOk(await open(path));
      if (data['fresh'] === undefined) expect(data['text']).toBe(String(data['name']).repeat(5_000));
      looks += 1;
    }
    expect(await done).toEqual([0, 0, 0]);
    expect(looks).toBeGreaterThan(10);
    expect(readdirSync(join(path, '..'))).toEqual(['db.json']);
  });
});

describe('outputs', () => {
  const outputsOf = async () => {
    const state = await freshState();
    const run = await startRun(state, runId(1));
    await run.close(null);
    return run;
  };

  it('up to 64 KiB of JSON are inline, above that in a file named by its hash', async () => {
    const { outputs, layout } = await outputsOf();
    const largest = 'x'.repeat(65_534);
    expect(await outputs.store(largest)).toEqual({ kind: 'inline', value: largest });
    const ref = await outputs.store(`${largest}y`);
    expect(ref).toMatchObject({ kind: 'stored', bytes: 65_537 });
    expect(readdirSync(layout.outputs)).toEqual([ref.kind === 'stored' ? ref.hash : '']);
    expect(await outputs.read(ref)).toBe(`${largest}y`);
    expect(await outputs.store('é'.repeat(40_000))).toMatchObject({ kind: 'stored', bytes: 80_002 });
  });

  it('come back as JSON gives them back, the first time too', async () => {
    const { outputs } = await outputsOf();
    const value = { zero: -0, when: new Date(0) as unknown as Json, gone: undefined as unknown as Json };
    expect(await outputs.read(await outputs.store(value))).toEqual({ zero: 0, when: '1970-01-01T00:00:00.000Z' });
  });

  it('that were changed or lost are damage; a hash that is none reaches no file', async () => {
    const { outputs, layout } = await outputsOf();
    const ref = await outputs.store('x'.repeat(70_000));
    if (ref.kind !== 'stored') throw new Error('expected a file');
    const path = join(layout.outputs, ref.hash);
    writeFileSync(path, readFileSync(path, 'utf8').replace('x', 'y'));
    await expect(outputs.read(ref)).rejects.toMatchObject({ exitCode: 65, problem: { file: path } });
    rmSync(path);
    await expect(outputs.read(ref)).rejects.toMatchObject({ exitCode: 65, problem: { file: path } });
    const forged = { ...ref, hash: '../flow.json' as typeof ref.hash };
    await expect(outputs.read(forged)).rejects.toMatchObject({ exitCode: 65 });
    rmSync(layout.outputs, { recursive: true });
    await expect(outputs.store('x'.repeat(70_000))).rejects.toMatchObject({ exitCode: 74 });
  });
});

/** A clock that only the test moves. */
function manualClock(): Clock & { advance(ms: number): void; nextDue(): number } {
  let now = 0;
  let waiting: { readonly at: number; readonly callback: () => void }[] = [];
  return {
    wall: () => Date.UTC(2026, 0, 1) + now,
    monotonic: () => now,
    after(delayMs, callback) {
      const entry = { at: now + delayMs, callback };
      waiting.push(entry);
      return () => (waiting = waiting.filter((other) => other !== entry));
    },
    nextDue: () => Math.min(...waiting.map(({ at }) => at)),
    advance(ms) {
      now += ms;
      const due = waiting.filter(({ at }) => at <= now);
      waiting = waiting.filter(({ at }) => at > now);
      for (const { callback } of due) callback();
    },
  };
}

describe('the snapshot', () => {
  /** A run that goes on, and what it is written with. */
  function goingOn(layout: RunLayout) {
    const [first, ...rest] = numbered(wholeRun());
    if (first?.type !== 'run.started') throw new Error('a run begins with its start');
    const record = beginRun(layout.place.id, first);
    const asked: (() => void)[] = [];
    const journal = { append: () => new Promise<void>((resolve) => asked.push(resolve)) };
    const clock = manualClock();
    const writer = new SnapshotWriter({ layout, journal, record }, clock);
    const fold = (count: number) => rest.splice(0, count).filter((event) => applyEvent(record, event) === null);
    return { record, asked, clock, writer, first, fold };
  }
  const seqOf = (layout: RunLayout) => (JSON.parse(readFileSync(layout.snapshot, 'utf8')) as { seq: number }).seq;
  const written = async (layout: RunLayout, expected: number) => {
    while (!existsSync(layout.snapshot) || seqOf(layout) !== expected) await new Promise(setImmediate);
  };

  it('is the document of the run with the last published seq, at most every 250 ms, and at the end', async () => {
    const state = await freshState();
    await finishRun(state, runId(1));
    const layout = runLayout(state, { id: runId(1), root: runId(1) });
    const { clock, writer, first, fold } = goingOn(layout);
    writer.publish([first]);
    expect(existsSync(layout.snapshot)).toBe(false);
    expect(clock.nextDue()).toBe(250);
    clock.advance(250);
    await written(layout, 1);
    for (const event of fold(5)) writer.publish([event]);
    expect(clock.nextDue()).toBe(500);
    clock.advance(250);
    await written(layout, 6);
    writer.publish(fold(9));
    expect(await writer.finish()).toBeNull();
    const document: unknown = JSON.parse(readFileSync(layout.snapshot, 'utf8'));
    const { readRunFolder } = await import('../../src/store/run-reading.ts');
    const { record } = await readRunFolder(layout);
    if (record === null) throw new Error('no record');
    const values = (ref: { readonly kind: string; readonly value?: Json }) => ref.value ?? null;
    expect(document).toEqual({ seq: 8, ...runDetail(record, { live: false, now: 0 }, runPaths(layout), values) });
    expect(readFileSync(layout.snapshot, 'utf8')).toMatch(/^\{"seq":8,/);
  });

  it('never knows what is not on disk: it waits for that, and for the next time where more has happened by then', async () => {
    const state = await freshState();
    const run = await startRun(state, runId(1));
    const { clock, writer, first, fold, asked } = goingOn(run.layout);
    writer.publish([first]);
    fold(1);
    clock.advance(250);
    await new Promise(setImmediate);
    expect(asked).toHaveLength(1);
    expect(existsSync(run.layout.snapshot)).toBe(false);
    asked[0]?.();
    await written(run.layout, 2);
    writer.publish(fold(1));
    fold(1);
    clock.advance(250);
    while (asked.length < 2) await new Promise(setImmediate);
    fold(1);
    asked[1]?.();
    // What is not published when a run ends was lost with its state.
    expect(await writer.finish()).toBeNull();
    expect(asked).toHaveLength(2);
    expect(seqOf(run.layout)).toBe(2);
    await run.close(null);
  });

  it('of a run of many steps holds those that a person may have to look at', async () => {
    const state = await freshState();
    const run = await startRun(state, runId(1));
    const { record, writer, first } = goingOn(run.layout);
    for (let index = 0; index < 3_000; index += 1) {
      const key = `map[${index}]` as StepKey;
      addStep(record, { id: 'map' as StepId, key, role: 'item', needs: [] });
      const added = record.steps.get(key);
      if (added === undefined) throw new Error('it was added');
      if (index % 1_000 === 7) added.phase = { kind: 'failed', tolerated: false, error: null };
      else if (index > 1_000) added.phase = { kind: 'succeeded', reused: false };
    }
    writer.publish([first]);
    expect(await writer.finish()).toBeNull();
    const document = JSON.parse(readFileSync(run.layout.snapshot, 'utf8')) as SnapshotDocument;
    expect(document.steps.map(({ key }) => key)).toEqual(['map[7]', 'map[1007]', 'map[2007]']);
    expect(document.steps_left_out).toBe(record.steps.size - 3);
    expect(document.counts).toMatchObject({ total: record.steps.size, failed: 3 });
    await run.close(null);
  });

  it('that cannot be written is said at the end, and hurts nothing', async () => {
    const state = await freshState();
    const run = await startRun(state, runId(1));
    const { writer, fold } = goingOn(run.layout);
    rmSync(run.layout.directory, { recursive: true });
    writer.publish(fold(9));
    expect(await writer.finish()).toMatchObject({ kind: 'io', code: 'ENOENT' });
    await run.close(null);
  });

  it('case 24: whatever it holds, the run is read from its journal', async () => {
    const { readRun } = await import('../../src/store/runs.ts');
    const state = await freshState();
    await finishRun(state, runId(1));
    const place = { id: runId(1), root: runId(1) };
    for (const text of ['null', '0', '""', '{', '', '\ufeff{"seq":99}', '{"seq":"x"}']) {
      writeFileSync(runLayout(state, place).snapshot, text);
      expect(expectOk(await readRun(state, place))).toMatchObject({ problem: null, record: { seq: 8 } });
    }
  });
});

it('outputs of a run are opened by its layout alone', async () => {
  const state = await freshState();
  await finishRun(state, runId(1));
  const outputs = runOutputs(runLayout(state, { id: runId(1), root: runId(1) }));
  expect(await outputs.read({ kind: 'inline', value: 1 })).toBe(1);
});

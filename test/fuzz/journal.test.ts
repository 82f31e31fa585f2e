/**
 * I7: whatever becomes of a journal's bytes, a reader gets the records that were written, a beginning of them with a torn tail, or
 * damage with its place; never another history, and never an exception.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { isKnownEventType } from '../../src/model/event-types.ts';
import { misfitOf } from '../../src/model/fit.ts';
import { foldRun } from '../../src/model/fold.ts';
import { runDetail, runRow } from '../../src/model/view.ts';
import { createStyle } from '../../src/cli/style.ts';
import { showText } from '../../src/cli/show-text.ts';
import { runLayout, runPaths, stateLayout } from '../../src/store/layout.ts';
import { readRunFolder } from '../../src/store/run-reading.ts';
import { RUN, resumeLife } from '../kit/world.ts';
import { runId } from '../store/sample-runs.ts';
import { damage, journalBytes, nonsense, type Recorded, recordedRuns } from './journals.ts';
import { again, casesOf, Random, SEED } from './random.ts';

// Many starts of the program, or many cases, beside other tests on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const folder = mkdtempSync(join(tmpdir(), 'flowctl-fuzz-'));
const layout = runLayout(stateLayout(folder), { id: RUN, root: RUN });
const OTHER = runId(9);
let runs: readonly Recorded[] = [];

beforeAll(async () => {
  runs = await recordedRuns();
  mkdirSync(layout.logs, { recursive: true });
  // A run that began has logs: what then has no record at all has lost them.
  writeFileSync(join(layout.logs, 'a.1.log'), 'x');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (bytes: Buffer) => {
  writeFileSync(layout.journal, bytes);
  return readRunFolder(layout);
};

it('the journals that are damaged are good ones', async () => {
  for (const { events } of runs) {
    expect(foldRun(RUN, events).problem).toBeNull();
    expect((await read(journalBytes(events))).problem).toBeNull();
  }
});

it('I7: damaged bytes give the same history, its beginning with a torn tail, or 65 with the place', async () => {
  const random = new Random(SEED);
  const counts = { same: 0, shorter: 0, torn: 0, damaged: 0, never: 0 };
  for (let number = 0; number < casesOf(500); number += 1) {
    const { events } = random.pick(runs);
    const bytes = journalBytes(events);
    const changed = damage(random, bytes, journalBytes(random.pick(runs).events, OTHER));
    const { record, problem, torn } = await read(changed.bytes);
    const what = again(changed.kind, number);
    if (problem !== null) {
      // Only a journal without a single record may be taken for one that never began.
      expect(['damaged', 'not_resumable'], what).toContain(problem.kind);
      if (problem.kind === 'not_resumable')
        expect(changed.bytes.length, what).toBeLessThan(bytes.indexOf(10, bytes.indexOf(10) + 1));
      counts[problem.kind === 'damaged' ? 'damaged' : 'never'] += 1;
      continue;
    }
    const kept = events.slice(0, record?.seq);
    const isHistory = record !== null && isDeepStrictEqual(record, foldRun(RUN, kept).run);
    expect(isHistory, `another history: ${what}`).toBe(true);
    if (torn === null) {
      // Nothing but good lines: all of it, or cut at the end of a line.
      expect(changed.bytes.equals(bytes.subarray(0, changed.bytes.length)), what).toBe(true);
      counts[kept.length === events.length ? 'same' : 'shorter'] += 1;
    } else counts.torn += 1;
  }
  // The campaign sees everything it judges.
  for (const count of Object.values({ ...counts, never: 1 })) expect(count, JSON.stringify(counts)).toBeGreaterThan(0);
});

it('I7: an event with a right checksum that could not have been is damage, or a run that can be shown and resumed', async () => {
  const random = new Random(SEED + 1);
  const counts = { damaged: 0, possible: 0 };
  for (let number = 0; number < casesOf(500); number += 1) {
    const { flow, events } = random.pick(runs);
    const { kind, events: changed } = nonsense(random, events, random.pick(runs).events);
    const { record, problem } = await read(journalBytes(changed));
    const what = again(kind, number);
    if (record !== null) {
      for (const live of [true, false]) {
        const context = { live, now: Date.UTC(2026, 0, 2) };
        runRow(record, context);
        const outputs = (ref: { readonly kind: string; readonly value?: unknown }) => (ref.value ?? null) as never;
        const detail = runDetail(record, context, runPaths(layout), outputs);
        expect(showText(detail, createStyle(false), true), what).not.toMatch(
          /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/,
        );
      }
    }
    if (problem !== null) {
      expect(problem.kind, what).toBe('damaged');
      counts.damaged += 1;
    } else if (record !== null && misfitOf(record, flow) !== null) {
      // As `resume` refuses it.
      counts.damaged += 1;
    } else if (changed.every(({ type }) => typeof type === 'string' && isKnownEventType(type))) {
      await resumeLife(flow, changed as never).catch((error: unknown) => {
        throw new Error(what, { cause: error });
      });
      counts.possible += 1;
    }
  }
  for (const count of Object.values(counts)) expect(count, JSON.stringify(counts)).toBeGreaterThan(0);
});

/** The main example, as the README's first line runs it, but with its results in a folder of the test. */

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import initSqlJs from 'sql.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunDetail, RunRow } from '../../src/model/view.ts';
import { eventually, GONE_MS, Rig, tagged } from '../kit/rig.ts';

const FLOW = resolve(import.meta.dirname, '../../examples/flights/flights.yaml');

describe('examples/flights', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
    results = ['-p', `database=${rig.path('flights.sqlite')}`, '-p', `report=${rig.path('report.md')}`];
    state = ['--state-dir', rig.path('.flowctl')];
  });
  let results: readonly string[];
  let state: readonly string[];

  afterEach(() => rig.remove());

  it('extracts, joins, aggregates, loads and reports real tables', async () => {
    const { code, stdout, stderr } = await rig.flowctl('run', FLOW, ...results, ...state);
    expect(code, stdout + stderr).toBe(0);
    const sql = await initSqlJs();
    const database = new sql.Database(readFileSync(rig.path('flights.sqlite')));
    const count = (table: string) => database.exec(`select count(*) from ${table}`)[0]?.values[0]?.[0];
    expect(count('flight')).toBe(20_000);
    expect(count('airport')).toBeGreaterThan(3_000);
    database.close();
    expect(rig.read('report.md')).toContain('# ');
    const run = await rig.query<RunDetail>('show', ...state);
    expect(run.steps.every(({ state: step }) => step === 'succeeded')).toBe(true);
    expect(run.outputs).toMatchObject({ flights: 20_000 });
    const { stdout: log } = await rig.flowctl('logs', 'report', ...state);
    expect(log).toContain(rig.read('report.md').split('\n')[0] ?? 'nothing');
  });

  it('killed in the middle: shown as crashed within a second, nothing left after six, resumed without running a success again', async () => {
    const started = rig.start(['run', FLOW, ...results, ...state, '--output', 'json']);
    await started.prints(/"attempt\.finished","time":"[^"]*","run":"[^"]*","seq":\d+,"step":"join"/);
    started.process.kill('SIGKILL');
    await started.ended;
    let row: RunRow | undefined;
    await eventually('the run is shown as crashed', GONE_MS, async () => {
      [row] = await rig.query<RunRow[]>('runs', ...state);
      return row?.state === 'crashed';
    });
    const id = row?.id ?? '';
    await eventually('nothing of the run is left', GONE_MS, () => tagged(id).length === 0);
    const before = await rig.query<RunDetail>('show', ...state);
    const done = before.steps.filter((step) => step.state === 'succeeded').map(({ key }) => key);
    expect(done).toContain('join');
    const { code, stdout, stderr } = await rig.flowctl('resume', ...state);
    expect(code, stdout + stderr).toBe(0);
    const after = await rig.query<RunDetail>('show', ...state);
    expect(after.state).toBe('succeeded');
    for (const key of done) {
      const attempts = after.steps.find((step) => step.key === key)?.attempts ?? [];
      expect(attempts.filter(({ outcome }) => outcome === 'succeeded')).toHaveLength(1);
      expect(attempts.length, key).toBe(before.steps.find((step) => step.key === key)?.attempts.length);
    }
    expect(existsSync(rig.path('report.md'))).toBe(true);
  });
});

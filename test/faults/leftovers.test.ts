/** What a crash, or another program, left beside the runs: it is shown as what it is, and is in nobody's way. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun } from '../kit/flows.ts';

const here = useCase();

it('markers of runs that ended, never began, were deleted, or have no such name: no run is shown as open, nothing is refused', async () => {
  const { rig } = here;
  rig.write('flow.yaml', chain());
  expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
  const ended = await onlyRun(rig);
  const mark = (name: string): void => writeFileSync(rig.path('.flowctl', 'open', name), '', { mode: 0o600 });
  mark(ended.id);
  // Its creation was cut short: a folder without a journal.
  mkdirSync(rig.path('.flowctl', 'runs', '01aaaaaaaaaaaaaaaaaaaaaaaa'), { mode: 0o700 });
  for (const name of ['01aaaaaaaaaaaaaaaaaaaaaaaa', '01bbbbbbbbbbbbbbbbbbbbbbbb', 'no run at all', '.hidden'])
    mark(name);
  const states = async (): Promise<readonly string[]> =>
    (await rig.query<RunRow[]>('runs')).map(({ id, state, problem }) => `${id} ${state}${problem ? ' problem' : ''}`);
  expect(await states()).toEqual([`${ended.id} succeeded`]);
  rmSync(rig.path('.flowctl', 'index.ndjson'));
  expect(await states()).toEqual([`${ended.id} succeeded`]);
  const resumed = await rig.flowctl('resume');
  expect([resumed.code, resumed.stderr.trim()]).toEqual([0, 'no run is unfinished: nothing to do']);
  expect((await rig.flowctl('resume', ended.id)).code).toBe(0);
  expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
  expect(await rig.query('runs')).toHaveLength(2);
  expect((await rig.flowctl('show', ended.id)).code).toBe(0);
  expect((await rig.flowctl('logs', ended.id)).code).toBe(0);
});

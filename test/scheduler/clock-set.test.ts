/** A real scheduler whose wall clock is set forward and back over a change of the clocks, and that is stopped for a while. */

import { renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import type { Deployment } from '../../src/model/deployment.ts';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { eventually } from '../kit/rig.ts';

const here = useCase();
const SHIM = resolve(import.meta.dirname, '../kit/shifted-clock.cjs');

it('case 49: what was run is not run again, what was missed is told, and what comes is run, however the clock is set', async () => {
  const { rig } = here;
  const file = rig.path('clock');
  // Replaced as a whole: who reads it finds a number.
  const set = (time: string): void => {
    writeFileSync(`${file}.new`, String(Date.parse(time) - Date.now()));
    renameSync(`${file}.new`, file);
  };
  const flow = `name: hourly
schedules: [{ cron: "0 * * * *", timezone: America/New_York, overlap: allow }]
steps: { a: { run: 'echo "$FLOWCTL_RUN_ID" >> "$EFFECTS"' } }\n`;
  rig.write('flow.yaml', flow);
  // New York's clocks go from 01:59 to 03:00 at 07:00 UTC.
  set('2027-03-14T06:59:50Z');
  rig.give({ NODE_OPTIONS: `--require ${SHIM}`, SHIFTED_CLOCK: file });
  const serving = rig.start(['serve', 'flow.yaml']);
  await serving.prints('looking at the schedules');
  set('2027-03-14T06:59:59Z');
  await serving.prints(/run \S+ for 2027-03-14T07:00:00/);

  // As after a sleep of hours: the last one is on time, the others are told.
  set('2027-03-14T10:05:00Z');
  await serving.prints('missed 2 from 2027-03-14T08:00:00.000Z to 2027-03-14T09:00:00.000Z');
  await serving.prints(/run \S+ for 2027-03-14T10:00:00/);

  set('2027-03-14T06:05:00Z');
  const decided = async (): Promise<string | undefined> =>
    (await rig.query<Deployment>('deployments', 'hourly')).decided_until[0];
  await eventually(
    'it goes on from where the clock is',
    20_000,
    async () => (await decided())?.startsWith('2027-03-14T06:05') === true,
  );
  set('2027-03-14T06:59:59Z');
  await eventually(
    'the hour that had its run is decided',
    20_000,
    async () => (await decided()) === '2027-03-14T07:00:00.000Z',
  );
  // Stopped over the next hour, it is late and does it once.
  serving.process.kill('SIGSTOP');
  set('2027-03-14T08:00:03Z');
  serving.process.kill('SIGCONT');
  await serving.prints(/run \S+ for 2027-03-14T08:00:00/);
  serving.process.kill('SIGTERM');
  expect((await serving.ended).code).toBe(0);
  await eventually('its runs are over', 20_000, async () =>
    (await rig.query<RunRow[]>('runs')).every(({ state }) => state === 'succeeded'),
  );
  const rows = await rig.query<RunRow[]>('runs');
  expect(rows.map((row) => row.scheduled_for?.slice(11, 16)).sort()).toEqual(['07:00', '08:00', '10:00']);
  expect(rig.effects()).toHaveLength(3);
});

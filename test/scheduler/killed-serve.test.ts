/** Real schedulers that are killed with SIGKILL while they claim, start and record runs: no instant twice, none lost. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Deployment, ProjectDocument } from '../../src/model/deployment.ts';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { eventually, type Started } from '../kit/rig.ts';
import { between, seeded } from '../kit/seeded.ts';

const here = useCase();
const SEED = Number(process.env['SCHEDULER_SEED'] ?? 1);
const KILLS = Number(process.env['SCHEDULER_KILLS'] ?? 4);

const deployment = (): Deployment => {
  const document = JSON.parse(readFileSync(here.rig.path('.flowctl/db.json'), 'utf8')) as ProjectDocument;
  const found = document.deployments['secondly'];
  if (found === undefined) throw new Error('not deployed');
  return found;
};

it(`two at a time, the one that looks is killed: every second has one run (SCHEDULER_SEED=${SEED})`, async () => {
  const { rig } = here;
  here.mayLeaveStrays();
  const draw = seeded(SEED);
  const schedule = '{ interval: 1s, overlap: allow, catch_up: all }';
  const run = 'echo "$FLOWCTL_RUN_ID" >> "$EFFECTS"';
  rig.write('flow.yaml', `name: secondly\nschedules: [${schedule}]\nsteps: { say: { run: '${run}' } }\n`);
  expect((await rig.flowctl('deploy', 'flow.yaml')).code).toBe(0);
  const begin = Date.parse(deployment().decided_until[0] ?? '');
  const start = async (): Promise<Started> => {
    const started = rig.start(['serve']);
    await started.prints(/looking at|standing by/);
    return started;
  };
  let [active, other] = [await start(), await start()];
  for (let kill = 0; kill < KILLS; kill += 1) {
    await eventually('a run is claimed', 20_000, () => deployment().claims.length > 0);
    // From right behind the claim to where its run is recorded.
    await new Promise((resolve) => setTimeout(resolve, between(draw, 0, 250)));
    active.process.kill('SIGKILL');
    await active.ended;
    // Who stood by takes over within seconds; the new one is started when that is known.
    await other.prints('looking at the schedules');
    [active, other] = [other, await start()];
  }
  for (const each of [other, active]) each.process.kill('SIGTERM');
  expect((await Promise.all([active.ended, other.ended])).map(({ code }) => code)).toEqual([0, 0]);
  expect((await rig.flowctl('pause', 'secondly')).code).toBe(0);
  await eventually('what was claimed is started', 20_000, async () => {
    await rig.flowctl('tick');
    return deployment().claims.length === 0;
  });
  await eventually('the runs are over', 30_000, async () =>
    (await rig.query<RunRow[]>('runs', '--limit', '1000')).every(({ state }) => state === 'succeeded'),
  );
  const rows = await rig.query<RunRow[]>('runs', '--limit', '1000');
  const { decided_until, queue, ticks } = deployment();
  const last = Date.parse(decided_until[0] ?? '');
  const expected: number[] = [];
  for (let instant = Math.floor(begin / 1_000) * 1_000 + 1_000; instant <= last; instant += 1_000)
    expected.push(instant);
  expect(queue).toEqual([]);
  // What waited when it was paused is not run, and told.
  const waiting = ticks.flatMap((tick) => (tick.outcome === 'missed' ? [Date.parse(tick.scheduled_for)] : []));
  const started = rows.map(({ scheduled_for }) => Date.parse(scheduled_for ?? ''));
  expect([...started, ...waiting].sort((one, two) => one - two)).toEqual(expected);
  expect([...rig.effects()].sort()).toEqual(rows.map(({ id }) => id).sort());
}, 120_000);

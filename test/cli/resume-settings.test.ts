/** What a resume keeps of the settings of a run, and what it takes over. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { RunEvent, RunSettings } from '../../src/model/event.ts';
import { useCase } from '../kit/case.ts';
import { journalOf, onlyRun } from '../kit/flows.ts';

const here = useCase();

const FLOW = `
name: settings
steps:
  a: { run: 'test -e ok' }
  b: { run: 'true' }
`;

const settingsAfter = (): readonly RunSettings[] => {
  const events = readFileSync(journalOf(here.rig), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as RunEvent);
  return events.flatMap((event) =>
    event.type === 'run.started' || event.type === 'run.resumed' ? [event.settings] : [],
  );
};

it('keeps flags and durability of the run; flags of the resume and edits of the flow are taken over', async () => {
  const { rig } = here;
  rig.write('flow.yaml', FLOW);
  const started = rig.start(['run', 'flow.yaml', '--max-parallel', '2', '--fail-fast'], {
    env: { FLOWCTL_DURABILITY: 'process' },
  });
  expect((await started.ended).code).toBe(1);
  expect((await rig.flowctl('resume')).code).toBe(1);
  expect((await rig.flowctl('resume', '--max-parallel', '3')).code).toBe(1);
  rig.write('flow.yaml', FLOW.replace('steps:', 'max_parallel: 7\nfail_fast: false\nsteps:'));
  expect((await rig.flowctl('resume')).code).toBe(1);
  const all = settingsAfter();
  expect(all.map(({ max_parallel }) => max_parallel)).toEqual([2, 2, 3, 7]);
  expect(all.map(({ fail_fast }) => fail_fast)).toEqual([true, true, true, true]);
  expect(all.map(({ durability }) => durability)).toEqual(['process', 'process', 'process', 'process']);
});

it('gives a param that was added its default, and refuses one that has none (2)', async () => {
  const { rig } = here;
  rig.write('flow.yaml', FLOW);
  await rig.flowctl('run', 'flow.yaml');
  rig.write('flow.yaml', FLOW.replace('steps:', 'params: { n: { type: integer } }\nsteps:'));
  const refused = await rig.flowctl('resume');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('`n`');
  rig.write('ok', '');
  rig.write('flow.yaml', FLOW.replace('steps:', 'params: { n: 4 }\nsteps:'));
  const { code, stderr } = await rig.flowctl('resume');
  expect(code, stderr).toBe(0);
  expect((await onlyRun(rig)).params).toEqual({ n: 4 });
});

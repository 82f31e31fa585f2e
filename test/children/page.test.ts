/** docs/sub-flows.md: what it shows runs as it says. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { shown, stepOf } from '../kit/flows.ts';

const here = useCase();
const page = readFileSync(resolve(import.meta.dirname, '../../docs/sub-flows.md'), 'utf8');

it('runs the flows of the page, and finds what it names', async () => {
  const { rig } = here;
  const blocks = [...page.matchAll(/```yaml\n# (\S+\.yaml)\n([\s\S]*?)```/g)];
  expect(blocks.map(([, name]) => name)).toEqual(['city.yaml', 'report.yaml']);
  for (const [, name = '', text = ''] of blocks) rig.write(name, text);
  const run = await rig.flowctl('run', 'report.yaml');
  expect(run.code, run.stdout + run.stderr).toBe(0);
  const detail = await shown(rig);
  const cities = ['Rome', 'Bonn'].map((city) => ({ city, rain: '4' }));
  expect(detail.outputs).toEqual({ rain: '4', cities });
  for (const [key] of page.matchAll(/(?<=`)(?:home|all\[Rome\])\/\w+(?=`)/g))
    expect(stepOf(detail, key).state).toBe('succeeded');
  expect((await rig.flowctl('logs', 'all[Rome]/check')).stdout).toBe('Rome had 4 mm\n');
  expect((await rig.flowctl('logs', 'home')).stdout).toContain('Oslo had 4 mm\n');
  expect((await rig.flowctl('runs', '--all')).stdout.split('\n')).toHaveLength(6);
  const again = await rig.flowctl('resume', 'last', '--from', 'home/check');
  expect(again.code, again.stdout + again.stderr).toBe(0);
  expect(stepOf(await shown(rig), 'home/fetch').attempts).toHaveLength(1);
});

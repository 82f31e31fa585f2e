/** `run --dry-run` of steps that are more than one command. */

import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';

const here = useCase();

it('says what each step is', async () => {
  const { rig } = here;
  rig.write('inner.yaml', 'steps:\n  one: { run: "true" }\n');
  rig.write(
    'flow.yaml',
    [
      'steps:',
      '  first: { foreach: [1, 2], run: "true" }',
      '  second: { needs: first, foreach: "${{ steps.first.outputs }}", flow: ./inner.yaml }',
      '  third: { needs: second, matrix: { os: [a] }, run: "true" }',
      '  group: { needs: third, steps: { inside: { run: "true" } } }',
      '  again: { needs: group, repeat: { until: exit_code == 0 }, run: "true" }',
      '  nap: { needs: again, wait: 1s }',
      '  gate: { needs: nap, if: always(), approve: { message: go on? } }',
      '',
    ].join('\n'),
  );
  const { code, stdout } = await rig.flowctl('run', 'flow.yaml', '--dry-run');
  expect(code).toBe(0);
  expect(stdout.split('\n').map((line) => line.replace(/ {2,}/g, '  '))).toEqual([
    'flow',
    'first  runs  for each of 2 items; needs nothing',
    'second  runs  for each item of a list; the flow inner.yaml; needs first',
    'third  runs  for each combination of a matrix; needs second',
    'group  runs  a group of 1 step; needs third',
    'again  runs  repeated until exit_code == 0; needs group',
    'nap  runs  waits; needs again',
    'gate  runs  asks a person; needs nap; if always()',
    '',
  ]);
  expect(existsSync(rig.path('.flowctl'))).toBe(false);
});

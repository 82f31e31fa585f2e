/** What the plain view says of maps, groups, iterations, handlers and people. */

import { expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';

const here = useCase();

it('says when something with parts begins, and how a person can answer', async () => {
  const { rig } = here;
  rig.write(
    'flow.yaml',
    [
      'steps:',
      '  map: { foreach: [1, 2], run: "true" }',
      '  none: { needs: map, foreach: "${{ split(\'\', \',\') }}", run: "true" }',
      '  group: { needs: none, steps: { inside: { run: "true" } } }',
      '  again: { needs: group, repeat: { until: outputs.n == 2, max: 3 }, run: echo n=$FLOWCTL_ATTEMPT >> $FLOWCTL_OUTPUT }',
      '  gate: { needs: again, approve: { message: "go on?" } }',
      'finally: [{ run: "true" }]',
      '',
    ].join('\n'),
  );
  const left = await rig.flowctl('run', 'flow.yaml', '--no-wait');
  expect(left, left.stderr).toMatchObject({ code: 6 });
  expect(left.stdout).toContain(' map started, 2 items\n');
  expect(left.stdout).toContain(' group started, 1 step\n');
  expect(left.stdout).toMatch(/ again finished an iteration after .*\n(?:.*\n)?.* again goes on with iteration 2\n/);
  const [run = ''] = rig.runIds();
  expect(left.stdout).toContain(` gate waits for an answer: go on? (flowctl approve ${run} gate)\n`);
  expect(left.stdout).toContain(` run ${run} is left waiting\n`);
  const ended = await rig.flowctl('approve', 'last', 'gate', '--reject', '--comment', 'not yet');
  expect(ended.code).toBe(1);
  expect(ended.stdout).toMatch(/ gate rejected by .* on .*: not yet\n/);
  expect(ended.stdout).toContain(' finally begins\n');
});

it('tells of tries of the run', async () => {
  const { rig } = here;
  rig.write('flow.yaml', 'retry: 1\nsteps:\n  only: { run: \'test "$FLOWCTL_ATTEMPT" = 2\' }\n');
  const run = await rig.flowctl('run', 'flow.yaml');
  expect(run).toMatchObject({ code: 0 });
  expect(run.stdout).toMatch(/ run \S+ will be tried again: what failed, and what comes after it\n/);
});

it('--log-level warn leaves out all that goes as it was planned', async () => {
  const { rig } = here;
  rig.write('flow.yaml', 'steps:\n  map: { foreach: [1, 2], run: "true" }\n  bad: { run: exit 1 }\n');
  const { stdout } = await rig.flowctl('run', 'flow.yaml', '--log-level', 'warn');
  expect(stdout).toContain(' bad failed after ');
  expect(stdout).not.toContain(' map ');
  expect(stdout).not.toContain(' map[0] ');
});

/** `flowctl show` for people: what belongs together stands together, and a large map does not bury the rest. */

import { expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { shown, stepOf } from '../kit/flows.ts';

const here = useCase();

/** The rows of the table of steps without times and ids. */
async function rows(...more: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await here.rig.flowctl('show', ...more);
  const [, table = ''] = stdout.split('\n\n');
  return table
    .split('\n')
    .filter((line) => line !== '')
    .map((line) =>
      line
        .replace(/ +\d+(?:\.\d)?m?s\b/, '')
        .replace(/\b01[0-9a-z]{24}\b/g, 'ID')
        .replace(/ {3,}/g, '  '),
    );
}

it('members, items and sub-flows stand beneath what they belong to, and items say what they stand for', async () => {
  const { rig } = here;
  rig.write('inner.yaml', 'steps:\n  deep: { run: "true" }\n');
  rig.write(
    'flow.yaml',
    [
      'steps:',
      '  group: { steps: { first: { run: "true" }, second: { run: "true" } } }',
      '  matrix: { needs: group, matrix: { os: [linux, mac], v: [1] }, run: "true" }',
      '  named: { needs: matrix, foreach: [eu, us], key: "${{ item }}", flow: ./inner.yaml }',
      '  handled: { needs: named, run: "true", finally: [{ run: "true" }] }',
      'on_success: [{ run: "true" }]',
      '',
    ].join('\n'),
  );
  expect(await rig.flowctl('run', 'flow.yaml')).toMatchObject({ code: 0 });
  expect(await rows()).toEqual([
    '✓  group  succeeded',
    '✓  group/first  succeeded',
    '✓  group/second  succeeded',
    '✓  matrix  succeeded  2 items: 2 succeeded',
    '✓  matrix[0]  succeeded  os=linux v=1',
    '✓  matrix[1]  succeeded  os=mac v=1',
    '✓  named  succeeded  2 items: 2 succeeded',
    '✓  named[eu]  succeeded',
    '✓  named[eu]/deep  succeeded',
    '✓  named[us]  succeeded',
    '✓  named[us]/deep  succeeded',
    '✓  handled  succeeded',
    '✓  handled/finally[0]  succeeded',
    '✓  on_success[0]  succeeded',
  ]);
  const { stdout } = await rig.flowctl('show');
  expect(stdout).toMatch(/^✓ {4}group\/first/m);
  expect(stdout).toMatch(/^✓ {6}named\[eu\]\/deep/m);
  const detail = await shown(rig);
  expect(stepOf(detail, 'named[eu]/deep').parent).toBe('named[eu]');
  expect(stepOf(detail, 'named[eu]').parent).toBe('named');
});

it('a map of many items is summed up, with what went wrong; --all has every item', async () => {
  const { rig } = here;
  const items = JSON.stringify([...Array(40).keys()]);
  const step = 'tolerate: 5, env: { N: "${{ item }}" }, run: test $N != 7 && test $N != 9';
  rig.write('flow.yaml', `steps:\n  many: { foreach: ${items}, ${step} }\n  last: { needs: many, run: "true" }\n`);
  await rig.flowctl('run', 'flow.yaml');
  expect(await rows()).toEqual([
    '✓  many  succeeded  40 items: 38 succeeded, 2 failed but tolerated',
    '✗  many[7]  failed, tolerated',
    '✗  many[9]  failed, tolerated',
    '  and 38 more  flowctl show ID --all',
    '✓  last  succeeded',
  ]);
  expect(await rows('--all')).toHaveLength(42);
});

it('a run that waits says for what, and how to answer', async () => {
  const { rig } = here;
  rig.write('flow.yaml', 'steps:\n  gate: { approve: { message: "ship it?" } }\n  nap: { wait: 30d }\n');
  await rig.flowctl('run', 'flow.yaml', '--no-wait');
  const [gate, nap] = await rows();
  expect(gate).toBe('…  gate  waiting  ship it? (flowctl approve ID gate)');
  expect(nap).toMatch(/^… {2}nap {2}waiting {2}until 20\d\d-/);
  await rig.flowctl('approve', 'last', 'gate', '--no-wait', '--comment', 'yes please');
  const [answered] = await rows();
  expect(answered).toMatch(/^✓ {2}gate {2}succeeded {2}approved by .+ on .+: yes please$/);
});

/** `flowctl graph` of flows whose steps have something in them. */

import { beforeEach, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';

const here = useCase();

interface Drawn {
  readonly nodes: readonly { readonly id: string; readonly parent?: string; readonly state?: string }[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly kind: string }[];
}
const json = async (subject: string): Promise<Drawn> =>
  JSON.parse((await here.rig.flowctl('graph', subject, '--format', 'json')).stdout) as Drawn;

beforeEach(() => {
  here.rig.write('inner.yaml', 'steps:\n  one: { run: "true" }\n  two: { needs: one, run: "true" }\n');
  here.rig.write(
    'flow.yaml',
    [
      'name: flow',
      'steps:',
      '  load: { foreach: [1, 2, 3], tolerate: 1, env: { N: "${{ item }}" }, run: test $N != 2 }',
      '  group:',
      '    needs: load',
      '    steps:',
      '      first: { run: "true", env: { N: "${{ toJSON(steps.load.outputs) }}" } }',
      '      second: { needs: first, run: "true" }',
      '  sub: { needs: group, matrix: { os: [a, b] }, flow: ./inner.yaml }',
      '  watched: { needs: sub, run: "true", on_failure: [{ run: "true" }] }',
      'finally: [{ run: "true" }]',
      '',
    ].join('\n'),
  );
});

it('names what is in a step as `show` does, with where it belongs', async () => {
  const { nodes, edges } = await json('flow.yaml');
  expect(nodes).toEqual([
    { id: 'load', kind: 'command', map: 'foreach' },
    { id: 'group', kind: 'group' },
    { id: 'group/first', kind: 'command', parent: 'group' },
    { id: 'group/second', kind: 'command', parent: 'group' },
    { id: 'sub', kind: 'flow', map: 'matrix' },
    { id: 'sub/one', kind: 'command', parent: 'sub' },
    { id: 'sub/two', kind: 'command', parent: 'sub' },
    { id: 'watched', kind: 'command' },
    { id: 'watched/on_failure[0]', kind: 'command', parent: 'watched', handler: true },
    { id: 'finally[0]', kind: 'command', handler: true },
  ]);
  expect(edges).toEqual([
    { from: 'load', to: 'group', kind: 'needs' },
    { from: 'load', to: 'group', kind: 'data' },
    { from: 'load', to: 'group/first', kind: 'data' },
    { from: 'group/first', to: 'group/second', kind: 'needs' },
    { from: 'group', to: 'sub', kind: 'needs' },
    { from: 'sub/one', to: 'sub/two', kind: 'needs' },
    { from: 'sub', to: 'watched', kind: 'needs' },
  ]);
});

it('sums the items of a map up in the graph of a run', async () => {
  await here.rig.flowctl('run', 'flow.yaml');
  const states = new Map((await json('last')).nodes.map((node) => [node.id, node]));
  expect(states.get('load')).toMatchObject({ state: 'succeeded', items: { total: 3, succeeded: 2, failed: 1 } });
  expect(states.get('sub')).toMatchObject({ state: 'succeeded', items: { total: 2, succeeded: 2 } });
  expect(states.get('sub/two')).toMatchObject({ state: 'succeeded' });
  expect(states.get('group/second')).toMatchObject({ state: 'succeeded' });
  expect(states.get('watched/on_failure[0]')?.state).toBeUndefined();
  expect(states.get('finally[0]')).toMatchObject({ state: 'succeeded' });
});

it('draws it in every format', async () => {
  const { rig } = here;
  const tree = await rig.flowctl('graph', 'flow.yaml');
  expect(tree.stdout.split('\n').map((line) => line.replace(/ {2,}/g, '  ').trimEnd())).toEqual([
    'flow  4 steps',
    '',
    'load  command  for each',
    '└─ group  group',
    '  ├─ group/first  command',
    '  │  └─ group/second  command',
    '  └─ sub  flow  matrix',
    '  ├─ sub/one  command',
    '  │  └─ sub/two  command',
    '  └─ watched  command',
    '  └─ watched/on_failure[0]  command',
    'finally[0]  command',
    '',
  ]);
  const mermaid = await rig.flowctl('graph', 'flow.yaml', '--format', 'mermaid');
  expect(mermaid.stdout).toContain('  s0[["load#44; for each"]]\n');
  expect(mermaid.stdout).toContain('  subgraph s1 ["group"]\n    s2["group/first"]\n    s3["group/second"]\n  end\n');
  const dot = await rig.flowctl('graph', 'flow.yaml', '--format', 'dot');
  expect(dot.stdout).toContain('  subgraph "cluster_group" {\n    label="";\n    "group";\n    "group/first";\n');
  const svg = await rig.flowctl('graph', 'flow.yaml', '--format', 'svg');
  expect(svg.stdout).toContain('<title>load: command, for each</title>');
  expect(svg.stdout).toContain('class="entry"');
});

it('a flow that comes to itself again is drawn to where it does', async () => {
  here.rig.write(
    'again.yaml',
    'params: { n: 3 }\nsteps:\n  deeper: { if: params.n > 0, flow: ./again.yaml, with: { n: "${{ sub(params.n, 1) }}" } }\n',
  );
  const { nodes } = await json('again.yaml');
  expect(nodes.map(({ id }) => id)).toEqual(['deeper']);
});

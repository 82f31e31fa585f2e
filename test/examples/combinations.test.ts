/** What flows can say, all at once: maps of maps of sub-flows with handlers and secrets, killed anywhere, and what asks, repeats and reuses in them. */

import { describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import type { Rig } from '../kit/rig.ts';

const here = useCase();

const SECRET = 'a-token-for-tests-only';

const LEAF = `params: { region: { type: string }, day: { type: string } }
secrets: [TOKEN]
steps:
  fetch:
    env: { T: "\${{ secrets.TOKEN }}" }
    run: |
      echo "fetch with $T"
      echo "fetch \${{ params.region }} \${{ params.day }}" >> "$EFFECTS"
  work:
    needs: fetch
    foreach: [1, 2, 3]
    tolerate: 1
    resources: { db: 1 }
    output: json
    run: |
      echo "work \${{ params.region }} \${{ params.day }} \${{ item }}" >> "$EFFECTS"
      test "\${{ item }}" != 2
      echo "\${{ item }}"
  bad: { needs: work, if: params.region == 'us' && params.day == 'tue', run: exit 7 }
outputs: { n: "\${{ len(compact(steps.work.outputs)) }}" }
finally: [{ run: 'echo "leaf \${{ params.region }} \${{ params.day }} \${{ run.state }}" >> "$EFFECTS"' }]
`;

const ROOT = `name: root
secrets: [TOKEN]
steps:
  regions:
    foreach: [eu, us, ap]
    key: \${{ item }}
    tolerate: 1
    resources: { db: 1 }
    on_success: [{ run: 'echo "map succeeded" >> "$EFFECTS"' }]
    steps:
      days:
        foreach: [mon, tue]
        key: \${{ item }}
        flow: ./leaf.yaml
        with: { region: "\${{ outer.item }}", day: "\${{ item }}" }
      after: { needs: days, run: 'echo "after \${{ item }}" >> "$EFFECTS"' }
  total: { needs: regions, run: [echo, "\${{ len(steps.regions.outputs) }}"] }
outputs: { days: "\${{ steps.regions.outputs.*.days }}" }
finally: [{ run: 'echo "root \${{ run.state }}" >> "$EFFECTS"' }]
`;

/** What happens once each, however often flowctl is killed, and what is recorded in the end. */
async function expectWhole(rig: Rig): Promise<void> {
  const run = await rig.query<RunDetail>('show');
  expect(run.outputs).toEqual({
    days: [
      [{ n: 2 }, { n: 2 }],
      [{ n: 2 }, { n: 2 }],
    ],
  });
  const states = Object.fromEntries(run.steps.map(({ key, state }) => [key, state]));
  expect(states).toMatchObject({
    regions: 'succeeded',
    'regions[us]': 'failed',
    'regions[us]/days[tue]/bad': 'failed',
    'regions[us]/after': 'skipped',
    'regions[ap]/days[tue]/work[1]': 'failed',
    'regions[ap]/days[tue]/work[2]': 'succeeded',
    total: 'succeeded',
  });
  for (const { key, attempts } of run.steps)
    expect([key, attempts.filter(({ outcome }) => outcome === 'succeeded').length]).toEqual([
      key,
      expect.toSatisfy((count) => count <= 1),
    ]);
  const effects = rig.effects();
  expect(effects.filter((line) => line === 'root succeeded')).toHaveLength(1);
  for (const region of ['eu', 'us', 'ap'])
    for (const day of ['mon', 'tue']) {
      expect(effects).toContain(`work ${region} ${day} 3`);
      expect(effects).toContain(`leaf ${region} ${day} ${region === 'us' && day === 'tue' ? 'failed' : 'succeeded'}`);
    }
  for (const { path } of rig.filesBelow().filter((each) => /\.(log|json|ndjson)$/.test(each.path)))
    expect(rig.read(`.flowctl/${path}`)).not.toContain(SECRET);
}

describe('maps of maps of sub-flows, with tolerance, handlers, secrets and resources', () => {
  const write = (rig: Rig): void => {
    rig.give({ TOKEN: SECRET });
    rig.write('flowctl.config.yaml', 'resources: { db: 2 }\n');
    rig.write('leaf.yaml', LEAF);
    rig.write('flow.yaml', ROOT);
  };

  it('end as they should', async () => {
    const { rig } = here;
    write(rig);
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(code, stdout + stderr).toBe(0);
    await expectWhole(rig);
    // Each thing was done once where nobody was killed.
    const effects = rig.effects();
    expect(new Set(effects).size).toBe(effects.length);
    expect((await rig.flowctl('logs', 'regions[eu]/days[tue]/fetch')).stdout).toBe('fetch with ***\n');
    for (const format of ['tree', 'mermaid', 'dot', 'json', 'svg'])
      expect((await rig.flowctl('graph', 'last', '--format', format)).code).toBe(0);
    expect((await rig.flowctl('run', 'flow.yaml', '--dry-run')).code).toBe(0);
    expect((await rig.flowctl('rerun', '-q')).code).toBe(0);
  });

  it.each([
    ['the first sub-flow begins', /"child\.started"/],
    ['an item of a sub-flow runs', /"attempt\.started"[^\n]*"step":"work\[2\]"/],
    ['the step beneath a tolerated item failed', /"step":"bad"[^\n]*"outcome":"failed"/],
    ['handlers of a sub-flow run', /"handlers\.started"/],
    ['a group of the map goes on behind its map', /"attempt\.started"[^\n]*"step":"regions\[[a-z]+\]\/after"/],
  ])('killed when %s, a resume ends them as they should', async (_, when) => {
    const { rig, mayLeaveStrays } = here;
    mayLeaveStrays();
    write(rig);
    const started = rig.start(['run', 'flow.yaml', '--output', 'json']);
    await started.prints(when);
    started.process.kill('SIGKILL');
    expect((await started.ended).signal).toBe('SIGKILL');
    const { code, stdout, stderr } = await rig.flowctl('resume');
    expect(code, stdout + stderr).toBe(0);
    await expectWhole(rig);
  });
});

describe('what asks, repeats, reuses and waits', () => {
  it('approvals in a map of groups and in a sub-flow, answered one after the other, each beginning only what waits for it', async () => {
    const { rig } = here;
    rig.write(
      'deep.yaml',
      'steps: { gate: { approve: deep? }, after: { needs: gate, run: \'echo deep >> "$EFFECTS"\' } }\n',
    );
    rig.write(
      'flow.yaml',
      `steps:
  regions:
    foreach: [eu, us]
    key: \${{ item }}
    steps:
      gate: { approve: { message: "load \${{ item }}?", params: { n: 1 } } }
      load: { needs: gate, run: 'echo "\${{ item }} \${{ steps.gate.outputs.n }}" >> "$EFFECTS"' }
  sub: { flow: ./deep.yaml }
`,
    );
    expect((await rig.flowctl('run', 'flow.yaml', '--no-wait')).code).toBe(6);
    // Nothing of it runs, and nothing of it is lost.
    const { steps } = await rig.query<RunDetail>('show');
    expect(Object.fromEntries(steps.map(({ key, state }) => [key, state]))).toMatchObject({
      regions: 'waiting',
      'regions[eu]': 'waiting',
      'regions[eu]/gate': 'waiting',
      'regions[eu]/load': 'pending',
      sub: 'waiting',
      'sub/gate': 'waiting',
      'sub/after': 'pending',
    });
    expect(steps.find(({ key }) => key === 'sub')?.attempts).toMatchObject([{ outcome: null }]);
    const answer = (...argv: readonly string[]) => rig.flowctl('approve', 'last', ...argv, '--no-wait');
    expect((await answer('regions[us]/gate', '-p', 'n=5')).code).toBe(6);
    expect(rig.effects()).toEqual(['us 5']);
    expect((await answer('sub/gate')).code).toBe(6);
    expect(rig.effects()).toEqual(['us 5', 'deep']);
    expect((await answer('regions[eu]/gate')).code).toBe(0);
    expect(rig.effects()).toEqual(['us 5', 'deep', 'eu 1']);
  });

  it('a repeat in a group, a cache in a map, units in a map in a group that holds some of them', async () => {
    const { rig } = here;
    rig.write('flowctl.config.yaml', 'resources: { db: 2, gpu: [a, b] }\n');
    rig.write(
      'flow.yaml',
      `steps:
  poll:
    steps:
      ready:
        run: echo "n=$FLOWCTL_ATTEMPT" >> "$FLOWCTL_OUTPUT"
        repeat: { until: outputs.n >= 3, max: 5 }
      last: { needs: ready, run: "echo \${{ steps.ready.outputs.n }}", output: json }
  cached:
    foreach: [1, 2, 3]
    cache: true
    run: echo "cached \${{ item }}" >> "$EFFECTS"
  held:
    foreach: [1, 2]
    resources: { db: 1 }
    steps:
      inner:
        foreach: [1, 2, 3]
        resources: { db: 1, gpu: 1 }
        run: mkdir "$FLOWCTL_RESOURCE_GPU"; rmdir "$FLOWCTL_RESOURCE_GPU"
`,
    );
    for (const round of [1, 2]) {
      const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml');
      expect(code, stdout + stderr).toBe(0);
      const { steps } = await rig.query<RunDetail>('show');
      expect(steps.find(({ key }) => key === 'poll')?.outputs).toEqual({ ready: { n: '3' }, last: 3 });
      expect(steps.find(({ key }) => key === 'cached[1]')?.cached).toBe(round === 2);
    }
    expect([...rig.effects()].sort()).toEqual(['cached 1', 'cached 2', 'cached 3']);
    const only = await rig.flowctl('run', 'flow.yaml', '--only', 'poll');
    expect(only.code).toBe(0);
    const { steps } = await rig.query<RunDetail>('show');
    expect(steps.filter(({ attempts }) => attempts.length > 0).map(({ key }) => key)).toEqual([
      'poll/ready',
      'poll/last',
    ]);
  });
});

/** Steps of sub-runs that are asked for by name, and edits of sub-flows that contradict what has been done. */

import { describe, expect, it } from 'vitest';
import type { StepId } from '../../src/base/ids.ts';
import type { RunDetail } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { childOf, sh, step, sub, TreeRig } from './tree.ts';

const test = useCase();
const EFFECT = 'echo "$FLOWCTL_STEP" >> "$EFFECTS"';

function flow(tree: TreeRig, last = EFFECT) {
  const deep = tree.flow('deep', [
    step('extract', sh(EFFECT)),
    step('load', sh(last), { needs: ['extract' as StepId] }),
  ]);
  const middle = tree.flow('middle', [
    step('again', sub(deep.file)),
    step('beside', sh(EFFECT)),
    step('last', sh(EFFECT), { needs: ['again' as StepId] }),
  ]);
  return tree.flow(
    'outer',
    [step('report', sub(middle.file)), step('after', sh(EFFECT), { needs: ['report' as StepId] })],
    {
      flows: { [deep.file]: deep, [middle.file]: middle },
    },
  );
}

describe('resume --from a step of a sub-run', () => {
  it('runs it again with what follows it, there and above, and nothing else', async () => {
    const tree = new TreeRig(test.rig.folder);
    const run = await tree.run(flow(tree));
    expect(tree.effects()).toEqual(['extract', 'beside', 'load', 'last', 'after'].sort(byEffect(tree)));
    const before = tree.effects().length;
    const resumed = await test.rig.flowctl('resume', run.id, '--frozen', '--from', 'report/again/load');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(tree.effects().slice(before)).toEqual(['load', 'last', 'after']);
    const shown = await test.rig.query<RunDetail>('show', run.id);
    expect(shown.state).toBe('succeeded');
    // The same runs go on.
    expect(await tree.children(run.id)).toHaveLength(2);
    expect(shown.steps.map(({ key, attempts }) => [key, attempts.length])).toEqual([
      ['report', 2],
      ['report/again', 2],
      ['report/again/extract', 1],
      ['report/again/load', 2],
      ['report/beside', 1],
      ['report/last', 2],
      ['after', 2],
    ]);
  });

  it('of the step of a sub-flow itself begins a new run of it', async () => {
    const tree = new TreeRig(test.rig.folder);
    const run = await tree.run(flow(tree));
    const resumed = await test.rig.flowctl('resume', run.id, '--frozen', '--from', 'report');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(tree.effects().filter((name) => name === 'extract')).toHaveLength(2);
    expect(await tree.children(run.id)).toHaveLength(4);
    const shown = await test.rig.query<RunDetail>('show', run.id);
    expect(shown.steps.find(({ key }) => key === 'report/again/extract')?.attempts).toHaveLength(1);
  });

  it('that it does not have is refused, and nothing is touched', async () => {
    const tree = new TreeRig(test.rig.folder);
    const run = await tree.run(flow(tree));
    const resumed = await test.rig.flowctl('resume', run.id, '--frozen', '--from', 'report/load');
    expect(resumed.code).toBe(4);
    expect(resumed.stderr).toContain('has no step `report/load`');
    expect((await test.rig.query<RunDetail>('show', childOf(run, 'report'))).resumes).toBe(0);
  });
});

/** Parallel steps may come in either order: that which was recorded. */
const byEffect = (tree: TreeRig) => (one: string, other: string) =>
  tree.effects().indexOf(one) - tree.effects().indexOf(other);

describe('resume --from a step of a sub-run in a map', () => {
  it('runs that item again, and only what was asked for in it', async () => {
    const { rig } = test;
    const line = `'echo "$FLOWCTL_STEP $N" >> "$EFFECTS"'`;
    rig.write(
      'child.yaml',
      `params: { n: 0 }
env: { N: "\${{ params.n }}" }
steps:
  extract: { run: ${line} }
  load: { needs: extract, run: ${line} }
`,
    );
    rig.write('flow.yaml', 'steps:\n  all: { foreach: [1, 2], flow: ./child.yaml, with: { n: "${{ item }}" } }\n');
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    expect(rig.effects()).toHaveLength(4);
    const again = await rig.flowctl('resume', 'last', '--from', 'all[1]/load');
    expect(again.code, again.stdout + again.stderr).toBe(0);
    expect(rig.effects().slice(4)).toEqual(['load 2']);
  });
});

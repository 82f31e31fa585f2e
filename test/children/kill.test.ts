/** A tree of runs is killed with SIGKILL again and again, also while it resumes; then it is resumed to the end. */

import { expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { seeded } from '../kit/seeded.ts';
import { useCase } from '../kit/case.ts';
import { shown } from '../kit/flows.ts';
import { eventually, GONE_MS, tagged } from '../kit/rig.ts';

const here = useCase();
const KILLS = Number(process.env['KILL_TREES'] ?? 6);
const seed = Number(process.env['KILL_SEED'] ?? 1);

const LEAF = `params: { n: 0 }
env: { N: "\${{ params.n }}" }
steps:
  one: { run: 'echo "$N one" >> "$EFFECTS"; sleep 0.1' }
  two: { needs: one, run: 'echo "$N two" >> "$EFFECTS"; sleep 0.1' }
outputs: { n: "\${{ params.n }}" }
`;
const MIDDLE = `params: { n: 0 }
steps:
  leaf: { flow: ./leaf.yaml, with: { n: "\${{ params.n }}" } }
outputs: { n: "\${{ steps.leaf.outputs.n }}" }
`;
const FLOW = `steps:
  all: { foreach: [1, 2, 3, 4, 5, 6], flow: ./middle.yaml, with: { n: "\${{ item }}" } }
  last: { needs: all, run: 'echo "0 last" >> "$EFFECTS"' }
outputs: { all: "\${{ steps.all.outputs }}" }
`;

/** The leaves that are on record as succeeded, as their effects are written. */
const doneIn = ({ steps }: RunDetail): readonly string[] =>
  steps.flatMap(({ key, state }) => {
    const [, index = '', name = ''] = /^all\[(\d+)\]\/leaf\/(\w+)$/.exec(key) ?? [];
    return name !== '' && state === 'succeeded' ? [`${Number(index) + 1} ${name}`] : [];
  });

it(`keeps its promises (${KILLS} kills, seed ${seed})`, { timeout: 60_000 + KILLS * 10_000 }, async () => {
  const { rig } = here;
  here.mayLeaveStrays();
  rig.write('leaf.yaml', LEAF);
  rig.write('middle.yaml', MIDDLE);
  rig.write('flow.yaml', FLOW);
  const random = seeded(seed);
  let life = rig.start(['run', 'flow.yaml', '--max-parallel', '3', '--output', 'json']);
  // A folder alone is no run that could be resumed: that is one which is told.
  await life.prints('"type":"run.started"');
  const [root = ''] = rig.runIds();
  for (let kill = 0; kill < KILLS; kill += 1) {
    await new Promise((resolve) => setTimeout(resolve, 150 + random() * 300));
    life.process.kill('SIGKILL');
    await life.ended;
    await eventually('nothing of it lives', GONE_MS, () => tagged(root).length === 0);
    const detail = await shown(rig, root);
    expect(detail.problem, 'I6').toBeUndefined();
    const done = doneIn(detail);
    const before = rig.effects();
    life = rig.start(['resume', root]);
    if (kill === KILLS - 1) await life.ended;
    else await new Promise((resolve) => setTimeout(resolve, random() * 250));
    const after = rig.effects().slice(before.length);
    expect(
      after.filter((effect) => done.includes(effect)),
      'I2: a recorded success is not repeated',
    ).toEqual([]);
  }
  const { code, stdout, stderr } = await life.ended;
  expect(code, stdout + stderr).toBe(0);
  const detail = await shown(rig, root);
  expect(detail.outputs).toEqual({ all: [1, 2, 3, 4, 5, 6].map((n) => ({ n })) });
  expect(doneIn(detail)).toHaveLength(12);
  // One sub-run for each step that is one, however often it was continued.
  const rows = await rig.query<readonly unknown[]>('runs', '--all', '--limit', '100');
  expect(rows).toHaveLength(1 + 6 + 6);
});

/** Case 17: flowctl is killed when a step has written half of what it generates. */

import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, shown, stepOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import { eventually, GONE_MS, tagged } from '../kit/rig.ts';

const here = useCase();

it.each([
  ['new', ''],
  ['there from before, whole', 'first\nsecond\n'],
])(
  'case 17: b writes half of a file that is %s, kill: half removed before it runs again; the file right; never "unchanged"',
  async (_, before) => {
    const { rig } = here;
    const stage = await here.stage();
    const puppet = (JSON.parse(Stage.step('b')) as string[]).join(' ');
    rig.write('source', 'one');
    const make = `sources: [source], generates: [made], run: 'ls made > seen 2>/dev/null || :; cat source > made; ${puppet}; echo second >> made'`;
    rig.write('flow.yaml', chain({ b: make, c: `run: 'cat made > final'` }));
    if (before !== '') rig.write('made', before);
    const run = rig.start(['run', 'flow.yaml']);
    const first = await stage.enter('b');
    run.process.kill('SIGKILL');
    await run.ended;
    await eventually('I5', GONE_MS, () => tagged(first.run).length === 0);
    expect(rig.read('made')).toBe('one');
    expect((await onlyRun(rig)).state).toBe('crashed');
    const resuming = rig.start(['resume']);
    const second = await stage.enter('b');
    expect(rig.read('seen'), 'the half is gone before the step begins again').toBe('');
    await second.exit(0);
    const { code, stderr } = await resuming.ended;
    expect(code, stderr).toBe(0);
    expect(rig.read('final')).toBe('onesecond\n');
    expect(stepOf(await shown(rig), 'b')).toMatchObject({
      state: 'succeeded',
      cached: false,
      attempts: [{ outcome: 'lost' }, { outcome: 'succeeded' }],
    });
    // Now it is whole, and stands.
    const again = await rig.flowctl('run', 'flow.yaml');
    expect(again.code, again.stderr).toBe(0);
    expect(stepOf(await shown(rig), 'b').cached).toBe(true);
    expect(existsSync(rig.path('made'))).toBe(true);
  },
);

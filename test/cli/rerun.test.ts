/** `rerun`: the same flow and params once more, as a run of its own. */

import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { onlyRun } from '../kit/flows.ts';

const here = useCase();

describe('rerun', () => {
  it('is a new run of the flow as it is now, with the params that were recorded', async () => {
    const { rig } = here;
    const flow = (word: string): string =>
      `params: { n: 1, word: ${word} }\nsteps: { only: { run: [echo, "\${{ params.n }}", "\${{ params.word }}"] } }\n`;
    rig.write('flow.yaml', flow('old'));
    await rig.flowctl('run', 'flow.yaml', '-p', 'n=7');
    const first = await onlyRun(rig);
    rig.write('flow.yaml', flow('new'));
    // From another folder, and with the id: the flow is found through the record.
    const again = await rig.flowctlWith(
      { cwd: '/' },
      'rerun',
      first.id.slice(0, 20),
      '--state-dir',
      rig.path('.flowctl'),
    );
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toContain(`running flow again with the params of run ${first.id}`);
    const [newest, oldest] = await rig.query<(typeof first)[]>('runs');
    expect(oldest).toEqual(first);
    expect(newest).toMatchObject({ trigger: 'rerun', params: { n: 7, word: 'old' }, state: 'succeeded' });
    expect((await rig.flowctl('logs', 'only')).stdout).toBe('7 old\n');
  });

  it('says what does not fit any more, and starts nothing: 2; the flow is invalid: 3; gone: 4; no run: 4', async () => {
    const { rig } = here;
    expect((await rig.flowctl('rerun')).code).toBe(4);
    rig.write('flow.yaml', "params: { n: 1 }\nsteps: { only: { run: 'true' } }\n");
    await rig.flowctl('run', 'flow.yaml');
    rig.write('flow.yaml', "params: { n: { type: string } }\nsteps: { only: { run: 'true' } }\n");
    const { code, stdout, stderr } = await rig.flowctl('rerun');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('`n`');
    rig.write('flow.yaml', 'steps: {}\n');
    expect((await rig.flowctl('rerun')).code).toBe(3);
    rmSync(rig.path('flow.yaml'));
    expect((await rig.flowctl('rerun')).code).toBe(4);
    expect(rig.runIds()).toHaveLength(1);
  });
});

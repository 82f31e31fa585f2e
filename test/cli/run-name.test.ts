/** Given a flow that names its runs, when they are run, then the names are shown wherever runs are. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Rig } from '../kit/rig.ts';

describe('run_name', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => rig.remove());

  it('is computed at the start, and shown by runs and show', async () => {
    rig.write('flowctl.config.yaml', 'vars: { region: eu }\n');
    rig.write(
      'f.yaml',
      'params: { city: Oslo }\nrun_name: "rain of ${{ params.city }}, ${{ vars.region }} ${{ flow.name }}"\nsteps: { s: { run: "true" } }\n',
    );
    const run = await rig.flowctl('run', 'f.yaml', '-p', 'city=Bergen');
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toContain('of f (rain of Bergen, eu f) started');
    expect(await rig.query('runs')).toMatchObject([{ name: 'rain of Bergen, eu f' }]);
    expect(await rig.query('show')).toMatchObject({ name: 'rain of Bergen, eu f' });
    expect((await rig.flowctl('runs')).stdout).toContain('rain of Bergen, eu f');
    expect((await rig.flowctl('show')).stdout).toMatch(/^name +rain of Bergen, eu f$/m);
  });

  it('is one line, and null for flows without one', async () => {
    rig.write('f.yaml', 'run_name: "a\\nb\\u001b[31m"\nsteps: { s: { run: "true" } }\n');
    expect((await rig.flowctl('run', 'f.yaml')).code).toBe(0);
    expect(await rig.query('runs')).toMatchObject([{ name: 'a b [31m' }]);
    rig.write('g.yaml', 'steps: { s: { run: "true" } }\n');
    expect((await rig.flowctl('run', 'g.yaml')).code).toBe(0);
    expect(await rig.query('show')).toMatchObject({ name: null });
  });

  it('that cannot be computed starts nothing', async () => {
    rig.write('f.yaml', 'run_name: "x ${{ env.NOT_SET_ANYWHERE }}"\nsteps: { s: { run: "true" } }\n');
    const run = await rig.flowctl('run', 'f.yaml');
    expect([run.code, run.stderr]).toEqual([2, expect.stringContaining('`run_name` cannot be computed')]);
    expect(rig.runIds()).toEqual([]);
  });
});

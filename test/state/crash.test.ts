/** Cases 13 to 15 and 18: flowctl is killed, and the run goes on. */

import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, shown, stepOf, timesOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import { eventually, GONE_MS, tagged } from '../kit/rig.ts';

const here = useCase();

/** Runs the flow until `b` is there, and kills flowctl. */
async function killAtB(argv: readonly string[]): Promise<string> {
  const { rig } = here;
  const stage = await here.stage();
  const run = rig.start(argv);
  const puppet = await stage.enter('b');
  run.process.kill('SIGKILL');
  expect((await run.ended).signal).toBe('SIGKILL');
  // The watchdog ends what flowctl cannot any more.
  await puppet.gone;
  return puppet.run;
}

describe('flowctl is killed while b runs', () => {
  it('case 13, 14: the run reads crashed within 1 s; resume runs b again and keeps a (I1, I2, I3, I6)', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `retry: 1, run: ${Stage.step('b')}` }));
    const run = rig.start(['run', 'flow.yaml']);
    await stage.enter('b');
    expect(await onlyRun(rig)).toMatchObject({ state: 'running' });
    run.process.kill('SIGKILL');
    await run.ended;
    // I11 gives a second; the kernel has let go of the lock when the end is told.
    expect(await onlyRun(rig)).toMatchObject({ state: 'crashed', exit_code: null, finished_at: null });
    const crashed = await shown(rig);
    expect(crashed.steps.map(({ state }) => state)).toEqual(['succeeded', 'pending', 'pending']);
    expect(stepOf(crashed, 'b').attempts).toMatchObject([{ number: 1, outcome: 'lost' }]);
    await eventually('I5: b is gone', GONE_MS, () => tagged(crashed.id).length === 0);

    const resumed = rig.start(['resume']);
    const second = await stage.enter('b');
    expect({ attempt: second.attempt, run: second.run }).toEqual({ attempt: 2, run: crashed.id });
    // The lost attempt has not spent the one retry.
    await second.exit(1);
    const third = await stage.enter('b');
    await third.exit(0);
    const { code, stderr } = await resumed.ended;
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(crashed.id);
    expect(rig.effects()).toEqual(['a', 'c']);
    const after = await shown(rig);
    expect(after).toMatchObject({ id: crashed.id, state: 'succeeded', resumes: 1 });
    expect(stepOf(after, 'b').attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'failed', 'succeeded']);
    expect(stepOf(after, 'a').attempts).toHaveLength(1);
  });

  it('case 15: `if_lost: fail`: resume does not start b; `resume --from b` does (I3)', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `if_lost: fail, retry: 3, run: ${Stage.step('b')}` }));
    const id = await killAtB(['run', 'flow.yaml']);
    const resumed = await rig.flowctl('resume', id);
    expect(resumed.code, resumed.stderr).toBe(1);
    expect(resumed.stdout).toMatch(/flowctl resume( \S+)? --from b/);
    expect(stage.entered).toEqual(['b']);
    const failed = await shown(rig);
    expect(failed).toMatchObject({ state: 'failed', exit_code: 1 });
    expect(stepOf(failed, 'b')).toMatchObject({ state: 'failed', error: { code: 'lost_attempt' } });
    expect(stepOf(failed, 'b').attempts).toHaveLength(1);

    const asked = rig.start(['resume', id, '--from', 'b']);
    await (await stage.enter('b')).exit(0);
    expect((await asked.ended).code).toBe(0);
    expect(rig.effects()).toEqual(['a', 'c']);
    expect(stepOf(await shown(rig), 'b')).toMatchObject({ state: 'succeeded' });
  });

  it('case 18: resume killed five times; a never again, attempts counted, then the end (I1 to I6)', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const id = await killAtB(['run', 'flow.yaml']);
    for (let kill = 1; kill <= 5; kill += 1) {
      await killAtB(['resume']);
      const row = await onlyRun(rig);
      expect(row).toMatchObject({ id, state: 'crashed', resumes: kill });
      expect(stepOf(await shown(rig), 'b').attempts).toHaveLength(kill + 1);
      expect(rig.effects()).toEqual(['a']);
      await eventually('I5', GONE_MS, () => tagged(id).length === 0);
    }
    const last = rig.start(['resume']);
    const puppet = await stage.enter('b');
    expect(puppet.attempt).toBe(7);
    await puppet.exit(0);
    expect((await last.ended).code).toBe(0);
    expect(rig.effects()).toEqual(['a', 'c']);
    expect(stage.entered).toHaveLength(7);
    expect(timesOf(rig, 'c')).toBe(1);
  });

  it('killed before anything was started: the run is there, and resumes', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    const run = rig.start(['run', 'flow.yaml', '--output', 'json']);
    await run.prints('"type":"run.started"');
    run.process.kill('SIGKILL');
    await run.ended;
    // The id was told, so the run is durable, whatever of it happened.
    const { id, state } = await onlyRun(rig);
    expect(run.stdout()).toContain(id);
    expect(['crashed', 'succeeded']).toContain(state);
    await eventually('I5', GONE_MS, () => tagged(id).length === 0);
    expect((await rig.flowctl('resume', id)).code).toBe(0);
    for (const effect of ['a', 'b', 'c']) expect(timesOf(rig, effect)).toBeGreaterThanOrEqual(1);
    expect(await onlyRun(rig)).toMatchObject({ id, state: 'succeeded' });
  });
});

describe('resume --from', () => {
  it('runs a step that succeeded again, with what follows it, and nothing else', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    await rig.flowctl('run', 'flow.yaml');
    const { code, stderr } = await rig.flowctl('resume', '--from', 'b');
    expect(code, stderr).toBe(0);
    expect(rig.effects()).toEqual(['a', 'b', 'c', 'b', 'c']);
    expect((await shown(rig)).steps.map(({ attempts }) => attempts.length)).toEqual([1, 2, 2]);
  });
});

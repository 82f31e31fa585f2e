/** Cases 1 to 3, 7 to 12: runs that end by themselves, and what their end says. */

import { chmodSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { chain, EFFECT, onlyRun, shown, single, stepOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';

const here = useCase();

describe('a run that ends by itself', () => {
  it('case 1: all succeed, in order; exit code, last line, show and disk agree (I1, I10)', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(rig.effects()).toEqual(['a', 'b', 'c']);
    const [id = 'none', ...others] = rig.runIds();
    expect(others).toEqual([]);
    expect(stdout.match(new RegExp(`run ${id} of chain started`, 'g'))).toHaveLength(1);
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^succeeded in .*: 3 succeeded$/);
    expect(await onlyRun(rig)).toMatchObject({ id, state: 'succeeded', exit_code: 0 });
    expect((await shown(rig)).steps.map(({ key, state }) => [key, state])).toEqual([
      ['a', 'succeeded'],
      ['b', 'succeeded'],
      ['c', 'succeeded'],
    ]);
  });

  it('case 2: b exits 7: exit code 1, b failed with 7, c skipped (I10)', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ b: "run: 'exit 7'" }));
    const { code, stdout } = await rig.flowctl('run', 'flow.yaml');
    expect(code).toBe(1);
    expect(stdout).toContain('b: exited with code 7');
    expect(rig.effects()).toEqual(['a']);
    const run = await shown(rig);
    expect(run).toMatchObject({ state: 'failed', exit_code: 1 });
    expect(stepOf(run, 'b')).toMatchObject({ state: 'failed', error: { code: 'exit_code' } });
    expect(stepOf(run, 'b').attempts).toMatchObject([{ number: 1, outcome: 'failed', exit_code: 7, signal: null }]);
    expect(stepOf(run, 'c')).toMatchObject({ state: 'skipped', skip_reason: 'upstream_failed', attempts: [] });
  });

  it('case 3: of two roots one fails while the other runs; the other branch finishes', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write(
      'flow.yaml',
      `steps:
  bad: { run: ${Stage.step('bad')} }
  after_bad: { needs: bad, run: ${EFFECT} }
  slow: { run: ${Stage.step('slow')} }
  after_slow: { needs: slow, run: ${EFFECT} }
`,
    );
    const run = rig.start(['run', 'flow.yaml']);
    const [bad, slow] = await Promise.all([stage.enter('bad'), stage.enter('slow')]);
    await bad.exit(3);
    await run.prints('after_bad skipped');
    await slow.exit(0);
    expect((await run.ended).code).toBe(1);
    expect(rig.effects()).toEqual(['after_slow']);
  });

  it('case 7: a missing command, one that is not executable and a missing workdir fail for three reasons', async () => {
    const { rig } = here;
    chmodSync(rig.write('plain.txt', 'no program'), 0o644);
    rig.write(
      'flow.yaml',
      `steps:
  missing: { run: [no-such-command-anywhere] }
  plain: { run: [./plain.txt] }
  nowhere: { run: 'true', workdir: not/there }
`,
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    const run = await shown(rig);
    const codes = ['missing', 'plain', 'nowhere'].map((key) => stepOf(run, key).error?.code);
    expect(codes).toEqual(['command_not_found', 'command_not_executable', 'workdir_missing']);
    for (const { error } of run.steps) expect(error?.message).toMatch(/no-such-command-anywhere|plain\.txt|not\/there/);
  });

  it('case 8: a step that dies by a signal says by which, directly and through its shell', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:
  direct_kill: { run: [sh, -c, 'kill -KILL $$'] }
  direct_segv: { run: [sh, -c, 'kill -SEGV $$'] }
  reported: { run: 'sh -c "kill -KILL \\$\\$"; exit $?' }
`,
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    const run = await shown(rig);
    expect(stepOf(run, 'direct_kill').attempts).toMatchObject([{ exit_code: null, signal: 'SIGKILL' }]);
    expect(stepOf(run, 'direct_segv').attempts).toMatchObject([{ exit_code: null, signal: 'SIGSEGV' }]);
    expect(stepOf(run, 'reported').attempts).toMatchObject([{ exit_code: 137, signal: 'SIGKILL' }]);
    expect(stepOf(run, 'reported').error?.message).toContain('137 (128+SIGKILL');
  });

  it('case 9: the third try succeeds: three effects, flaky, delays not shorter than declared', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      single('retry: { max: 2, delay: 150ms }, run: \'echo x >> "$EFFECTS"; [ "$FLOWCTL_ATTEMPT" -eq 3 ]\''),
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    expect(rig.effects()).toEqual(['x', 'x', 'x']);
    const { state, flaky, attempts } = stepOf(await shown(rig), 'only');
    expect({ state, flaky }).toEqual({ state: 'succeeded', flaky: true });
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'succeeded']);
    for (const [index, { started_at }] of attempts.entries()) {
      const before = attempts[index - 1]?.finished_at ?? null;
      // Times are rounded to milliseconds, each way.
      if (before !== null) expect(Date.parse(started_at) - Date.parse(before)).toBeGreaterThanOrEqual(148);
    }
  });

  it('case 10: a timeout ends a cooperative step at once, one that ignores TERM after its grace time', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:
  cooperative: { timeout: 1s, run: 'sleep 60' }
  stubborn: { timeout: 1s, grace: 700ms, run: 'trap "" TERM; sleep 60; sleep 60' }
`,
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    const run = await shown(rig);
    for (const key of ['cooperative', 'stubborn']) {
      expect(stepOf(run, key)).toMatchObject({ state: 'failed', timed_out: true });
    }
    const tookMs = (key: string): number => stepOf(run, key).attempts[0]?.duration_ms ?? 0;
    expect(tookMs('cooperative')).toBeGreaterThanOrEqual(1_000);
    expect(tookMs('cooperative')).toBeLessThan(20_000);
    expect(tookMs('stubborn')).toBeGreaterThanOrEqual(1_700);
    expect(tookMs('stubborn')).toBeLessThan(20_000);
    expect(stepOf(run, 'stubborn').attempts).toMatchObject([{ outcome: 'timed_out', signal: 'SIGKILL' }]);
  });

  it('case 10: the same on the flow: exit code 124, and everything that tells of it says why', async () => {
    const { rig } = here;
    rig.write('flow.yaml', 'timeout: 200ms\nsteps:\n  only: { run: sleep 60 }\n');
    const { code, stdout } = await rig.flowctl('run', 'flow.yaml', '--output', 'plain');
    expect(code).toBe(124);
    expect(stdout).toContain(' the `timeout` of the run is over: ending the run\n');
    expect(stdout).toMatch(/Z run [0-9a-z]{26} failed \(timed out\) in /);
    expect((await rig.flowctl('show')).stdout).toMatch(/failed \(timed out\) in .*, exit code 124\n/);
    const quiet = await rig.flowctl('run', 'flow.yaml', '-q');
    expect(quiet.stderr).toMatch(/^failed \(timed out\) in .*: 1 cancelled$/m);
  });

  it('case 11: a timeout beyond the range of a timer does not fire', async () => {
    const { rig } = here;
    rig.write('flow.yaml', single('timeout: 30d, run: \'sleep 0.3; echo done >> "$EFFECTS"\''));
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(rig.effects()).toEqual(['done']);
  });

  it('case 12: resume of a run that succeeded says so and does nothing (I2)', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    await rig.flowctl('run', 'flow.yaml');
    const { id } = await onlyRun(rig);
    for (const argv of [['resume'], ['resume', 'last'], ['resume', id], ['resume', 'flow.yaml'], ['resume', 'chain']]) {
      const { code, stdout, stderr } = await rig.flowctl(...argv);
      expect({ argv, code, stdout }).toEqual({ argv, code: 0, stdout: '' });
      expect(stderr).toContain('nothing to do');
    }
    expect(rig.effects()).toEqual(['a', 'b', 'c']);
    expect(await onlyRun(rig)).toMatchObject({ id, state: 'succeeded', resumes: 0 });
  });
});

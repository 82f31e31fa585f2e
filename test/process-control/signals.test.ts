/** Cases 40, 41, 43 and 48: what signals do to a run (I10, I11). */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canUnshare, isRoot } from '../kit/abilities.ts';
import { GRACE_MS, useCase } from '../kit/case.ts';
import { chain, onlyRun, shown, stepOf } from '../kit/flows.ts';
import { overLaunchers } from '../kit/launchers.ts';
import { Stage } from '../kit/puppet.ts';
import { BIN, eventually, GONE_MS, tagged } from '../kit/rig.ts';

const here = useCase();

const hasNohup = spawnSync('nohup', ['--version']).status === 0;

overLaunchers(here, () => {
  describe('a signal', () => {
    it('case 40: SIGINT, three cooperative steps: one INT each, cancelled, dies by SIGINT, resumable', async () => {
      const { rig } = here;
      const stage = await here.stage();
      rig.give({ FLOWCTL_GRACE: '20s' });
      const steps = ['x', 'y', 'z'];
      rig.write(
        'flow.yaml',
        `steps:
${steps.map((name) => `  ${name}: { run: ${Stage.step(name, 'SIGINT', 'SIGTERM')} }`).join('\n')}
  last: { needs: [x, y, z], run: 'echo last >> "$EFFECTS"' }
`,
      );
      const run = rig.start(['run', 'flow.yaml']);
      const puppets = await Promise.all(steps.map((name) => stage.enter(name)));
      run.process.kill('SIGINT');
      await Promise.all(puppets.map((puppet) => puppet.catches('SIGINT')));
      const began = performance.now();
      await Promise.all(puppets.map((puppet) => puppet.exit(0)));
      const { code, signal, stdout } = await run.ended;
      expect({ code, signal }).toEqual({ code: null, signal: 'SIGINT' });
      // Far below the grace time: nothing waits for it.
      expect(performance.now() - began).toBeLessThan(GONE_MS);
      for (const puppet of puppets) expect(puppet.signals).toEqual(['SIGINT']);
      expect(stdout).toContain('SIGINT received');
      const cancelled = await shown(rig);
      expect(cancelled).toMatchObject({ state: 'cancelled', exit_code: 130 });
      for (const name of steps) expect(stepOf(cancelled, name).attempts).toMatchObject([{ outcome: 'cancelled' }]);
      expect(stepOf(cancelled, 'last').attempts).toEqual([]);

      const resumed = rig.start(['resume']);
      for (const puppet of await Promise.all(steps.map((name) => stage.enter(name)))) await puppet.exit(0);
      expect((await resumed.ended).code).toBe(0);
      expect(rig.effects()).toEqual(['last']);
    });

    it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
      'case 40: %s ends plain steps at once, and flowctl by itself',
      async (signal) => {
        const { rig } = here;
        const stage = await here.stage();
        rig.give({ FLOWCTL_GRACE: '20s' });
        rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
        const run = rig.start(['run', 'flow.yaml']);
        await stage.enter('b');
        const began = performance.now();
        run.process.kill(signal);
        expect((await run.ended).signal).toBe(signal);
        expect(performance.now() - began).toBeLessThan(GONE_MS);
        const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
        expect(await onlyRun(rig)).toMatchObject({ state: 'cancelled', exit_code: codes[signal] });
        expect(rig.effects()).toEqual(['a']);
      },
    );

    it('case 41: steps that ignore it are killed after the grace time, not before (F6)', async () => {
      const { rig } = here;
      const stage = await here.stage();
      rig.give({ FLOWCTL_GRACE: '2s' });
      rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b', 'SIGINT', 'SIGTERM')}` }));
      const run = rig.start(['run', 'flow.yaml']);
      const puppet = await stage.enter('b');
      const began = performance.now();
      run.process.kill('SIGTERM');
      expect((await run.ended).signal).toBe('SIGTERM');
      const tookMs = performance.now() - began;
      expect(tookMs).toBeGreaterThanOrEqual(1_950);
      expect(tookMs).toBeLessThan(2_000 + GONE_MS);
      expect(puppet.signals).toEqual(['SIGTERM']);
      expect(tagged(puppet.run)).toEqual([]);
      const cancelled = await shown(rig);
      expect(cancelled).toMatchObject({ state: 'cancelled', exit_code: 143 });
      expect(stepOf(cancelled, 'b').attempts).toMatchObject([{ outcome: 'cancelled', signal: 'SIGKILL' }]);
    });

    it('case 41: a second one kills at once', async () => {
      const { rig } = here;
      const stage = await here.stage();
      rig.give({ FLOWCTL_GRACE: '30s' });
      rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b', 'SIGINT', 'SIGTERM')}` }));
      const run = rig.start(['run', 'flow.yaml']);
      const puppet = await stage.enter('b');
      run.process.kill('SIGTERM');
      await puppet.catches('SIGTERM');
      expect(tagged(puppet.run)).toContain(puppet.pid);
      const began = performance.now();
      run.process.kill('SIGTERM');
      expect((await run.ended).signal).toBe('SIGTERM');
      expect(performance.now() - began).toBeLessThan(GONE_MS);
      expect(tagged(puppet.run)).toEqual([]);
      expect(await onlyRun(rig)).toMatchObject({ state: 'cancelled', exit_code: 143 });
    });

    it('while a retry waits: the wait ends, nothing more is started', async () => {
      const { rig } = here;
      rig.write('flow.yaml', chain({ b: "retry: { max: 3, delay: 1h }, run: 'exit 1'" }));
      const run = rig.start(['run', 'flow.yaml']);
      await run.prints('will be tried again');
      run.process.kill('SIGINT');
      expect((await run.ended).signal).toBe('SIGINT');
      const cancelled = await shown(rig);
      expect(cancelled).toMatchObject({ state: 'cancelled', exit_code: 130 });
      expect(stepOf(cancelled, 'b').attempts).toHaveLength(1);
    });
  });
});

describe.skipIf(!hasNohup)('case 43: nohup (F4)', () => {
  const flow = (): string => chain({ b: `run: ${Stage.step('b')}` });

  it('a hang-up is ignored, the run completes', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', flow());
    const shell = rig.shell('nohup "$NODE" "$BIN" run flow.yaml > out 2>&1 & echo "pid $!"; wait "$!"; echo "code $?"');
    const puppet = await stage.enter('b');
    const pid = Number(/pid (\d+)/.exec(shell.stdout())?.[1]);
    for (let again = 0; again < 3; again += 1) {
      process.kill(pid, 'SIGHUP');
      expect(await onlyRun(rig)).toMatchObject({ state: 'running' });
    }
    await puppet.exit(0);
    expect((await shell.ended).stdout).toContain('code 0');
    expect(await onlyRun(rig)).toMatchObject({ state: 'succeeded' });
  });

  it('without it the same hang-up ends the run: 129', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', flow());
    const shell = rig.shell('"$NODE" "$BIN" run flow.yaml > out 2>&1 & echo "pid $!"; wait "$!"; echo "code $?"');
    const puppet = await stage.enter('b');
    process.kill(Number(/pid (\d+)/.exec(shell.stdout())?.[1]), 'SIGHUP');
    await puppet.gone;
    expect((await shell.ended).stdout).toContain('code 129');
    await eventually('cancelled', 1_000, async () => (await onlyRun(rig)).state === 'cancelled');
  });
});

describe('case 43: `--detach`', () => {
  it('goes on when whoever started it is gone, and over a hang-up; completes', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const shell = rig.shell('"$NODE" "$BIN" run flow.yaml --detach; echo "code $?"; exec sleep 600');
    await shell.prints('code 0');
    const puppet = await stage.enter('b');
    const owner = Number(/process (\d+)/.exec(shell.stderr())?.[1]);
    shell.process.kill('SIGKILL');
    await shell.ended;
    for (let again = 0; again < 3; again += 1) {
      process.kill(owner, 'SIGHUP');
      expect(await onlyRun(rig)).toMatchObject({ state: 'running' });
    }
    await puppet.exit(0);
    await eventually('it completes', 20_000, async () => (await onlyRun(rig)).state !== 'running');
    expect(await onlyRun(rig)).toMatchObject({ state: 'succeeded', exit_code: 0 });
    expect(rig.effects()).toEqual(['a', 'c']);
  });
});

/** The process that is number 1 in the namespace that `unshare` made. */
const firstProcess = (unshare: number): number =>
  Number(readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'latin1').trim().split(' ')[0]);

describe('flowctl is process 1 (F25, needs namespaces)', () => {
  const NAMESPACE = ['-p', '-f', '--mount-proc', '--kill-child'];
  /** 50 processes that nobody waits for, and 50 that have ended and that nobody collects. */
  const ORPHANS = [
    'i=0; while [ $i -lt 50 ]; do i=$((i + 1)); (setsid sleep 600 & setsid true &); done',
    'echo up >> "$EFFECTS"; exec sleep 600',
  ].join('; ');

  it.skipIf(!canUnshare()).each(['SIGTERM', 'SIGINT'] as const)(
    'case 48: with 50 orphans, and 50 that are defunct: says so, and ends on %s within the grace time',
    async (signal) => {
      const { rig } = here;
      rig.write('flow.yaml', `steps:\n  orphans: { run: '${ORPHANS}' }\n`);
      const argv = isRoot() ? NAMESPACE : ['-Ur', ...NAMESPACE];
      const run = rig.startProgram('unshare', [...argv, process.execPath, BIN, 'run', 'flow.yaml']);
      await eventually('the orphans are there', 30_000, () => rig.effects().length === 1);
      const [id = ''] = rig.runIds();
      expect(tagged(id).length).toBeGreaterThanOrEqual(50);
      const first = firstProcess(run.pid);
      const began = performance.now();
      process.kill(first, signal);
      const { code, stderr } = await run.ended;
      expect(performance.now() - began).toBeLessThan(GRACE_MS + GONE_MS);
      // The kernel does not let process 1 die by a signal of its own, so it says the same by its code.
      expect(code).toBe(signal === 'SIGTERM' ? 143 : 130);
      expect(stderr).toMatch(/warning: flowctl is process 1 here.*--init/);
      expect(tagged(id)).toEqual([]);
      expect(await onlyRun(rig)).toMatchObject({ state: 'cancelled', exit_code: code });
    },
  );

  it.skipIf(!canUnshare())('case 48: a run that completes there: its own code, no warning under an init', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    const argv = isRoot() ? NAMESPACE : ['-Ur', ...NAMESPACE];
    const alone = await rig.startProgram('unshare', [...argv, process.execPath, BIN, 'run', 'flow.yaml']).ended;
    expect(alone.code, alone.stderr).toBe(0);
    const text = '"$NODE" "$BIN" run flow.yaml; exit $?';
    const under = await rig.startProgram('unshare', [...argv, '/bin/bash', '-c', text]).ended;
    expect(under).toMatchObject({ code: 0, stderr: '' });
  });
});

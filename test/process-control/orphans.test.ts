/** Cases 45 to 47 and 64: nothing of a run outlives it, however flowctl or its watchdog ended (I5). */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/model/event.ts';
import { useCase } from '../kit/case.ts';
import { chain, EFFECT, journalOf, onlyRun, shown, single, stepOf } from '../kit/flows.ts';
import { overLaunchers } from '../kit/launchers.ts';
import { Stage } from '../kit/puppet.ts';
import { eventually, GONE_MS, tagged } from '../kit/rig.ts';
import { watchdogsOf } from '../kit/watchdogs.ts';

const here = useCase();

const isAlive = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  } catch {
    return false;
  }
};

/** Steps that are hard to end; each says `up` when all of it is there. */
const HARD = `steps:
  child: { run: 'sleep 600 & echo up >> "$EFFECTS"; wait' }
  stubborn: { run: 'trap "" TERM INT HUP; echo up >> "$EFFECTS"; sleep 600; sleep 600' }
  daemon: { run: 'setsid sh -c "setsid sleep 600 & echo up >> $EFFECTS; exit" & wait; sleep 600' }
  stubborn_daemon: { run: '(trap "" TERM; setsid sh -c "echo up >> $EFFECTS; exec sleep 600" &) & wait; sleep 600' }
`;

overLaunchers(here, () => {
  describe('flowctl is killed', () => {
    it('case 45: group children, double daemons and what ignores TERM: nothing is left', async () => {
      const { rig } = here;
      rig.write('flow.yaml', HARD);
      const run = rig.start(['run', 'flow.yaml', '--max-parallel', '4']);
      await eventually('all are up', 20_000, () => rig.effects().length === 4);
      const { id } = await onlyRun(rig);
      expect(tagged(id).length).toBeGreaterThanOrEqual(8);
      run.process.kill('SIGKILL');
      await run.ended;
      await eventually('I5: nothing carries the token', GONE_MS, () => tagged(id).length === 0);
      await eventually('the watchdog went home', GONE_MS, () => watchdogsOf(id).length === 0);
      expect(await onlyRun(rig)).toMatchObject({ state: 'crashed' });
    });

    it('case 45: whoever listens is asked once, and killed after the grace time, not before', async () => {
      const { rig } = here;
      const stage = await here.stage();
      rig.give({ FLOWCTL_GRACE: '1500ms' });
      // Several, for two signals that come close upon each other may be delivered as one.
      const names = ['s1', 's2', 's3', 's4', 's5', 's6'];
      const steps = names.map((name) => `  ${name}: { run: ${Stage.step(name, 'SIGTERM')} }`);
      rig.write('flow.yaml', `steps:\n${steps.join('\n')}\n`);
      const run = rig.start(['run', 'flow.yaml', '--max-parallel', '6']);
      const puppets = await Promise.all(names.map((name) => stage.enter(name)));
      run.process.kill('SIGKILL');
      const began = performance.now();
      await Promise.all(puppets.map((puppet) => puppet.catches('SIGTERM')));
      await Promise.race(puppets.map((puppet) => puppet.gone));
      expect(performance.now() - began).toBeGreaterThanOrEqual(1_300);
      await Promise.all(puppets.map((puppet) => puppet.gone));
      expect(puppets.map(({ signals }) => signals)).toEqual(names.map(() => ['SIGTERM']));
    });

    it('case 47: after its watchdog was killed: another one does the work (F33)', async () => {
      const { rig } = here;
      rig.write('flow.yaml', HARD);
      const run = rig.start(['run', 'flow.yaml', '--max-parallel', '4']);
      await eventually('all are up', 20_000, () => rig.effects().length === 4);
      const { id } = await onlyRun(rig);
      const [first = 0, ...others] = watchdogsOf(id);
      expect(others).toEqual([]);
      process.kill(first, 'SIGKILL');
      await eventually('another watchdog', GONE_MS, () => watchdogsOf(id).some((pid) => pid !== first));
      run.process.kill('SIGKILL');
      await run.ended;
      await eventually('I5: nothing carries the token', GONE_MS, () => tagged(id).length === 0);
    });

    it('with its watchdog, at once: the next resume ends the orphans before it starts anything', async () => {
      const { rig } = here;
      const stage = await here.stage();
      rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b', 'SIGTERM')}` }));
      const run = rig.start(['run', 'flow.yaml']);
      const orphan = await stage.enter('b');
      run.process.kill('SIGSTOP');
      for (const pid of watchdogsOf(orphan.run)) process.kill(pid, 'SIGKILL');
      run.process.kill('SIGKILL');
      await run.ended;
      expect(await onlyRun(rig)).toMatchObject({ state: 'crashed' });
      expect(isAlive(orphan.pid)).toBe(true);

      const resumed = rig.start(['resume']);
      const second = await stage.enter('b');
      expect(isAlive(orphan.pid)).toBe(false);
      expect(orphan.signals).toEqual(['SIGTERM']);
      await second.exit(0);
      const { code, stdout } = await resumed.ended;
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`left processes behind.*\\b${orphan.pid}\\b`));
      expect(rig.effects()).toEqual(['a', 'c']);
    });

    it('case 64: with a flowctl inside a step: the inner steps go too (F34)', async () => {
      const { rig } = here;
      const stage = await here.stage();
      here.mayLeaveStrays();
      rig.write('inner.yaml', `name: inner\nsteps:\n  deep: { run: ${Stage.step('deep', 'SIGTERM')} }\n`);
      rig.write('outer.yaml', `name: outer\nsteps:\n  nested: { run: '"$NODE" "$BIN" run inner.yaml' }\n`);
      const outer = rig.start(['run', 'outer.yaml']);
      const puppet = await stage.enter('deep');
      const outerId = rig.runIds().find((id) => id !== puppet.run) ?? 'none';
      // The inner step is found by the outer run's token as well as by its own.
      expect(tagged(outerId)).toContain(puppet.pid);
      expect(tagged(puppet.run)).toContain(puppet.pid);
      outer.process.kill('SIGKILL');
      await outer.ended;
      await eventually('outer processes are gone', GONE_MS, () => tagged(outerId).length === 0);
      await puppet.gone;
      expect(tagged(puppet.run)).toEqual([]);
      await eventually(
        'no watchdog is left',
        GONE_MS,
        () => watchdogsOf(outerId).length + watchdogsOf(puppet.run).length === 0,
      );
    });
  });

  describe('a step that ends and leaves something running', () => {
    it('case 46: settles although a daemon holds its output; all is gone by the end of the run, and reported (F7)', async () => {
      const { rig } = here;
      rig.write(
        'flow.yaml',
        `steps:
  leaves: { run: 'sleep 600 & setsid sleep 600 & echo $! > daemon; until grep -q sleep /proc/$!/comm; do :; done; echo done' }
  after: { needs: leaves, run: 'kill -0 "$(cat daemon)" && echo alive >> "$EFFECTS"' }
`,
      );
      const { code, stdout } = await rig.flowctl('run', 'flow.yaml');
      expect(code).toBe(0);
      const run = await shown(rig);
      expect(tagged(run.id)).toEqual([]);
      expect(isAlive(Number(rig.read('daemon')))).toBe(false);
      // Its group ended with it; the daemon, which left the group, lived until the end of the run.
      expect(rig.effects()).toEqual(['alive']);
      expect(stepOf(run, 'leaves').attempts[0]?.duration_ms).toBeLessThan(20_000);
      expect(stdout).toContain('leaves left processes behind');
      const reaped = readFileSync(journalOf(rig), 'utf8')
        .split('\n')
        .filter((line) => line.includes('"processes.reaped"'))
        .map((line) => JSON.parse(line) as RunEvent);
      expect(reaped).toMatchObject([
        { when: 'attempt_end', step: 'leaves', attempt: 1 },
        { when: 'run_end', pids: expect.arrayContaining([Number(rig.read('daemon'))]) },
      ]);
    });

    it('a background child that ignores TERM does not hold its step up', async () => {
      const { rig } = here;
      rig.write(
        'flow.yaml',
        single(
          `run: '(trap "" TERM; echo up >> "$EFFECTS"; sleep 600; sleep 600) & until [ -s "$EFFECTS" ]; do :; done'`,
        ),
      );
      expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
      const run = await shown(rig);
      expect(tagged(run.id)).toEqual([]);
      expect(stepOf(run, 'only').attempts[0]?.duration_ms).toBeLessThan(20_000);
    });
  });

  describe('a step that is killed from outside', () => {
    it('case 62: has an outcome, never a hang; what it started is ended (F33)', async () => {
      const { rig } = here;
      const stage = await here.stage();
      rig.write(
        'flow.yaml',
        `steps:
  direct: { run: ${Stage.step('direct')} }
  under_a_shell: { run: '"$NODE" ${Stage.step('inner').split('"')[3]} inner; true' }
  after: { needs: [direct, under_a_shell], run: ${EFFECT} }
`,
      );
      const run = rig.start(['run', 'flow.yaml']);
      const [direct, inner] = await Promise.all([stage.enter('direct'), stage.enter('inner')]);
      const shell = stepOf(await shown(rig), 'under_a_shell').attempts[0]?.process?.pid ?? 0;
      expect(shell).not.toBe(inner.pid);
      process.kill(direct.pid, 'SIGKILL');
      process.kill(shell, 'SIGKILL');
      await inner.gone;
      expect((await run.ended).code).toBe(1);
      const failed = await shown(rig);
      for (const key of ['direct', 'under_a_shell']) {
        expect(stepOf(failed, key).attempts).toMatchObject([{ outcome: 'failed', exit_code: null, signal: 'SIGKILL' }]);
      }
      expect(stepOf(failed, 'direct').error?.message).toContain('possibly out of memory');
      const starts = readFileSync(journalOf(rig), 'utf8').match(/"attempt\.started"/g);
      expect(starts).toHaveLength(2);
      expect(rig.effects()).toEqual([]);
    });
  });
});

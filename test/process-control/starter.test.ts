/** The starter as a user meets it: what happens to a run when it dies, and to it when the run does. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { systemProgram } from '../../src/process/programs.ts';
import { useCase } from '../kit/case.ts';
import { onlyRun, shown, single, stepOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import { eventually } from '../kit/rig.ts';
import { isRunning } from '../process/processes.ts';

const here = useCase({ FLOWCTL_LAUNCHER: 'starter' });

const parentOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[1]);
};

/** The starter that started a process. */
function starterOf(pid: number): number {
  const starter = parentOf(pid);
  expect(readFileSync(`/proc/${starter}/cmdline`, 'latin1')).toMatch(/^flowctl-starter\0/);
  return starter;
}

describe.skipIf(systemProgram('perl') === null)('the starter (needs perl)', () => {
  it('is killed: the attempt is lost, which nobody is to blame for, and runs again', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', `steps:\n  held: { run: ${Stage.step('held')} }\n  next: { needs: held, run: 'exit 0' }\n`);
    const run = rig.start(['run', 'flow.yaml']);
    const first = await stage.enter('held');
    process.kill(starterOf(first.pid), 'SIGKILL');
    const second = await stage.enter('held');
    expect(isRunning(first.pid)).toBe(false);
    await second.exit(0);
    const { code, stdout } = await run.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('held was lost (attempt 1): the process that had started it was killed');
    const { attempts } = stepOf(await shown(rig), 'held');
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'succeeded']);
  });

  it('is killed: a step that must not run twice is left to a person', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', single(`if_lost: fail, run: ${Stage.step('only')}`));
    const run = rig.start(['run', 'flow.yaml']);
    process.kill(starterOf((await stage.enter('only')).pid), 'SIGKILL');
    expect((await run.ended).code).toBe(1);
    expect(await onlyRun(rig)).toMatchObject({ state: 'failed' });
  });

  it('goes with flowctl, however that goes', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', single(`run: ${Stage.step('only')}`));
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const run = rig.start(['run', 'flow.yaml']);
      const starter = starterOf((await stage.enter('only')).pid);
      run.process.kill(signal);
      await run.ended;
      await eventually('it is gone', 10_000, () => !isRunning(starter));
    }
  });

  it('a step that truncated its log and was stopped then: the loss is reported', async () => {
    const { rig } = here;
    // All within a moment, so that nobody looks at the log before it is short.
    const text = 'f=/dev/std; echo a long line; : > ${f}err; exec sleep 600';
    rig.write('flow.yaml', single(`timeout: 1s, run: '${text}'`));
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    expect((await shown(rig)).warnings).toMatchObject([{ step: 'only', code: 'log_truncated' }]);
  });

  it('a setting that is none is refused', async () => {
    const { rig } = here;
    rig.write('flow.yaml', single("run: 'exit 0'"));
    rig.give({ FLOWCTL_LAUNCHER: 'sometimes' });
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('none of auto, direct, starter'),
    });
    expect(rig.runIds()).toEqual([]);
  });
});

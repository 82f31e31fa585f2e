/** Where runs are recorded, whoever asks and from wherever: PRODUCT's rule for the state directory. */

import { existsSync, mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { chain } from '../kit/flows.ts';

const here = useCase();

describe('the state directory', () => {
  it('is that of the project around the flow file, also for cron from /', async () => {
    const { rig } = here;
    mkdirSync(rig.path('.git'));
    const flow = rig.write('jobs/nightly/flow.yaml', chain());
    expect((await rig.flowctlWith({ cwd: '/' }, 'run', flow)).code).toBe(0);
    expect(rig.runIds()).toHaveLength(1);
    expect(existsSync(rig.path('jobs/nightly/.flowctl'))).toBe(false);
    for (const cwd of [rig.path(), rig.path('jobs'), rig.path('jobs/nightly')]) {
      const { stdout } = await rig.flowctlWith({ cwd }, 'runs', '--json');
      expect((JSON.parse(stdout) as RunRow[]).map(({ id }) => id)).toEqual(rig.runIds());
    }
    // Steps work in the folder of the flow file, wherever flowctl was called from.
    rig.write('jobs/nightly/flow.yaml', 'steps: { where: { run: \'pwd >> "$EFFECTS"\' } }\n');
    await rig.flowctlWith({ cwd: '/' }, 'run', flow);
    expect(rig.effects().at(-1)).toBe(rig.path('jobs/nightly'));
  });

  it('of an outer project is used before a nearer package.json', async () => {
    const { rig } = here;
    mkdirSync(rig.path('.flowctl'), { mode: 0o700 });
    rig.write('packages/etl/package.json', '{}');
    rig.write('packages/etl/flow.yaml', chain());
    await rig.flowctl('run', 'packages/etl/flow.yaml');
    expect(rig.runIds()).toHaveLength(1);
    expect(existsSync(rig.path('packages/etl/.flowctl'))).toBe(false);
  });

  it('of a folder that nothing marks is in that folder', async () => {
    const { rig } = here;
    rig.write('plain/flow.yaml', chain());
    await rig.flowctl('run', 'plain/flow.yaml');
    expect(existsSync(rig.path('plain/.flowctl/runs'))).toBe(true);
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
  });

  it('is what --state-dir says, before FLOWCTL_STATE_DIR, before the project', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    const count = async (env: { [name: string]: string }, ...argv: string[]): Promise<number> => {
      const { code, stdout } = await rig.flowctlWith({ env }, 'runs', '--json', ...argv);
      expect(code).toBe(0);
      return (JSON.parse(stdout) as RunRow[]).length;
    };
    const env = { FLOWCTL_STATE_DIR: rig.path('by-variable') };
    await rig.flowctlWith({ env }, 'run', 'flow.yaml');
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
    await rig.flowctlWith({ env }, 'run', 'flow.yaml', '--state-dir', 'by-option');
    await rig.flowctlWith({ env }, 'run', 'flow.yaml', '--state-dir', 'by-option');
    expect(await count(env)).toBe(1);
    expect(await count(env, '--state-dir', 'by-option')).toBe(2);
    expect(await count({ FLOWCTL_STATE_DIR: '' })).toBe(0);
    // Relative to where the command was called.
    mkdirSync(rig.path('below'));
    const { stdout } = await rig.flowctlWith(
      { cwd: rig.path('below') },
      'runs',
      '--json',
      '--state-dir',
      '../by-option',
    );
    expect(JSON.parse(stdout)).toHaveLength(2);
  });

  it('that others may write to is refused (77) with the command that mends it; readable by others is tightened', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    mkdirSync(rig.path('.flowctl'), { mode: 0o700 });
    await rig.shell('chmod 0777 .flowctl').ended;
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect({ code, stdout }).toEqual({ code: 77, stdout: '' });
    expect(stderr).toContain(`chmod`);
    expect(rig.effects()).toEqual([]);
    await rig.shell('chmod 0755 .flowctl').ended;
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    expect((await rig.shell('stat -c %a .flowctl').ended).stdout).toBe('700\n');
  });

  it('is not made by queries, nor written by them', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    for (const argv of [['runs'], ['show'], ['logs'], ['resume'], ['validate', 'flow.yaml']])
      await rig.flowctl(...argv);
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
    await rig.flowctl('run', 'flow.yaml');
    const listing = async (): Promise<string> =>
      (await rig.shell('find .flowctl -printf "%p %T@ %C@ %s\\n" | sort').ended).stdout;
    const before = await listing();
    for (const argv of [['runs'], ['show'], ['logs'], ['resume'], ['runs', '--json']]) await rig.flowctl(...argv);
    expect(await listing()).toBe(before);
    expect(before.split('\n').length).toBeGreaterThan(10);
  });
});

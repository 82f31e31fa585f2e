/** Cases 28 and 32: the system refuses to read or write state (I10: never success with a record missing). */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, shown, timesOf } from '../kit/flows.ts';
import type { Ended } from '../kit/rig.ts';

const here = useCase();
const STEPS = ['a', 'b', 'c'];

/** strace can be there and yet not be allowed to trace. */
const canTrace = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0;
const dropsCapabilities =
  spawnSync('setpriv', ['--bounding-set', '-dac_override,-dac_read_search', 'true']).status === 0;

/** Runs flowctl so that the n-th of a system call fails. One thread does all file work, so that n means the same every time. */
function inject(call: string, error: string, when: number, ...argv: readonly string[]): Promise<Ended> {
  const fault = `-e trace=${call} -e inject=${call}:error=${error}:when=${when}`;
  return here.rig.shell(`exec strace -f -qq -o trace --seccomp-bpf ${fault} "$NODE" "$BIN" ${argv.join(' ')}`, {
    env: { UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' },
  }).ended;
}

/** The steps whose success is on record, as a reader sees it now. */
async function recorded(): Promise<readonly string[]> {
  const rows = await here.rig.query<RunRow[]>('runs');
  if (rows.length === 0) return [];
  return (await shown(here.rig)).steps.filter(({ state }) => state === 'succeeded').map(({ key }) => key);
}

describe.skipIf(!canTrace)('case 28: a system call fails (needs strace)', () => {
  it.each([
    ['fdatasync', 'EIO', 1],
    ['fdatasync', 'EIO', 2],
    ['fdatasync', 'EIO', 3],
    ['fdatasync', 'EIO', 5],
    ['fdatasync', 'ENOSPC', 4],
    ['fsync', 'EIO', 1],
    ['fsync', 'EIO', 4],
    ['rename', 'EIO', 1],
    ['rename', 'EIO', 2],
    ['mkdir', 'ENOSPC', 3],
  ])(
    '%s gives %s the %i. time: 74, or 0 with nothing missing; then resume keeps what is recorded',
    async (call, error, when) => {
      const { rig } = here;
      rig.write('flow.yaml', chain());
      const { code, stdout, stderr } = await inject(call, error, when, 'run', 'flow.yaml');
      expect(readFileSync(rig.path('trace'), 'utf8'), 'the fault was injected').toContain('(INJECTED)');
      expect([0, 74], stderr).toContain(code);
      const before = await recorded();
      if (code === 0) {
        expect(before).toEqual(STEPS);
        return;
      }
      expect(stderr).toContain(rig.path('.flowctl'));
      expect(stderr).toContain(error);
      // I1: what was printed as succeeded is on record.
      for (const [, step = ''] of stdout.matchAll(/Z (\w) succeeded/g)) expect(before).toContain(step);
      // I10: what ran and is not on record was told.
      for (const step of STEPS) {
        if (timesOf(rig, step) > 0 && !before.includes(step)) expect(stderr).toContain(`not recorded: ${step}`);
      }
      const effects = rig.effects();
      const begun = (await rig.query<RunRow[]>('runs')).length > 0;
      const next = begun ? await rig.flowctl('resume') : await rig.flowctl('run', 'flow.yaml');
      expect(next.code, next.stderr).toBe(0);
      expect(await recorded()).toEqual(STEPS);
      for (const step of before) expect(timesOf(rig, step), `I2: ${step}`).toBe(1);
      expect(rig.effects().slice(0, effects.length)).toEqual(effects);
    },
  );

  it('a write to the journal fails: 74, and the step that ran meanwhile is listed', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    let lists = 0;
    for (const when of [3, 4, 5]) {
      await rig.shell('rm -rf .flowctl effects').ended;
      const { code, stderr } = await inject('fdatasync', 'EIO', when, 'run', 'flow.yaml');
      if (code === 74 && /ran but not recorded: [abc], attempt 1: succeeded/.test(stderr)) lists += 1;
    }
    expect(lists).toBeGreaterThan(0);
  });
});

describe.skipIf(!dropsCapabilities)('case 32: a run that cannot be read (needs setpriv)', () => {
  it('runs 0, the problem shown, others untouched', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    await rig.flowctl('run', 'flow.yaml');
    const closed = await onlyRun(rig);
    await rig.flowctl('run', 'flow.yaml');
    await rig.shell(`chmod 0 .flowctl/runs/${closed.id}; rm .flowctl/index.ndjson`).ended;
    // Root is not stopped by modes, so it goes without that power.
    const ordinary = 'setpriv --bounding-set -dac_override,-dac_read_search --inh-caps -dac_override,-dac_read_search';
    const { code, stdout, stderr } = await rig.shell(`${ordinary} "$NODE" "$BIN" runs --json`).ended;
    expect(code, stderr).toBe(0);
    const rows = JSON.parse(stdout) as RunRow[];
    expect(rows.map(({ id, problem }) => [id === closed.id, problem?.code ?? null])).toEqual([
      [false, null],
      [true, 'permission'],
    ]);
    expect(rows[1]?.problem?.file).toContain(closed.id);
    const resumed = await rig.shell(`${ordinary} "$NODE" "$BIN" resume ${closed.id}`).ended;
    expect(resumed.code).toBe(77);
    await rig.shell(`chmod 700 .flowctl/runs/${closed.id}`).ended;
    expect(await rig.query('runs')).toHaveLength(2);
  });

  it('a folder of runs that is no run at all: ignored', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    await rig.flowctl('run', 'flow.yaml');
    await rig.shell(
      'umask 077; mkdir .flowctl/runs/zzz .flowctl/runs/01aaaaaaaaaaaaaaaaaaaaaaaa; rm .flowctl/index.ndjson',
    ).ended;
    expect((await onlyRun(rig)).state).toBe('succeeded');
  });
});

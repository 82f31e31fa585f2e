/** Cases 28 and 32: the system refuses to read or write state (I10: never success with a record missing). */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, shown, timesOf } from '../kit/flows.ts';
import { type Ended, eventually, GONE_MS, tagged } from '../kit/rig.ts';

const here = useCase();
const STEPS = ['a', 'b', 'c'];

/** strace can be there and yet not be allowed to trace. */
const canTrace = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0;
const dropsCapabilities =
  spawnSync('setpriv', ['--bounding-set', '-dac_override,-dac_read_search', 'true']).status === 0;

/** strace counts by thread: all file work goes through one. */
const ONE_THREAD = { UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' };

/** Runs flowctl so that the n-th of a system call fails. */
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

  // The 1. sync is the run's creation, then each commit holds the end of a step with the start of the next.
  it.each([
    [2, [], []],
    [3, ['a'], ['a']],
    [4, ['a', 'b'], ['b']],
    [5, ['a', 'b', 'c'], ['c']],
  ])(
    'write, then act: with the %i. sync failing, only %j has happened, and %j is listed as not recorded',
    async (when, happened, listed) => {
      const { rig } = here;
      rig.write('flow.yaml', chain());
      const { code, stderr } = await inject('fdatasync', 'EIO', when, 'run', 'flow.yaml');
      expect(code, stderr).toBe(74);
      expect(rig.effects()).toEqual(happened);
      const told = [...stderr.matchAll(/ran but not recorded: (\w), attempt 1: succeeded/g)].map(([, step]) => step);
      expect(told).toEqual(listed);
    },
  );

  it('on a slow disk every step waits for the record of its own start, and of the end of the one before (I1)', async () => {
    const { rig } = here;
    const at = `run: 'date +%s%3N >> "$EFFECTS"'`;
    rig.write('flow.yaml', chain({ a: at, b: at, c: at }));
    // In microseconds; only the system call is slow, so whoever does not wait for it would be early by all of that.
    const slow = 'strace -f -qq -o trace --seccomp-bpf -e trace=fdatasync -e inject=fdatasync:delay_enter=400000';
    const { code } = await rig.shell(`exec ${slow} "$NODE" "$BIN" run flow.yaml`).ended;
    expect(code).toBe(0);
    const [a = 0, b = 0, c = 0] = rig.effects().map(Number);
    expect(b - a).toBeGreaterThanOrEqual(390);
    expect(c - b).toBeGreaterThanOrEqual(390);
    expect(a - Date.parse((await onlyRun(rig)).started_at ?? '')).toBeGreaterThanOrEqual(780);
  });

  it('killed at the n-th sync: nothing happened without a recorded start; resume keeps what is recorded (I2, I3)', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    // Every one of them: case 16 in test/torture/cases.test.ts.
    for (const when of [1, 3, 5]) {
      await rig.shell('rm -rf .flowctl effects').ended;
      const kill = `strace -f -qq -o trace --seccomp-bpf -e trace=fdatasync -e inject=fdatasync:signal=SIGKILL:when=${when}`;
      await rig.shell(`exec ${kill} "$NODE" "$BIN" run flow.yaml`, { env: ONE_THREAD }).ended;
      const rows = await rig.query<RunRow[]>('runs');
      if (rows.length === 0) {
        expect(rig.effects()).toEqual([]);
        continue;
      }
      const { id } = await onlyRun(rig);
      await eventually('I5', GONE_MS, () => tagged(id).length === 0);
      const before = await shown(rig);
      for (const { key, attempts } of before.steps) expect(timesOf(rig, key)).toBeLessThanOrEqual(attempts.length);
      const { code, stderr } = await rig.flowctl('resume', id);
      expect({ when, code }, stderr).toEqual({ when, code: 0 });
      for (const { key, state } of before.steps) {
        expect(timesOf(rig, key), `I3: ${key}, killed at ${when}`).toBeGreaterThanOrEqual(1);
        if (state === 'succeeded') expect(timesOf(rig, key), `I2: ${key}, killed at ${when}`).toBe(1);
      }
    }
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

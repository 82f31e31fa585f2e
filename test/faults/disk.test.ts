/** Cases 27 and 30: the state lies on a disk that is full, or not to be written. Real ones, small, in a mount namespace (n). */

import { afterEach, describe, expect, it } from 'vitest';
import type { RunDetail, RunRow } from '../../src/model/view.ts';
import { canUnshare } from '../kit/abilities.ts';
import { useCase } from '../kit/case.ts';
import { chain, timesOf } from '../kit/flows.ts';
import { Island } from '../kit/island.ts';
import { type Ended, tagged } from '../kit/rig.ts';

const here = useCase();

let island: Island | null = null;
afterEach(async () => {
  await island?.close();
  island = null;
});

async function onDisk(options: string): Promise<Island> {
  island = await Island.open(here.rig, options);
  return island;
}

async function asked<T>(disk: Island, ...argv: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await disk.flowctl(...argv, '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

const states = async (disk: Island): Promise<readonly string[]> =>
  (await asked<RunDetail>(disk, 'show')).steps.map(({ key, state }) => `${key} ${state}`);

/** 74, said with the path and the reason, without a stack trace, and nothing goes on. */
async function expectFull(disk: Island, { code, stderr }: Ended): Promise<void> {
  expect(code, stderr).toBe(74);
  expect(stderr).toContain('ENOSPC');
  expect(stderr).toContain(here.rig.path('.flowctl'));
  expect(stderr).not.toMatch(/\n\s+at |internal/);
  for (const { id } of await asked<RunRow[]>(disk, 'runs')) expect(tagged(id)).toEqual([]);
}

const succeeded = async (disk: Island): Promise<readonly string[]> =>
  (await asked<RunDetail>(disk, 'show')).steps.filter(({ state }) => state === 'succeeded').map(({ key }) => key);

const CHAIN = Array.from({ length: 16 }, (_, index) => `s${String(index).padStart(2, '0')}`);

/** One step after the other, so that the journal outgrows what is left of its last page. The second does something, once. */
const longChain = (text: string, more = ''): string => {
  const lines = CHAIN.map((name, index) => {
    const needs = index === 0 ? '' : `needs: ${CHAIN[index - 1]}, `;
    const own = index === 1 ? `; test -e "$EFFECTS.done" || { touch "$EFFECTS.done"; ${text}; }` : '';
    return `  ${name}: { ${needs}run: '${EFFECT}${own}'${index === 1 ? more : ''} }`;
  });
  return `name: chain\nsteps:\n${lines.join('\n')}\n`;
};

const EFFECT = 'echo "$FLOWCTL_STEP" >> "$EFFECTS"';

describe.skipIf(!canUnshare())('case 27: a disk of 1 MB fills (needs namespaces)', () => {
  it('case 27: a step fills it: 74, ENOSPC, path, what ran is listed; freed: resume 0, and what is recorded does not run again (I2)', async () => {
    const { rig } = here;
    const disk = await onDisk('size=1m');
    const fill = 'head -c 2000000 /dev/zero > "$FLOWCTL_RUN_DIR/fill" 2>/dev/null || true';
    rig.write('flow.yaml', longChain(fill));
    const full = await disk.flowctl('run', 'flow.yaml');
    await expectFull(disk, full);
    expect(full.stderr).toContain('free some space');
    const unrecorded = [...full.stderr.matchAll(/ran but not recorded: (\w+), attempt 1: succeeded/g)].map(
      ([, step]) => step,
    );
    expect([...(await succeeded(disk)), ...unrecorded]).toEqual(rig.effects());
    expect((await disk.flowctl('logs')).code).toBe(0);
    // Still full: the same again.
    await expectFull(disk, await disk.flowctl('resume'));
    const [before, again] = [await succeeded(disk), rig.effects().length];
    await disk.shell('rm .flowctl/runs/*/dir/fill');
    const resumed = await disk.flowctl('resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(rig.effects().slice(again)).toEqual(CHAIN.slice(before.length));
    expect(await succeeded(disk)).toEqual(CHAIN);
  });

  it.each([
    ['which the step writes itself', ''],
    ['which comes through a pipe', ', logs: pipe'],
  ])('case 27: a log %s fills it: 74, and resume does the rest', async (_, more) => {
    const { rig } = here;
    const disk = await onDisk('size=1m');
    rig.write('flow.yaml', longChain('head -c 3000000 /dev/zero || true', more));
    await expectFull(disk, await disk.flowctl('run', 'flow.yaml'));
    const before = await succeeded(disk);
    expect((await disk.flowctl('logs', 'last', CHAIN[1] ?? '')).code).toBe(0);
    await disk.remount('size=8m');
    const resumed = await disk.flowctl('resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    for (const step of before) expect(timesOf(rig, step), `I2: ${step}`).toBe(1);
    expect(await succeeded(disk)).toEqual(CHAIN);
  });

  const rooms = process.env['FAULT_SWEEP'] === 'all' ? Array.from({ length: 40 }, (_, index) => index) : [0, 11];

  it.each(rooms)(
    'case 27: %i pages are left when a run is begun: 74 or 0, no harm to the runs before and after it',
    async (pages) => {
      const { rig } = here;
      const disk = await onDisk('size=1m');
      rig.write('flow.yaml', chain());
      expect((await disk.flowctl('run', 'flow.yaml')).code).toBe(0);
      const leave = `head -c 2000000 /dev/zero > .flowctl/fill 2>/dev/null; truncate -s -${pages * 4096} .flowctl/fill`;
      await disk.shell(`umask 077; ${leave}`);
      const ended = await disk.flowctl('run', 'flow.yaml');
      if (ended.code !== 0) await expectFull(disk, ended);
      const rows = await asked<RunRow[]>(disk, 'runs');
      expect(rows.map(({ problem }) => problem ?? null)).toEqual(rows.map(() => null));
      expect(rows.at(-1)?.state).toBe('succeeded');
      const begun = rows.length === 2;
      const before = begun ? await states(disk) : [];
      if (ended.code === 0) expect(before).toEqual(['a succeeded', 'b succeeded', 'c succeeded']);
      await disk.shell('rm .flowctl/fill');
      const next = begun ? await disk.flowctl('resume', rows[0]?.id ?? '') : await disk.flowctl('run', 'flow.yaml');
      expect(next.code, next.stderr).toBe(0);
      expect(await states(disk)).toEqual(['a succeeded', 'b succeeded', 'c succeeded']);
      for (const step of ['a', 'b', 'c']) if (before.includes(`${step} succeeded`)) expect(timesOf(rig, step)).toBe(2);
      expect((await asked<RunRow[]>(disk, 'runs')).map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
    },
  );

  const inodes = process.env['FAULT_SWEEP'] === 'all' ? Array.from({ length: 30 }, (_, index) => index + 2) : [9, 21];

  it.each(inodes)('case 27: a disk with room for %i files: 74 or 0 with nothing missing', async (files) => {
    const { rig } = here;
    const disk = await onDisk(`size=8m,nr_inodes=${files}`);
    rig.write('flow.yaml', chain());
    const ended = await disk.flowctl('run', 'flow.yaml');
    if (ended.code !== 0) await expectFull(disk, ended);
    const begun = (await asked<RunRow[]>(disk, 'runs')).length > 0;
    await disk.remount('size=8m,nr_inodes=1000');
    const next = begun ? await disk.flowctl('resume') : await disk.flowctl('run', 'flow.yaml');
    expect(next.code, next.stderr).toBe(0);
    expect(rig.effects().join('')).toMatch(/^a+b+c+$/);
  });
});

describe.skipIf(!canUnshare())('case 30: the disk is not to be written (needs namespaces)', () => {
  it('case 30: queries 0, the same as before; whatever writes 74 with path and EROFS, and nothing runs', async () => {
    const { rig } = here;
    const disk = await onDisk('size=8m');
    rig.write('flow.yaml', chain({ c: "run: 'exit 3'" }));
    expect((await disk.flowctl('run', 'flow.yaml')).code).toBe(1);
    const before = await asked<RunDetail>(disk, 'show');
    const effects = rig.effects();
    await disk.remount('ro');
    expect(await asked<RunDetail>(disk, 'show')).toEqual(before);
    expect((await asked<RunRow[]>(disk, 'runs')).map(({ state }) => state)).toEqual(['failed']);
    for (const query of ['logs', 'graph last', 'runs --all', 'validate flow.yaml', 'run flow.yaml --dry-run']) {
      const { code, stderr } = await disk.flowctl(query);
      expect({ query, code }, stderr).toEqual({ query, code: 0 });
    }
    for (const command of ['run flow.yaml', 'resume', 'rerun', 'run flow.yaml --detach']) {
      const { code, stderr } = await disk.flowctl(command);
      expect({ command, code }, stderr).toEqual({ command, code: 74 });
      expect(stderr).toContain('EROFS');
      expect(stderr).toContain(rig.path('.flowctl'));
      expect(stderr).not.toMatch(/\n\s+at |internal/);
    }
    expect(rig.effects()).toEqual(effects);
    await disk.remount('rw');
    expect((await disk.flowctl('resume')).code).toBe(1);
    expect(rig.effects()).toEqual(effects);
  });
});

/** Cases 37, 55, 56 and 57: descriptors, processes and memory run short; two machines share a volume. Slower, never a failure of ours. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { canUnshare, isRoot } from '../kit/abilities.ts';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, shown, single, stepOf, timesOf } from '../kit/flows.ts';
import { overLaunchers } from '../kit/launchers.ts';
import { Stage } from '../kit/puppet.ts';

const here = useCase();

/** So many steps side by side, each with an effect of its own. */
const crowd = (count: number): string =>
  `name: crowd
max_parallel: ${count}
steps:
  many:
    foreach: [${Array.from({ length: count }, (_, index) => index).join(', ')}]
    max_parallel: ${count}
    # A shell that starts nothing itself: what it may not start is its own failure.
    run: 'echo "$FLOWCTL_STEP" >> "$EFFECTS"; echo printed; exec sleep 0.1'
`;

/** A control group of one controller (version 1), with limits; null where none can be made. */
function controlGroup(controller: 'pids' | 'memory', limits: { readonly [file: string]: string }): string | null {
  let folder: string | null = null;
  try {
    folder = mkdtempSync(`/sys/fs/cgroup/${controller}/flowctl-test-`);
    for (const [file, value] of Object.entries(limits)) writeFileSync(join(folder, file), value);
    return folder;
  } catch {
    if (folder !== null) rmdirSync(folder);
    return null;
  }
}

const canLimit = (controller: 'pids' | 'memory', file: string): boolean => {
  if (
    !isRoot() ||
    (!existsSync(`/sys/fs/cgroup/${controller}/${file.replace('max', 'current')}`) &&
      !existsSync(`/sys/fs/cgroup/${controller}/tasks`))
  )
    return false;
  const folder = controlGroup(controller, { [file]: controller === 'pids' ? '1000' : '100000000' });
  if (folder !== null) rmdirSync(folder);
  return folder !== null;
};

const canLimitPids = canLimit('pids', 'pids.max');
const canLimitMemory = canLimit('memory', 'memory.limit_in_bytes');

let groups: string[] = [];
afterEach(() => {
  for (const group of groups) rmdirSync(group);
  groups = [];
});

function groupWith(controller: 'pids' | 'memory', limits: { readonly [file: string]: string }): string {
  const folder = controlGroup(controller, limits);
  if (folder === null) throw new Error('no control group');
  groups.push(folder);
  return folder;
}

async function expectWhole(count: number): Promise<void> {
  const { rig } = here;
  const run = await shown(rig);
  expect(run.state).toBe('succeeded');
  for (let item = 0; item < count; item += 1) {
    expect(timesOf(rig, `many[${item}]`)).toBe(1);
    expect(stepOf(run, `many[${item}]`).attempts).toHaveLength(1);
  }
  expect((await rig.flowctl('logs', 'last', 'many[7]')).stdout).toContain('printed');
}

overLaunchers(here, () => {
  it('case 55: `ulimit -n 64`, 40 steps at once: 0, each ran once', async () => {
    const { rig } = here;
    rig.write('flow.yaml', crowd(40));
    const { code, stderr } = await rig.shell('ulimit -n 64; exec "$NODE" "$BIN" run flow.yaml').ended;
    expect(code, stderr).toBe(0);
    await expectWhole(40);
  });

  it('case 55: `ulimit -n 64`, 40 steps whose logs pass through pipes: 0, each ran once', async () => {
    const { rig } = here;
    rig.write('flow.yaml', crowd(40).replace('    run:', '    output: text\n    run:'));
    const { code, stderr } = await rig.shell('ulimit -n 64; exec "$NODE" "$BIN" run flow.yaml').ended;
    expect(code, stderr).toBe(0);
    await expectWhole(40);
  });
});

it('F22: descriptors are few while 30 functions and 10 commands run: 0, each ran once', async () => {
  const { rig } = here;
  rig.write(
    'tasks.mjs',
    'export const wait = async ({ n }) => { await new Promise((done) => setTimeout(done, 30)); return n; };\n',
  );
  rig.write(
    'flow.yaml',
    `${crowd(10)}  called:\n    foreach: [${Array.from({ length: 30 }, (_, index) => index).join(', ')}]\n    max_parallel: 30\n    call: ./tasks.mjs#wait\n    with: { n: "\${{ item }}" }\n`,
  );
  const { code, stderr } = await rig.shell('ulimit -n 64; exec "$NODE" "$BIN" run flow.yaml').ended;
  expect(code, stderr).toBe(0);
  await expectWhole(10);
});

overLaunchers(here, () => {
  it.skipIf(!canLimitPids)(
    'case 55: `pids.max` 30, 40 steps at once: 0, slower (needs root, control groups)',
    async () => {
      const { rig } = here;
      rig.write('flow.yaml', crowd(40));
      const group = groupWith('pids', { 'pids.max': '30' });
      const { code, stderr } = await rig.shell(`echo $$ > ${group}/cgroup.procs; exec "$NODE" "$BIN" run flow.yaml`)
        .ended;
      expect(code, stderr).toBe(0);
      await expectWhole(40);
    },
  );
});

const STRANGER = 61_234;
const canBecome =
  isRoot() && spawnSync('setpriv', ['--reuid', String(STRANGER), '--clear-groups', 'true']).status === 0;

it.skipIf(!canBecome)('F23: `prlimit --nproc`, 40 steps at once: 0, slower (needs root, setpriv)', async () => {
  const { rig } = here;
  rig.write('flow.yaml', crowd(40));
  await rig.shell(`chmod 700 .; chown -R ${STRANGER} .`).ended;
  const limited = `exec prlimit --nproc=30 setpriv --reuid ${STRANGER} --clear-groups "$NODE" "$BIN" run flow.yaml`;
  const { code, stderr } = await rig.shell(limited).ended;
  expect(code, stderr).toBe(0);
  await rig.shell('chown -R 0:0 .').ended;
  await expectWhole(40);
});

describe('case 56: more than the system takes', () => {
  const LONG = 200_000;

  it('case 56: a script of 1 MB works', async () => {
    const { rig } = here;
    const lines = Array.from({ length: 17_000 }, (_, index) => `      : ${'x'.repeat(45)} ${index}`).join('\n');
    rig.write('flow.yaml', `steps:\n  only:\n    run: |\n${lines}\n      echo done >> "$EFFECTS"\n`);
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(code, stderr).toBe(0);
    expect(rig.effects()).toEqual(['done']);
  });

  it.each([
    ['an argument', 'run: [sh, -c, "true", "${{ params.p }}"]'],
    ['a variable', 'run: "true", env: { V: "${{ params.p }}" }'],
  ])('case 56: %s of 200 kB fails the step and names what is too long, not the value', async (_, step) => {
    const { rig } = here;
    rig.write('flow.yaml', `params: { p: { type: string } }\n${single(step)}`);
    rig.write('params.json', JSON.stringify({ p: 'z'.repeat(LONG) }));
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml', '--params-file', 'params.json');
    expect(code, stderr).toBe(1);
    expect(stdout + stderr).not.toContain('zzzz');
    expect(stepOf(await shown(rig), 'only').attempts[0]?.error).toMatchObject({
      message: expect.stringMatching(/bytes|E2BIG|too large|too long/),
    });
  });
});

describe.skipIf(!canLimitMemory)(
  'case 57: a step takes more memory than it is given (needs root, control groups)',
  () => {
    const eat = (group: string): string => `echo $$ > ${group}/cgroup.procs; x=y; while :; do x="$x$x"; done`;

    it('case 57: 1, SIGKILL, possibly out of memory; flowctl and other steps are none the worse', async () => {
      const { rig } = here;
      const group = groupWith('memory', { 'memory.limit_in_bytes': String(32 * 1024 * 1024) });
      rig.write(
        'flow.yaml',
        `name: eater\nsteps:\n  only: { shell: bash, run: '${eat(group)}' }\n  other: { run: 'echo other >> "$EFFECTS"' }\n`,
      );
      const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml');
      expect(code, stderr).toBe(1);
      const run = await shown(rig);
      const [attempt] = stepOf(run, 'only').attempts;
      expect(attempt).toMatchObject({ outcome: 'failed', signal: 'SIGKILL' });
      expect(JSON.stringify(attempt?.error)).toContain('possibly out of memory');
      expect(stdout).toContain('possibly out of memory');
      expect(rig.effects()).toEqual(['other']);
    });

    it('case 57: retry applies', async () => {
      const { rig } = here;
      const group = groupWith('memory', { 'memory.limit_in_bytes': String(32 * 1024 * 1024) });
      rig.write(
        'flow.yaml',
        single(`shell: bash, retry: 1, run: 'test "$FLOWCTL_ATTEMPT" = 2 && exit 0; ${eat(group)}'`),
      );
      const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
      expect(code, stderr).toBe(0);
      expect(stepOf(await shown(rig), 'only')).toMatchObject({ flaky: true });
    });
  },
);

it.skipIf(!canUnshare())(
  'case 37: two pid namespaces with one volume: one owner, one 75; the reader says who is alive (needs namespaces)',
  async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const container = 'unshare -Urmpf --mount-proc --kill-child bash -c';
    const run = rig.shell(`exec ${container} 'exec "$NODE" "$BIN" run flow.yaml'`);
    const first = await stage.enter('b');
    const other = await rig.shell(`exec ${container} 'exec "$NODE" "$BIN" resume ${first.run}'`).ended;
    expect(other.code, other.stderr).toBe(75);
    const outside = await rig.flowctl('resume', first.run);
    expect(outside.code, outside.stderr).toBe(75);
    expect((await onlyRun(rig)).state).toBe('running');
    const inside = await rig.shell(`exec ${container} 'exec "$NODE" "$BIN" show --json'`).ended;
    expect((JSON.parse(inside.stdout) as RunDetail).state).toBe('running');
    await first.exit(0);
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(0);
    expect(rig.effects()).toEqual(['a', 'c']);
  },
);

it('F35: the threads that do file work are few and busy: the record waits, nothing is lost', async () => {
  const { rig } = here;
  mkdirSync(rig.path('many'));
  rig.write(
    'flow.yaml',
    `${crowd(8)}  made: { generates: ['many/*'], run: 'for n in 1 2 3 4 5 6 7 8; do head -c 3000000 /dev/zero > many/$n; done' }\n`,
  );
  const { code, stderr } = await rig.start(['run', 'flow.yaml'], { env: { UV_THREADPOOL_SIZE: '1' } }).ended;
  expect(code, stderr).toBe(0);
  await expectWhole(8);
});

it('F28: the state lies on a network file system: one warning with its name, and the run goes on; none on a local disk', async () => {
  const { rig } = here;
  rig.write('flow.yaml', chain({ c: "run: 'exit 3'" }));
  // No network here: statfs(2) is made to tell of one.
  rig.write(
    'nfs.cjs',
    "const fs = require('node:fs');\nconst real = fs.statfsSync;\nfs.statfsSync = (path) => ({ ...real(path), type: 0x6969 });\n",
  );
  const elsewhere = { env: { NODE_OPTIONS: `--require ${rig.path('nfs.cjs')}` } };
  const warnings = (text: string): number => text.split('network file system (NFS)').length - 1;
  const run = await rig.start(['run', 'flow.yaml'], elsewhere).ended;
  expect([run.code, warnings(run.stderr)], run.stderr).toEqual([1, 1]);
  expect(run.stderr).toContain(rig.path('.flowctl'));
  const resumed = await rig.start(['resume'], elsewhere).ended;
  expect([resumed.code, warnings(resumed.stderr)], resumed.stderr).toEqual([1, 1]);
  expect(warnings((await rig.flowctl('resume')).stderr)).toBe(0);
});

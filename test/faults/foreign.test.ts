/** Cases 29, 31 and 32: the state belongs to somebody else, is taken away, or turns read-only while a run goes on. */

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canCutPower, IMAGE_MEGABYTES, isRoot } from '../kit/abilities.ts';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, timesOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import { type Ended, eventually, tagged } from '../kit/rig.ts';

const here = useCase();

/** Nobody: no account of a person. */
const STRANGER = 65_534;
const canBeStranger =
  isRoot() && spawnSync('setpriv', ['--reuid', String(STRANGER), '--clear-groups', 'true']).status === 0;

const asStranger = (command: string): Promise<Ended> =>
  here.rig.shell(`exec setpriv --reuid ${STRANGER} --regid ${STRANGER} --clear-groups "$NODE" "$BIN" ${command}`).ended;

/** Every file of the state with its owner and mode. */
const ownersOf = (folder: string): readonly string[] =>
  ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })].map((name) => {
    const { uid, mode, size } = lstatSync(join(folder, name));
    return `${name} ${uid} ${mode.toString(8)} ${size}`;
  });

describe.skipIf(!canBeStranger)('case 31: the state of another user (needs root, setpriv)', () => {
  it('case 31: root in the state of a user: whatever writes 77, nothing is executed, nothing changed', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ b: "run: 'sleep 60'" }));
    const run = rig.start(['run', 'flow.yaml']);
    await run.prints('b started');
    await rig.shell(`chown -R ${STRANGER}:${STRANGER} .flowctl`).ended;
    const state = rig.path('.flowctl');
    const effects = rig.effects();
    let isLive = true;
    const refuse = async (command: string): Promise<void> => {
      const before = ownersOf(state);
      const { code, stderr } = await rig.flowctl(...command.split(' '));
      expect({ command, code }, stderr).toEqual({ command, code: 77 });
      expect(stderr).toContain(state);
      // A run that goes on writes on.
      if (!isLive) expect(ownersOf(state)).toEqual(before);
    };
    // A request of root's is none that the user's flowctl could read.
    await refuse('cancel last');
    expect(readdirSync(join(state, 'runs', rig.runIds()[0] ?? '', 'inbox'))).toEqual([]);
    run.process.kill('SIGKILL');
    await run.ended;
    isLive = false;
    for (const command of ['run flow.yaml', 'run flow.yaml --detach', 'resume', 'rerun', 'cancel last'])
      await refuse(command);
    expect(rig.effects()).toEqual(effects);
    await rig.shell('chown -R 0:0 .flowctl').ended;
  });

  it('case 31: another user in the state of root: 77 for everything, nothing is executed', async () => {
    const { rig } = here;
    chmodSync(rig.folder, 0o777);
    rig.write('flow.yaml', chain({ b: `run: 'exit 3'` }));
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    const effects = rig.effects();
    const before = ownersOf(rig.path('.flowctl'));
    for (const command of ['run flow.yaml', 'resume', 'rerun', 'cancel last', 'runs', 'show', 'logs']) {
      const { code, stdout, stderr } = await asStranger(command);
      expect({ command, code }, stderr).toEqual({ command, code: 77 });
      expect(stderr).toContain('.flowctl');
      expect(stdout).toBe('');
      expect(stderr).not.toMatch(/\n\s+at |internal/);
    }
    expect(rig.effects()).toEqual(effects);
    expect(ownersOf(rig.path('.flowctl'))).toEqual(before);
  });

  it('case 31: a user without the right to make a state directory: 77 with its path, nothing is executed', async () => {
    const { rig } = here;
    chmodSync(rig.folder, 0o755);
    rig.write('flow.yaml', chain());
    const { code, stderr } = await asStranger('run flow.yaml');
    expect(code, stderr).toBe(77);
    expect(stderr).toContain(rig.path('.flowctl'));
    expect(rig.effects()).toEqual([]);
  });

  it('case 32: one run of another user among ours: runs 0 with the problem shown, others untouched', async () => {
    const { rig } = here;
    chmodSync(rig.folder, 0o777);
    chownSync(rig.folder, STRANGER, STRANGER);
    rig.write('flow.yaml', chain());
    expect((await asStranger('run flow.yaml')).code).toBe(0);
    const closed = await onlyRun(rig);
    expect((await asStranger('run flow.yaml')).code).toBe(0);
    const folder = rig.path('.flowctl', 'runs', closed.id);
    await rig.shell(`chown -R 0:0 ${folder}; rm .flowctl/index.ndjson`).ended;
    const { code, stdout, stderr } = await asStranger('runs --json');
    expect(code, stderr).toBe(0);
    const rows = JSON.parse(stdout) as { id: string; problem?: { code: string; file: string } }[];
    expect(rows.map(({ id, problem }) => [id === closed.id, problem?.code ?? null])).toEqual([
      [false, null],
      [true, 'permission'],
    ]);
    expect(rows[1]?.problem?.file).toContain(closed.id);
    expect((await asStranger(`resume ${closed.id}`)).code).toBe(77);
    expect((await asStranger('logs')).code).toBe(0);
    await rig.shell('chown -R 0:0 .').ended;
  });
});

describe.skipIf(!canCutPower('ext4'))(
  'case 29: the disk turns read-only under a run (needs root, loop devices)',
  () => {
    // Beside many other file systems in files, mounted and unmounted in the same seconds, it has been seen to stand still before the disk turns; why is
    // not known yet. What it proves is not touched by a second try.
    it('case 29: 74 with path and EROFS, steps ended, what ran is listed; when it can be written again resume does the rest', {
      retry: 1,
    }, async () => {
      const { rig } = here;
      const stage = await here.stage();
      const disk = rig.path('disk');
      const image = rig.path('image');
      await rig.shell(
        `mkdir -m 700 disk && truncate -s ${IMAGE_MEGABYTES.ext4}M image && mkfs.ext4 -q image && mount -o loop,errors=remount-ro image disk`,
      ).ended;
      try {
        const state = ['--state-dir', join(disk, 'state')];
        rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
        const run = rig.start(['run', 'flow.yaml', ...state]);
        const puppet = await stage.enter('b');
        // As after an error of the device: the file system refuses every change from now on.
        const device = (await rig.shell(`findmnt -no SOURCE ${disk}`).ended).stdout.trim().replace('/dev/', '');
        const shut = await rig.shell(`echo 1 > /sys/fs/ext4/${device}/trigger_fs_error`).ended;
        expect(shut.code, shut.stderr).toBe(0);
        await puppet.exit(0);
        const { code, stderr } = await run.ended;
        expect(code, stderr).toBe(74);
        expect(stderr).toMatch(/EROFS|EIO/);
        expect(stderr).toContain(join(disk, 'state'));
        expect(stderr).toContain('ran but not recorded: b, attempt 1: succeeded');
        expect(tagged(puppet.run)).toEqual([]);
        for (const query of [['runs'], ['show'], ['logs']]) {
          const asked = await rig.flowctl(...query, ...state);
          expect({ query, code: asked.code }, asked.stderr).toEqual({ query, code: 0 });
        }
        const refused = await rig.flowctl('resume', ...state);
        expect(refused.code, refused.stderr).toBe(74);
        // Whoever looked at it last may be about to close its files.
        await eventually('the disk is free', 20_000, async () => (await rig.shell(`umount ${disk}`).ended).code === 0);
        await rig.shell(`e2fsck -fy image >/dev/null; mount -o loop image ${disk}`).ended;
        const resuming = rig.start(['resume', ...state]);
        await (await stage.enter('b')).exit(0);
        const resumed = await resuming.ended;
        expect(resumed.code, resumed.stderr).toBe(0);
        expect([timesOf(rig, 'a'), timesOf(rig, 'c')]).toEqual([1, 1]);
      } finally {
        await rig.shell(`umount -l ${disk}; rm ${image}`).ended;
      }
    });
  },
);

it('case 29: the state is removed while steps run: 74, they are ended, unrecorded ones are listed, nothing is made anew', async () => {
  const { rig } = here;
  const stage = await here.stage();
  rig.write('flow.yaml', `steps:\n  b: { run: ${Stage.step('b')} }\n  c: { run: ${Stage.step('c')} }\n`);
  const run = rig.start(['run', 'flow.yaml']);
  const [b, c] = await Promise.all([stage.enter('b'), stage.enter('c')]);
  await rig.shell('rm -rf .flowctl').ended;
  await b.exit(0);
  const { code, stderr } = await run.ended;
  expect(code, stderr).toBe(74);
  await c.gone;
  expect(stderr).toContain(rig.path('.flowctl'));
  expect(stderr).toContain('ran but not recorded: b, attempt 1: succeeded');
  expect(stderr).toContain('ran but not recorded: c, attempt 1: cancelled');
  expect(tagged(b.run)).toEqual([]);
  expect(rig.filesBelow()).toEqual([]);
});

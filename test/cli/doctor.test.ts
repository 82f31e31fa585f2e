/** `flowctl doctor`: finds what is wrong, changes nothing without --fix, loses nothing with it. */

import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { canUnshare, isRoot } from '../kit/abilities.ts';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, ranTimes } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import { tagged } from '../kit/rig.ts';
import { watchdogsOf } from '../kit/watchdogs.ts';

const here = useCase();

interface Found {
  readonly severity: string;
  readonly code: string;
  readonly file: string | null;
  readonly offset: number | null;
  readonly run: string | null;
  readonly mend: string | null;
  readonly mended: boolean;
  readonly failed: string | null;
}

/** Asks the doctor. */
async function examined(...more: readonly string[]) {
  const { code, stdout, stderr } = await here.rig.flowctl('doctor', '--json', ...more);
  expect(stderr).toBe('');
  const { runs, findings } = JSON.parse(stdout) as { readonly runs: number; readonly findings: readonly Found[] };
  return { code, runs, findings, codes: findings.map((found) => found.code).sort() };
}

/** Everything below the state: kind, size, times, contents. */
function picture(): readonly string[] {
  const root = here.rig.path('.flowctl');
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { mode, size, mtimeMs, ino } = lstatSync(`${root}/${name}`);
      return [name, mode, size, mtimeMs, ino].join(' ');
    });
}

const inRun = (id: string, ...rest: readonly string[]): string => here.rig.path('.flowctl/runs', id, ...rest);

/** Dates a file so that nobody can still be writing it. */
function yesterday(path: string): string {
  const at = Date.now() / 1_000 - 86_400;
  utimesSync(path, at, at);
  return path;
}
function leave(path: string, text = ''): void {
  writeFileSync(path, text, { mode: 0o600 });
  yesterday(path);
}

describe('flowctl doctor', () => {
  it('a state in which all is well: 0, and nothing is touched; without any state none is made', async () => {
    const { rig } = here;
    expect(await examined()).toMatchObject({ code: 0, runs: 0, findings: [] });
    expect(await examined('--fix')).toMatchObject({ code: 0, runs: 0, findings: [] });
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
    await ranTimes(here.rig, 2);
    rig.write('flowctl.config.ts', 'throw new Error("loaded");\n');
    const before = picture();
    expect(await examined()).toMatchObject({ code: 0, runs: 2, findings: [] });
    expect((await rig.flowctl('doctor')).stdout).toBe(`2 runs in ${rig.path('.flowctl')}: all is well\n`);
    expect(picture()).toEqual(before);
  });

  it('what crashes and deletions leave lying is said, and mended with --fix; the runs are the same', async () => {
    const { rig } = here;
    const [one = '', two = '', three = ''] = await ranTimes(here.rig, 3);
    const gone = '01k00000000000000000000000';
    leave(inRun(one, 'outputs', 'a.1.output'));
    leave(inRun(one, '.run.json.0123456789abcdef.tmp'));
    leave(inRun(one, 'inbox', 'cancel-0123456789abcdef.json'), '{}');
    writeFileSync(inRun(one, 'run.json'), 'null');
    leave(rig.path('.flowctl/open', gone));
    leave(rig.path('.flowctl/open', two));
    leave(rig.path('.flowctl', '.db.json.0123456789abcdef.tmp'));
    mkdirSync(inRun(gone), { mode: 0o700 });
    yesterday(inRun(gone));
    renameSync(inRun(three), inRun(`.trash-${three}`));
    chmodSync(inRun(two, 'flow.json'), 0o644);
    chmodSync(inRun(two, 'logs'), 0o755);
    writeFileSync(rig.path('.flowctl/index.ndjson'), '{"index', { flag: 'a' });
    rmSync(rig.path('.flowctl/index.ndjson'));
    const before = picture();
    const rows = await rig.query<RunRow[]>('runs');
    const found = await examined();
    expect(found.code).toBe(1);
    expect(found.codes).toEqual([
      'index_missing',
      'late_request',
      'leftover',
      'leftover',
      'leftover',
      'never_began',
      'old_snapshot',
      'open_mode',
      'open_mode',
      'stale_marker',
      'trash',
    ]);
    expect(found.findings.every(({ mend }) => mend !== null)).toBe(true);
    expect(picture()).toEqual(before);
    const mended = await examined('--fix');
    expect(mended.findings.filter((each) => !each.mended)).toEqual([]);
    expect(mended.code).toBe(0);
    expect(await examined()).toMatchObject({ code: 0, runs: 2, findings: [] });
    expect(await rig.query<RunRow[]>('runs')).toEqual(rows);
    expect(JSON.parse(readFileSync(inRun(one, 'run.json'), 'utf8'))).toMatchObject({ id: one, state: 'succeeded' });
    expect(readdirSync(rig.path('.flowctl/runs')).sort()).toEqual([one, two]);
  });

  it('I7: what is damaged is named with its place, and stays as it is; the other runs are looked at all the same', async () => {
    const { rig } = here;
    const large = `steps: { a: { run: 'printf "[\\"%070000d\\"]" 1', output: json } }\n`;
    const [flipped = '', lost = '', changed = '', torn = ''] = await ranTimes(here.rig, 4, 'flow.yaml', large);
    const journal = readFileSync(inRun(flipped, 'journal.ndjson'), 'utf8');
    writeFileSync(inRun(flipped, 'journal.ndjson'), journal.replace('"attempt.started"', '"attempt.startled"'));
    rmSync(inRun(lost, 'flow.json'));
    const [output = ''] = readdirSync(inRun(changed, 'outputs'));
    writeFileSync(inRun(changed, 'outputs', output), '["other"]');
    writeFileSync(inRun(torn, 'journal.ndjson'), '{"seq":', { flag: 'a' });
    const before = picture();
    const { code, findings } = await examined();
    expect(code).toBe(65);
    const damage = findings.filter(({ severity }) => severity === 'damage');
    expect(damage.map(({ run, file, mend }) => ({ run, file, mend }))).toEqual([
      { run: flipped, file: inRun(flipped, 'journal.ndjson'), mend: null },
      { run: lost, file: inRun(lost, 'flow.json'), mend: null },
      { run: changed, file: inRun(changed, 'outputs', output), mend: null },
    ]);
    const start = journal.lastIndexOf('\n', journal.indexOf('"attempt.started"')) + 1;
    expect(damage[0]?.offset).toBe(Buffer.byteLength(journal.slice(0, start)));
    expect(findings).toContainEqual(expect.objectContaining({ run: torn, code: 'torn_tail', severity: 'warning' }));
    expect(picture()).toEqual(before);
    const fixed = await examined('--fix');
    expect(fixed.code).toBe(65);
    expect(readFileSync(inRun(torn, 'journal.torn-1'), 'utf8')).toBe('{"seq":');
    expect((await examined()).codes).toEqual(['damaged', 'damaged', 'damaged']);
    expect(readFileSync(inRun(flipped, 'journal.ndjson'), 'utf8')).toContain('"attempt.startled"');
    // What a person can do about it is what the help says.
    expect((await rig.flowctl('delete', flipped, lost, changed)).code).toBe(0);
    expect(await examined()).toMatchObject({ code: 0, runs: 1 });
  });

  it('I5: a crashed run is a warning with what to type; what it left running is ended by --fix; then it is resumed', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('b');
    const live = await examined('--fix');
    expect(live).toMatchObject({ code: 0, runs: 1, findings: [] });
    // Stopped first: a flowctl that sees its watchdog die starts another.
    run.process.kill('SIGSTOP');
    for (const watchdog of watchdogsOf(puppet.run)) process.kill(watchdog, 'SIGKILL');
    run.process.kill('SIGKILL');
    await run.ended;
    expect(tagged(puppet.run).length).toBeGreaterThan(0);
    const { code, codes, findings } = await examined();
    expect(code).toBe(1);
    // The file for its outputs is there as long as it lives, and that of the step before may be.
    expect([...new Set(codes)]).toEqual(['crashed', 'leftover', 'orphans']);
    expect(findings.every((found) => found.run === puppet.run)).toBe(true);
    expect(tagged(puppet.run).length).toBeGreaterThan(0);
    const fixed = await examined('--fix');
    expect(fixed.code).toBe(1);
    expect(tagged(puppet.run)).toEqual([]);
    expect((await examined()).codes).toEqual(['crashed']);
    const resumed = rig.start(['resume', puppet.run]);
    await (await stage.enter('b')).exit(0);
    expect((await resumed.ended).code).toBe(0);
    expect(rig.effects()).toEqual(['a', 'c']);
    expect(await examined()).toMatchObject({ code: 0, findings: [] });
  });

  it('a run that waits is a note: 0', async () => {
    const { rig } = here;
    rig.write('wait.yaml', 'name: wait\nsteps: { gate: { approve: { message: ship? } } }\n');
    expect((await rig.flowctl('run', 'wait.yaml', '--no-wait')).code).toBe(6);
    expect(await examined()).toMatchObject({ code: 0, codes: ['waiting'] });
  });

  it('runs that listings do not find are found: without marker, without index, with a line that lies', async () => {
    const { rig } = here;
    rig.write('wait.yaml', 'name: wait\nsteps: { gate: { approve: { message: ship? } } }\n');
    const [one = ''] = await ranTimes(here.rig, 1);
    await rig.flowctl('run', 'wait.yaml', '--no-wait');
    const [, waiting = ''] = rig.runIds();
    const [two = ''] = await ranTimes(here.rig, 1);
    const index = rig.read('.flowctl/index.ndjson').split('\n');
    rmSync(rig.path('.flowctl/open', waiting));
    // Without the line of the last run.
    const shorter = `${index.slice(0, -2).join('\n')}\n`;
    const head = `{"index":"1.0","bytes":${String(Buffer.byteLength(shorter)).padStart(15)}}`;
    writeFileSync(rig.path('.flowctl/index.ndjson'), shorter.replace(/^.*/, head));
    expect((await rig.query<RunRow[]>('runs')).map(({ id }) => id)).toEqual([one]);
    expect((await examined()).codes).toEqual(['index_incomplete', 'no_marker', 'waiting']);
    expect((await examined('--fix')).code).toBe(0);
    expect((await rig.query<RunRow[]>('runs')).map(({ id }) => id)).toEqual([two, waiting, one]);
    expect(await examined()).toMatchObject({ code: 0, codes: ['waiting'] });
  });

  it('caches: what is not what was kept, by its hash', async () => {
    const { rig } = here;
    rig.write('tasks.ts', 'export const a = (): number => 1;\n');
    rig.write('in', 'x');
    rig.write(
      'flow.yaml',
      'steps:\n  a: { call: ./tasks.ts#a }\n  b: { run: cp in out, sources: [in], generates: [out], cache: { key: k } }\n',
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    expect((await examined()).findings).toEqual([]);
    const cache = rig.path('.flowctl/cache');
    const named = (pattern: RegExp): string =>
      readdirSync(cache, { recursive: true, encoding: 'utf8' }).find((name) => pattern.test(name)) ?? 'none';
    writeFileSync(`${cache}/${named(/^modules\/.*\.mjs$/)}`, 'evil();');
    writeFileSync(`${cache}/${named(/^files\/..\/.{64}$/)}`, 'y');
    writeFileSync(`${cache}/${named(/^steps\/.*\.json$/)}`, '{');
    expect(await examined()).toMatchObject({ code: 1, codes: ['cache_damaged', 'cache_damaged', 'cache_damaged'] });
    expect((await examined('--fix')).code).toBe(0);
    expect(await examined()).toMatchObject({ code: 0, findings: [] });
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
  });

  it('S9: links in the state are named and not followed; nothing behind them changes', async () => {
    const { rig } = here;
    const [id = ''] = await ranTimes(here.rig, 1);
    const victim = rig.write('victim', 'here');
    chmodSync(victim, 0o644);
    rmSync(rig.path('.flowctl/index.ndjson'));
    symlinkSync(victim, rig.path('.flowctl/index.ndjson'));
    rmSync(inRun(id, 'run.json'));
    symlinkSync(victim, inRun(id, 'run.json'));
    const { code, codes } = await examined();
    expect(code).toBe(1);
    expect(codes).toEqual(['index_damaged', 'odd_file', 'odd_file', 'old_snapshot']);
    await examined('--fix');
    expect(readFileSync(victim, 'utf8')).toBe('here');
    expect(lstatSync(victim).mode & 0o777).toBe(0o644);
    expect(lstatSync(inRun(id, 'run.json')).isFile()).toBe(true);
    expect(await examined()).toMatchObject({ code: 0, findings: [] });
  });

  it('S10: others may write to the state: 77, with the chmod to run, and --fix touches nothing', async () => {
    const { rig } = here;
    const [id = ''] = await ranTimes(here.rig, 1);
    leave(inRun(id, 'outputs', 'a.1.output'));
    chmodSync(rig.path('.flowctl'), 0o777);
    const ended = await rig.flowctl('doctor');
    expect(ended.code).toBe(77);
    expect(ended.stdout).toContain(`chmod go-w ${rig.path('.flowctl')}`);
    const before = picture();
    expect((await examined('--fix')).code).toBe(77);
    expect(picture()).toEqual(before);
    chmodSync(rig.path('.flowctl'), 0o700);
    expect((await examined('--fix')).code).toBe(0);
  });

  it.skipIf(!isRoot())('case 31: the state of another uid: 77, nothing touched (needs root)', async () => {
    const { rig } = here;
    const [id = ''] = await ranTimes(here.rig, 1);
    leave(inRun(id, 'outputs', 'a.1.output'));
    chownSync(rig.path('.flowctl'), 12_345, 12_345);
    const before = picture();
    const { code, codes, runs } = await examined('--fix');
    expect({ code, runs }).toEqual({ code: 77, runs: 1 });
    expect(codes).toContain('permission');
    expect(picture()).toEqual(before);
    chownSync(rig.path('.flowctl'), 0, 0);
    await examined('--fix');
  });

  it.skipIf(!canUnshare())(
    'case 30: a read-only mount: looked over as ever; --fix fails with 74 (needs namespaces)',
    async () => {
      const { rig } = here;
      const [id = ''] = await ranTimes(here.rig, 1);
      leave(inRun(id, 'outputs', 'a.1.output'));
      const mounted = (command: string) =>
        rig.shell(
          `exec unshare -Urm sh -c 'mount --bind .flowctl .flowctl && mount -o remount,bind,ro .flowctl && exec "$NODE" "$BIN" ${command}'`,
        ).ended;
      const looked = await mounted('doctor');
      expect(looked.code, looked.stderr).toBe(0);
      expect(looked.stdout).toContain('a.1.output');
      const fixed = await mounted('doctor --fix');
      expect(fixed.code, fixed.stdout).toBe(74);
      expect(fixed.stdout).toContain('EROFS');
      expect((await mounted('delete last')).code).toBe(74);
      await onlyRun(rig);
      await examined('--fix');
    },
  );
});

describe('beside others', () => {
  it('I8: doctor --fix again and again while runs begin and end: all are listed, none is harmed, nothing is left', async () => {
    const { rig } = here;
    await ranTimes(here.rig, 2);
    rmSync(rig.path('.flowctl/index.ndjson'));
    let busy = true;
    const looking = (async () => {
      const codes: (number | null)[] = [];
      while (busy) codes.push((await rig.flowctl('doctor', '--fix')).code);
      return codes;
    })();
    const ends = await Promise.all([1, 2, 3].map(async () => [await runOnce(), await runOnce()]));
    busy = false;
    expect(ends.flat()).toEqual(Array.from({ length: 6 }, () => 0));
    // 1: the index was just being made anew by somebody else.
    expect((await looking).filter((code) => code !== 0 && code !== 1)).toEqual([]);
    const rows = await rig.query<RunRow[]>('runs');
    expect(rows.map(({ id }) => id)).toEqual([...rig.runIds()].reverse());
    expect(rows.map(({ state }) => state)).toEqual(rows.map(() => 'succeeded'));
    expect(await examined()).toMatchObject({ code: 0, runs: 8, findings: [] });
  });
});

const runOnce = async (): Promise<number | null> => (await here.rig.flowctl('run', 'flow.yaml', '-q')).code;

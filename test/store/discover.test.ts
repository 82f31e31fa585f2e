import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordedStepKey } from '../../src/base/ids.ts';
import { discoverState } from '../../src/store/discover.ts';
import { logName } from '../../src/store/layout.ts';
import { openState } from '../../src/store/open.ts';
import { judgeDirectory } from '../../src/store/permissions.ts';
import { expectError, expectOk, temporaryFolder } from './fixture.ts';

const isRoot = process.geteuid?.() === 0;

/** A tree `project/flows/deep` with some entries in it; gives the deepest folder. */
function tree(entries: readonly string[]): { readonly top: string; readonly deep: string } {
  const top = realpathSync(temporaryFolder());
  const deep = join(top, 'project', 'flows', 'deep');
  mkdirSync(deep, { recursive: true });
  for (const entry of entries) {
    if (/\.(yaml|ts|json)$/.test(entry)) writeFileSync(join(top, entry), '');
    else mkdirSync(join(top, entry), { recursive: true });
  }
  return { top, deep };
}

const find = (start: string) => discoverState({ start, currentFolder: '/' });

describe('discovery', () => {
  it.each([
    [['project/.flowctl', '.flowctl'], 'project'],
    [['project/flowctl.config.yaml', 'project/flows/.git'], 'project'],
    [['project/flowctl.config.ts', 'project/flows/package.json'], 'project'],
    [['project/.git', 'project/flows/package.json'], 'project'],
    [['project/package.json', 'package.json'], 'project'],
    [['project/.git', '.git', 'project/flows/deep/package.json'], 'project'],
    [[], 'project/flows/deep'],
    [['project/flows/.flowctl', 'project/flowctl.config.ts'], 'project/flows'],
  ])('with %j takes %s', (entries, project) => {
    const { top, deep } = tree(entries);
    expect(find(deep)).toBe(join(top, project, '.flowctl'));
  });

  it('is overridden by the option, then by the environment, relative to the current folder', () => {
    const { deep, top } = tree(['.flowctl']);
    const base = { start: deep, currentFolder: top };
    expect(discoverState({ ...base, option: 'x', environment: 'y' })).toBe(join(top, 'x'));
    expect(discoverState({ ...base, environment: 'y' })).toBe(join(top, 'y'));
    expect(discoverState({ ...base, environment: '' })).toBe(join(top, '.flowctl'));
    expect(discoverState({ ...base, option: '/abs' })).toBe('/abs');
  });

  it('gives a linked folder the state of the folder it leads to', () => {
    const { deep, top } = tree(['project/.flowctl']);
    symlinkSync(deep, join(top, 'link'));
    expect(find(join(top, 'link'))).toBe(join(top, 'project', '.flowctl'));
  });

  it('does not take a file for the state directory', () => {
    const { deep, top } = tree(['project/.git']);
    writeFileSync(join(top, 'project', 'flows', '.flowctl'), '');
    expect(find(deep)).toBe(join(top, 'project', '.flowctl'));
  });

  it.skipIf(!isRoot)(
    'stops before the folder of another user, and passes over what a stranger put into a shared one',
    () => {
      const { deep, top } = tree(['.flowctl', 'project/.git']);
      chownSync(top, 4_242, 4_242);
      expect(find(deep)).toBe(join(top, 'project', '.flowctl'));
      const shared = tree(['.flowctl', 'project/package.json']);
      chownSync(join(shared.top, '.flowctl'), 4_242, 4_242);
      expect(find(shared.deep)).toBe(join(shared.top, 'project', '.flowctl'));
    },
  );
});

describe('opening the state directory', () => {
  it('makes it for us alone, whatever the umask', async () => {
    const previous = process.umask(0);
    try {
      const path = join(temporaryFolder(), '.flowctl');
      const state = expectOk(await openState(path));
      for (const folder of [path, state.runs, state.open]) expect(statSync(folder).mode & 0o777).toBe(0o700);
      expect(readdirSync(path).sort()).toEqual(['.gitignore', 'open', 'runs']);
      expect(statSync(join(path, '.gitignore')).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(previous);
    }
  });

  it('takes from others what they could read', async () => {
    const path = join(temporaryFolder(), '.flowctl');
    const { runs } = expectOk(await openState(path));
    chmodSync(path, 0o755);
    chmodSync(runs, 0o750);
    expectOk(await openState(path));
    expect([path, runs].map((folder) => statSync(folder).mode & 0o777)).toEqual([0o700, 0o700]);
  });

  it('refuses what others may write to, and shows the chmod', async () => {
    const path = join(temporaryFolder(), "it's .flowctl");
    expectOk(await openState(path));
    chmodSync(path, 0o720);
    const help = `chmod go-w '${path.replace("'", "'\\''")}'`;
    expect(expectError(await openState(path))).toMatchObject({ kind: 'permission', file: path, help });
    expect(statSync(path).mode & 0o777).toBe(0o720);
  });

  it('refuses a file in its place', async () => {
    const path = join(temporaryFolder(), '.flowctl');
    writeFileSync(path, '');
    expect(expectError(await openState(path))).toMatchObject({ kind: 'damaged' });
  });

  it("judges owners: ours, a stranger's, a stranger's for root", () => {
    expect(judgeDirectory('/s', { uid: 7, mode: 0o40700 }, 7)).toEqual({ kind: 'fine' });
    expect(judgeDirectory('/s', { uid: 8, mode: 0o40777 }, 7)).toMatchObject({ kind: 'permission' });
    expect(judgeDirectory('/s', { uid: 7, mode: 0o40700 }, 0)).toMatchObject({
      message: expect.stringContaining('root'),
    });
    expect(judgeDirectory('/s', { uid: 0, mode: 0o40702 }, null)).toEqual({ kind: 'fine' });
  });

  it.skipIf(!isRoot)('as root in a foreign folder is refused, and makes nothing', async () => {
    const folder = temporaryFolder();
    chownSync(folder, 4_242, 4_242);
    expect(expectError(await openState(join(folder, '.flowctl')))).toMatchObject({ kind: 'permission', file: folder });
    expect(readdirSync(folder)).toEqual([]);
    mkdirSync(join(folder, 'theirs'), { mode: 0o700 });
    chownSync(join(folder, 'theirs'), 4_242, 4_242);
    expect(expectError(await openState(join(folder, 'theirs')))).toMatchObject({ kind: 'permission' });
    expect(lstatSync(join(folder, 'theirs')).uid).toBe(4_242);
  });
});

describe('names of logs', () => {
  const name = (key: string) => logName(recordedStepKey(key), 2);

  it('are the key, percent-encoded', () => {
    expect(name('load')).toBe('load.2.log');
    expect(name('load[3]')).toBe('load%5B3%5D.2.log');
    expect(name('report/extract')).toBe('report%2Fextract.2.log');
    expect(name('on_failure[0]')).toBe('on_failure%5B0%5D.2.log');
    expect(name('a[ü.]')).toBe('a%5B%C3%BC%2E%5D.2.log');
  });

  it('get a digest where only case, or only the end, tells keys apart', () => {
    expect(name('load[EU]')).toMatch(/^load%5BEU%5D~[0-9a-f]{8}\.2\.log$/);
    expect(name(`load[${'x'.repeat(300)}]`)).toMatch(/^load%5Bx{93}~[0-9a-f]{32}\.2\.log$/);
  });

  it('never collide where case is folded, never leave the folder, and fit every file system', () => {
    const key = fc.string({ unit: 'binary', maxLength: 80 }).map((item) => `load[${item}]`);
    fc.assert(
      fc.property(key, key, (one, other) => {
        for (const text of [name(one), name(other), name(one.toUpperCase().replace('LOAD', 'load'))]) {
          expect(text).toMatch(/^[A-Za-z0-9_%~-]+\.2\.log$/);
          expect(text.length).toBeLessThan(200);
        }
        const upper = one.toUpperCase().replace('LOAD', 'load');
        if (one !== upper) expect(name(one).toLowerCase()).not.toBe(name(upper).toLowerCase());
        if (one !== other) expect(name(one).toLowerCase()).not.toBe(name(other).toLowerCase());
      }),
      { numRuns: 500 },
    );
    expect(name('a[\ud800]')).not.toBe(name('a[\ud801]'));
  });
});

import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AttemptRequest, Published } from '../../src/engine/ports.ts';
import { noteFileName } from '../../src/model/artifact-note.ts';
import { keepArtifacts } from '../../src/runners/artifacts.ts';
import { createRig, type Rig, stepKey } from '../executors/rig.ts';

let rig: Rig;
let published: Published[];
let warned: string[];
beforeEach(() => {
  rig = createRig();
  published = [];
  warned = [];
});
afterEach(() => rig.close());

const listener = () => ({
  published: (artifact: Published) => published.push(artifact),
  warned: (_: string, message: string) => warned.push(message),
});
const folder = () => rig.places(stepKey('a'), 1).artifacts;
const inside = (...parts: readonly string[]) => path.join(folder(), ...parts);
const here = (...parts: readonly string[]) => path.join(rig.folder, ...parts);
const kept = () => published.map(({ file }) => file);

/** Shell text as an attempt, from start to outcome. */
const sh = (text: string, changes: Partial<AttemptRequest> = {}) =>
  rig.start(rig.request({ kind: 'shell', shell: 'sh', text }, changes), listener()).done;

/** What the folder holds when the attempt ends, without an attempt. */
const tidy = async (changes: Partial<Parameters<typeof keepArtifacts>[0]> = {}, artifacts: readonly string[] = []) => {
  const places = rig.places(stepKey('a'), 1);
  const request = { step: stepKey('a'), workdir: rig.folder, artifacts };
  await keepArtifacts({ request, places, listener: listener(), isHurried: () => false, ...changes });
};

const note = (content: unknown, order = 1n): void =>
  writeFileSync(inside(noteFileName(order, 'x')), typeof content === 'string' ? content : JSON.stringify(content));

test('what is put into the folder is kept and published, also of an attempt that failed', async () => {
  const text = 'cd "$FLOWCTL_ARTIFACTS"; umask 0; mkdir -p sub; echo one > b.txt; echo two > sub/a.txt; exit 3';
  expect(await sh(text)).toMatchObject({ kind: 'failed', exit_code: 3 });
  expect(published).toEqual([
    { kind: 'file', name: 'b.txt', file: 'a.1/b.txt' },
    { kind: 'file', name: 'sub/a.txt', file: 'a.1/sub/a.txt' },
  ]);
  expect(readFileSync(inside('sub', 'a.txt'), 'utf8')).toBe('two\n');
  expect([inside('b.txt'), inside('sub')].map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o700]);
  expect(warned).toEqual([]);
});

test('an attempt that publishes nothing leaves no folder', async () => {
  expect(await sh(':', { artifacts: ['*.html'] })).toMatchObject({ kind: 'succeeded' });
  expect(existsSync(folder())).toBe(false);
  expect([published, warned]).toEqual([[], []]);
});

test('files that globs mean are copied, from the working directory and from elsewhere', async () => {
  mkdirSync(here('work'));
  const text = `mkdir -p out/deep; echo 1 > out/a.html; echo 2 > out/deep/b.html; echo 3 > out/c.txt; echo 4 > ${here('d.html')}; exit 1`;
  const artifacts = ['out/**/*.html', here('*.html'), 'missing.xml'];
  await sh(text, { workdir: here('work'), artifacts });
  expect(kept()).toEqual(['a.1/d.html', 'a.1/out/a.html', 'a.1/out/deep/b.html']);
  expect(readFileSync(inside('out/deep/b.html'), 'utf8')).toBe('2\n');
  expect(existsSync(here('work/out/a.html'))).toBe(true);
  expect(warned).toEqual(['`a`: there is no `missing.xml` to be kept as an artifact']);
});

test('a copy whose name is taken gets another one', async () => {
  await sh('echo mine > "$FLOWCTL_ARTIFACTS/a.txt"; echo other > a.txt', { artifacts: ['a.txt'] });
  expect(kept()).toEqual(['a.1/a.txt', 'a.1/a-2.txt']);
  expect(readFileSync(inside('a-2.txt'), 'utf8')).toBe('other\n');
});

test('links and other things that are no files are not followed, and said', async () => {
  writeFileSync(here('victim'), 'private');
  const text =
    'cd "$FLOWCTL_ARTIFACTS"; ln -s "$OLDPWD/victim" link; mkfifo pipe; echo x > fine; ln -s "$OLDPWD/victim" "$OLDPWD/l.txt"';
  await sh(text, { artifacts: ['l.txt'] });
  expect(kept()).toEqual(['a.1/fine']);
  expect(readdirSync(folder())).toEqual(['fine']);
  expect(readFileSync(here('victim'), 'utf8')).toBe('private');
  expect(warned).toEqual([
    '`a`: 3 artifacts were not kept: `link` (a link, which is not followed), `pipe` (no regular file), `l.txt` (a link, which is not followed)',
  ]);
});

test('a link in the place of the folder leads nowhere', async () => {
  mkdirSync(here('victims'));
  writeFileSync(here('victims', 'v'), 'private', { mode: 0o644 });
  await sh('rmdir "$FLOWCTL_ARTIFACTS"; ln -s "$PWD/victims" "$FLOWCTL_ARTIFACTS"; echo x > x.txt', {
    artifacts: ['x.txt'],
  });
  expect(readdirSync(here('victims'))).toEqual(['v']);
  expect(statSync(here('victims', 'v')).mode & 0o777).toBe(0o644);
  expect(lstatSync(folder()).isDirectory()).toBe(true);
  expect(kept()).toEqual(['a.1/x.txt']);
  expect(warned[0]).toContain('a link');
});

test('a file with another name elsewhere is copied: its mode stays, and later changes do not reach it', async () => {
  mkdirSync(folder(), { recursive: true });
  writeFileSync(here('shared'), 'before', { mode: 0o644 });
  linkSync(here('shared'), inside('shared'));
  await tidy();
  writeFileSync(here('shared'), 'after');
  expect(readFileSync(inside('shared'), 'utf8')).toBe('before');
  expect(statSync(here('shared')).mode & 0o777).toBe(0o644);
  expect(statSync(inside('shared')).mode & 0o777).toBe(0o600);
});

test('no more is kept than there is room for, and the rest is said', async () => {
  mkdirSync(folder(), { recursive: true });
  for (const name of ['a', 'b', 'c']) writeFileSync(inside(name), 'x'.repeat(400));
  writeFileSync(here('d.txt'), 'x'.repeat(300));
  writeFileSync(here('e.txt'), 'x'.repeat(200));
  await tidy({ limits: { bytes: 1_000, files: 10 } }, ['*.txt']);
  expect(kept()).toEqual(['a.1/a', 'a.1/b', 'a.1/e.txt']);
  expect(readdirSync(folder()).sort()).toEqual(['a', 'b', 'e.txt']);
  expect(warned[0]).toMatch(/^`a`: 2 artifacts were not kept: `c` \(no room: .*`d.txt`/);
});

test('nor more files than are taken', async () => {
  mkdirSync(folder(), { recursive: true });
  for (let index = 0; index < 9; index += 1) writeFileSync(inside(`f${index}`), '');
  await tidy({ limits: { bytes: 1_000, files: 4 } });
  expect(kept()).toEqual(['f0', 'f1', 'f2', 'f3'].map((name) => `a.1/${name}`));
  expect(warned[0]).toContain('5 artifacts were not kept: `f4`');
  expect(warned[0]).toContain(' and 2 more');
});

test('a file that grows while it is copied is not kept beyond the room', async () => {
  // Its size says nothing, as that of a growing file says too little.
  await tidy({ limits: { bytes: 100, files: 10 } }, ['/proc/self/environ']);
  expect(kept()).toEqual([]);
  expect(warned[0]).toContain('no room');
  expect(existsSync(folder())).toBe(false);
});

test('when time is up nothing is copied any more', async () => {
  writeFileSync(here('x.txt'), 'x');
  await tidy({ isHurried: () => true }, ['x.txt']);
  expect(kept()).toEqual([]);
});

test('notes become what they say, in their order, and are gone', async () => {
  mkdirSync(folder(), { recursive: true });
  writeFileSync(inside('plot.png'), 'png');
  writeFileSync(inside('plain'), '');
  note({ kind: 'image', name: 'Latency', file: 'plot.png' }, 3n);
  note({ kind: 'markdown', name: 'summary', file: null, value: '# hi' }, 1n);
  note({ kind: 'table', name: 'rows', value: [{ a: 1 }] }, 2n);
  await tidy();
  expect(published).toEqual([
    { kind: 'markdown', name: 'summary', file: null, value: '# hi' },
    { kind: 'table', name: 'rows', file: null, value: [{ a: 1 }] },
    { kind: 'image', name: 'Latency', file: 'a.1/plot.png' },
    { kind: 'file', name: 'plain', file: 'a.1/plain' },
  ]);
  expect(readdirSync(folder()).sort()).toEqual(['plain', 'plot.png']);
});

test.each([
  ' ',
  'null',
  '[]',
  '{"kind":"pigeon","name":"a","value":1}',
  '{"kind":"file","name":"a","value":1}',
  '{"kind":"file","name":"a","file":"../x"}',
  '{"kind":"file","name":"a","file":"there-is-none"}',
  '{"kind":"markdown","name":"","value":"x"}',
  '{"kind":"markdown","name":"a"}',
  JSON.stringify({ kind: 'markdown', name: 'a', value: 'x'.repeat(100_000) }),
])('what is no note is passed over and removed: %j', async (content) => {
  mkdirSync(folder(), { recursive: true });
  note(content);
  await tidy();
  expect([published, existsSync(folder())]).toEqual([[], false]);
});

test('values do not fill the journal', async () => {
  mkdirSync(folder(), { recursive: true });
  for (let index = 0; index < 20; index += 1) {
    note({ kind: 'markdown', name: `m${index}`, value: 'x'.repeat(60_000) }, BigInt(index));
  }
  await tidy();
  expect(published.length).toBe(17);
  expect(warned[0]).toContain('3 values were not kept');
});

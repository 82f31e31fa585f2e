import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRig, type Rig, stepKey } from '../executors/rig.ts';
import { processesWith, until } from '../process/processes.ts';

let rig: Rig;
beforeEach(() => {
  rig = createRig();
});
afterEach(async () => {
  await rig.close();
  expect(processesWith(rig.run)).toEqual([]);
});

const privateFolder = () => path.join(rig.folder, 'private');

test.each(['', 'a', 'one\ntwo\n\n', 'é€😀\0\u0001"$(id)`\\'])(
  'a command reads exactly %j, then the end',
  async (stdin) => {
    const end = await rig.argv(['cat'], { stdin });
    expect(end).toMatchObject({ kind: 'succeeded' });
    expect(rig.log().toString()).toBe(stdin);
  },
);

test('without any, its standard input is empty', async () => {
  await rig.sh('readlink /proc/self/fd/0; cat');
  expect(rig.log().toString()).toBe('/dev/null\n');
});

test('megabytes arrive whole, also in several readers and by name', async () => {
  const stdin = Array.from({ length: 1_000_000 }, (_, index) => `line ${index} é`).join('\n');
  const sum = (text: string): string => createHash('sha256').update(text).digest('hex');
  await rig.sh('sha256sum | cut -c1-64; cat /dev/stdin | wc -c', { stdin });
  expect(rig.log().toString()).toBe(`${sum(stdin)}\n${Buffer.byteLength(stdin)}\n`);
  await rig.sh('read -r first; read -r second; echo "$first, $second"; tail -n 1', { stdin, attempt: 2 });
  expect(rig.log('a', 2).toString()).toBe('line 0 é, line 1 é\nline 999999 é');
});

test('a command that does not read it, or closes it, ends as it likes', async () => {
  const stdin = 'x'.repeat(8_000_000);
  expect(await rig.sh(':', { stdin })).toMatchObject({ kind: 'succeeded', exit_code: 0 });
  expect(await rig.sh('exec 0<&-; exit 3', { stdin, attempt: 2 })).toMatchObject({ exit_code: 3 });
  expect(await rig.sh('head -c 5 > /dev/null', { stdin, attempt: 3 })).toMatchObject({ exit_code: 0 });
});

test('while it is read it has no name, nor is it in any argument or variable', async () => {
  const mark = `m${'4711'.repeat(10)}`;
  const up = path.join(rig.folder, 'up');
  const go = path.join(rig.folder, 'go');
  // The shell itself waits, without children that come and go.
  execFileSync('mkfifo', [go]);
  const stdin = `${mark}\n`;
  const attempt = rig.start(
    rig.request({ kind: 'shell', shell: 'sh', text: `echo > ${up}; read -r _ < ${go}; cat` }, { stdin }),
  );
  await until('the step is up', () => existsSync(up));
  const open = processesWith(rig.run);
  const shown = open.flatMap((pid) =>
    ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1')),
  );
  const files = readdirSync(rig.folder, { recursive: true, encoding: 'utf8' }).map((name) =>
    path.join(rig.folder, name),
  );
  const holding = files.filter((file) => statSync(file).isFile() && readFileSync(file, 'latin1').includes(mark));
  writeFileSync(go, '\n');
  expect(await attempt.done).toMatchObject({ kind: 'succeeded' });
  expect(open.length).toBeGreaterThan(0);
  expect(shown.join()).toContain('FLOWCTL_TOKEN');
  expect(shown.join()).not.toContain(mark);
  expect(holding).toEqual([]);
  expect(rig.log().toString()).toBe(stdin);
});

test('nothing but its bytes can be had through it: not written, not another file', async () => {
  expect(await rig.sh('echo no >&0', { stdin: 'a' })).toMatchObject({ kind: 'failed' });
  const victim = path.join(rig.folder, 'victim');
  writeFileSync(victim, 'untouched');
  mkdirSync(privateFolder(), { recursive: true });
  symlinkSync(victim, rig.places(stepKey('a'), 2).input);
  expect(await rig.argv(['cat'], { stdin: 'mine', attempt: 2 })).toMatchObject({ kind: 'succeeded' });
  expect(rig.log('a', 2).toString()).toBe('mine');
  expect(readFileSync(victim, 'utf8')).toBe('untouched');
});

test('a file of that name that an earlier life left behind is replaced, and none is left', async () => {
  mkdirSync(privateFolder(), { recursive: true });
  writeFileSync(rig.places(stepKey('a'), 1).input, 'old', { mode: 0o600 });
  await rig.argv(['cat'], { stdin: 'new' });
  expect(rig.log().toString()).toBe('new');
  expect(readdirSync(privateFolder())).toEqual([]);
});

test('descriptors are closed, also where the command cannot start or its name cannot be had', async () => {
  const descriptors = () => readdirSync('/proc/self/fd').length;
  await rig.argv(['cat'], { stdin: 'a' });
  const before = descriptors();
  for (let attempt = 2; attempt < 12; attempt += 1) {
    await rig.argv(['cat'], { stdin: 'a', attempt });
    await rig.argv(['true', ...Array.from({ length: 100 }, () => 'x'.repeat(131_000))], { stdin: 'a', attempt });
  }
  mkdirSync(rig.places(stepKey('a'), 12).input);
  expect(await rig.argv(['cat'], { stdin: 'a', attempt: 12 })).toMatchObject({
    kind: 'failed',
    failure: { code: 'start_refused' },
  });
  expect(descriptors()).toBeLessThanOrEqual(before);
});

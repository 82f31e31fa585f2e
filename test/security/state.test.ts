/** Recorded state against people who may plant, name, read or own files (S7, S8, S9, S10, S16, S24, S27). */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { canTrace, isRoot } from '../kit/abilities.ts';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, single } from '../kit/flows.ts';
import type { Rig } from '../kit/rig.ts';

// Many starts of the program, or many cases, beside other tests on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const here = useCase();
const NOBODY = 65_534;

/** Files outside of the state that look like something of it. */
function makeVictims(rig: Rig): () => void {
  const files = [
    'victim/journal.ndjson',
    'victim/precious',
    `victim/ab/${'a'.repeat(64)}`,
    'victim/sub/notes.txt',
    `victim/${'b'.repeat(64)}.json`,
  ].map((file) => rig.write(file, 'untouched\n'));
  const before = files.map((file) => lstatSync(file).mtimeMs);
  const names = () => readdirSync(rig.path('victim'), { recursive: true, encoding: 'utf8' }).sort();
  const all = names();
  return () => {
    expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(files.map(() => 'untouched\n'));
    expect(files.map((file) => lstatSync(file).mtimeMs)).toEqual(before);
    expect(names()).toEqual(expect.arrayContaining(all));
  };
}

describe('ids and names', () => {
  it('S7: what is no id is refused by every command before it becomes a path: 2, or 4 where it may name a file or a step', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    expect((await rig.flowctl('run', 'flow.yaml', '-q')).code).toBe(0);
    const untouched = makeVictims(rig);
    const ids = ['../../victim', '..%2f..%2fvictim', `0/../../victim`, `0${'a'.repeat(10_000)}`, '0\n'];
    const commands: readonly (readonly [readonly string[], readonly number[]])[] = [
      [['show'], [2]],
      [['cancel'], [2]],
      [['rerun'], [2]],
      [
        ['approve', 'last'],
        [2, 4],
      ],
      [
        ['logs', 'last'],
        [2, 4],
      ],
      [
        // Nine at once: one owns the run.
        ['resume', '--from'],
        [2, 4, 75],
      ],
      [['resume'], [2, 3, 4]],
    ];
    for (const [command, codes] of commands) {
      const ended = await Promise.all(ids.map((id) => rig.flowctl(...command, id)));
      ended.forEach(({ code, stderr }, index) => {
        expect(codes, `${command.join(' ')} ${ids[index]?.slice(0, 40)}: ${stderr}`).toContain(code);
        expect(stderr).not.toMatch(/^\s+at .*:\d+/m);
      });
    }
    untouched();
  });

  it.skipIf(!canTrace())(
    'S7: names of steps and items, whatever they hold, become no path (needs strace)',
    async () => {
      const { rig } = here;
      const untouched = makeVictims(rig);
      rig.write(
        'flow.yaml',
        `steps:\n  map: { foreach: ["..", "a%2f..", "x:y", "\${HOME}", "~", "-rf"], key: "\${{ item }}", run: 'echo "$FLOWCTL_STEP"' }\n`,
      );
      const traced = 'strace -f -qq -o trace -e trace=%file "$NODE" "$BIN" run flow.yaml -q';
      expect((await rig.shell(traced).ended).code).toBe(0);
      const opened = rig
        .read('trace')
        .split('\n')
        .filter((line) => /\.flowctl\/runs\/[^"]*\.\.(?:\/|")/.test(line));
      expect(opened).toEqual([]);
      const { id } = await onlyRun(rig);
      expect(readdirSync(rig.path('.flowctl/runs', id, 'logs'))).toHaveLength(6);
      expect((await rig.flowctl('logs', id, 'map[..]')).stdout).toBe('map[..]\n');
      untouched();
    },
  );
});

describe("links and folders that came with somebody's archive", () => {
  it('S8: `cache clear` and the pruning of runs remove nothing behind a link, and nothing that flowctl would not have put there', async () => {
    const { rig } = here;
    rig.write('in', 'x');
    rig.write('flow.yaml', "steps: { a: { run: 'cat in > out', sources: [in], generates: [out], cache: true } }\n");
    const untouched = makeVictims(rig);
    const cache = rig.path('.flowctl/cache');
    for (const place of ['', 'files', 'results', 'files/ab']) {
      rmSync(rig.path('.flowctl'), { recursive: true, force: true });
      mkdirSync(dirname(join(cache, place)), { recursive: true, mode: 0o700 });
      chmodSync(rig.path('.flowctl'), 0o700);
      symlinkSync(rig.path(place === 'files/ab' ? 'victim/ab' : 'victim'), join(cache, place));
      for (const argv of [
        ['cache'],
        ['cache', 'clear'],
        ['cache', 'prune', '--older-than', '0s'],
        ['run', 'flow.yaml', '-q'],
        ['cache', 'clear'],
      ])
        expect([0, 65], `${argv.join(' ')}: ${place}`).toContain((await rig.flowctl(...argv)).code);
      untouched();
    }
    // What lies in the folder itself and is not of its kind stays as well.
    rmSync(rig.path('.flowctl'), { recursive: true, force: true });
    expect((await rig.flowctl('run', 'flow.yaml', '-q')).code).toBe(0);
    const mine = [join(cache, 'files/notes.txt'), join(cache, 'files/ab/notes.txt'), join(cache, 'results/notes.json')];
    for (const file of mine) {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(file, 'mine', { mode: 0o600 });
    }
    expect((await rig.flowctl('cache', 'clear')).code).toBe(0);
    expect(mine.filter((file) => !existsSync(file))).toEqual([]);
  });

  it('S9: nothing is kept, looked up or taken away behind a link among the contents of the cache', async () => {
    const { rig } = here;
    rig.write('in', 'x');
    const large = 'node -p \'JSON.stringify("x".repeat(100000))\'';
    rig.write(
      'flow.yaml',
      `steps:
  file: { run: 'cat in > out', sources: [in], generates: [out], cache: true }
  large: { run: ${JSON.stringify(large)}, output: json, sources: [in], cache: true }
`,
    );
    expect((await rig.flowctl('run', 'flow.yaml', '-q')).code).toBe(0);
    const files = rig.path('.flowctl/cache/files');
    const kept = readdirSync(files);
    expect(kept).toHaveLength(2);
    // The folders of what is kept are links to a folder that holds files of the same names, and other bytes.
    mkdirSync(rig.path('theirs'));
    for (const folder of kept) {
      for (const name of readdirSync(join(files, folder))) rig.write(`theirs/${name}`, 'theirs');
      rmSync(join(files, folder), { recursive: true });
      symlinkSync(rig.path('theirs'), join(files, folder));
    }
    rig.write(`theirs/${'0'.repeat(64)}.mjs`, 'theirs');
    const theirs = () => readdirSync(rig.path('theirs')).map((name) => [name, rig.read(`theirs/${name}`)]);
    const before = theirs();
    rmSync(rig.path('out'));
    for (const argv of [
      ['resume'],
      ['run', 'flow.yaml', '-q'],
      ['run', 'flow.yaml', '-q', '--no-cache'],
      ['doctor', '--fix'],
    ]) {
      const { code, stderr } = await rig.flowctl(...argv);
      expect([0, 1, 4, 65], `${argv.join(' ')}: ${stderr}`).toContain(code);
      expect(stderr).not.toContain('internal');
      expect(theirs()).toEqual(before);
    }
    expect(rig.read('out')).toBe('x');
    rmSync(rig.path('.flowctl/cache/modules'), { recursive: true, force: true });
    symlinkSync(rig.path('theirs'), rig.path('.flowctl/cache/modules'));
    await rig.flowctl('doctor', '--fix');
    expect(theirs()).toEqual(before);
    rmSync(rig.path('.flowctl'), { recursive: true });
  });

  it('S8: `delete` and `prune` remove runs that are listed, and nothing behind a link in them or in their place', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      chain({
        a: 'run: \'ln -s "$PWD/victim" "$FLOWCTL_RUN_DIR/link"; ln -s "$PWD/victim" "$FLOWCTL_ARTIFACTS/link"\'',
      }),
    );
    const untouched = makeVictims(rig);
    const runs = rig.path('.flowctl/runs');
    for (const end of [
      (id: string) => ['delete', id],
      () => ['prune', '--older-than', '0s'],
      () => ['prune', '--keep', '0'],
    ]) {
      expect((await rig.flowctl('run', 'flow.yaml', '-q')).code).toBe(0);
      const { id } = await onlyRun(rig);
      for (const name of ['logs', 'outputs', 'artifacts']) {
        rmSync(join(runs, id, name), { recursive: true });
        symlinkSync(rig.path('victim'), join(runs, id, name));
      }
      await rig.flowctl(...end(id));
      untouched();
      rmSync(join(runs, id), { recursive: true, force: true });
    }
    // In the place of a whole run; its name sorts as the newest, or as the oldest.
    for (const id of ['01zzzzzzzzzzzzzzzzzzzzzzzz', 'x', '.trash-00000000000000000000000000']) {
      symlinkSync(rig.path('victim'), join(runs, id));
      symlinkSync(rig.path('victim'), rig.path('.flowctl/open', id));
      for (const argv of [
        ['delete', id],
        ['prune', '--older-than', '0s'],
        ['resume', id],
        ['run', 'flow.yaml', '-q'],
      ]) {
        const { code, stderr } = await rig.flowctl(...argv);
        expect([0, 2, 4, 65, 75], `${argv.join(' ')}: ${stderr}`).toContain(code);
        untouched();
      }
      for (const place of [join(runs, id), rig.path('.flowctl/open', id)]) rmSync(place, { force: true });
    }
    for (const name of ['..', '../victim', '.', 'victim', `${'a'.repeat(64)}`])
      expect([2, 4]).toContain((await rig.flowctl('delete', name)).code);
    untouched();
  });

  it('S9: a link to a device in the place of any document is no endless reading', async () => {
    const { rig } = here;
    rig.write('flow.yaml', "steps: { a: { run: 'echo > out', generates: [out], cache: true } }\n");
    expect((await rig.flowctl('run', 'flow.yaml', '-q')).code).toBe(0);
    const { id } = await onlyRun(rig);
    const documents = rig
      .filesBelow()
      .map(({ path }) => path)
      .filter((path) => lstatSync(rig.path('.flowctl', path)).isFile());
    expect(documents.length).toBeGreaterThan(6);
    // The index, the snapshot, the journal, the definition, the lock, the log, and what the cache keeps.
    for (const file of documents.filter((path) => !path.endsWith('.gitignore') && !path.includes('pruned'))) {
      const path = rig.path('.flowctl', file);
      const kept = readFileSync(path);
      rmSync(path);
      symlinkSync('/dev/zero', path);
      const asked = async (argv: readonly string[]): Promise<void> => {
        const { code, signal } = await rig.shell(`timeout 30 "$NODE" "$BIN" ${argv.join(' ')}`).ended;
        expect(signal, `${argv.join(' ')} with ${file}`).toBeNull();
        expect([0, 4, 65, 74], `${argv.join(' ')} with ${file}`).toContain(code);
      };
      await Promise.all([asked(['show', id]), asked(['cache']), asked(['resume', id])]);
      rmSync(path, { force: true });
      writeFileSync(path, kept, { mode: 0o600 });
    }
  });

  it('S9: `$FLOWCTL_OUTPUT` and `$FLOWCTL_ARTIFACTS` that a step replaces by links lead nowhere', async () => {
    const { rig } = here;
    rig.write('victim', 'a=b\n');
    const steps = [
      'rm "$FLOWCTL_OUTPUT"; ln -s "$PWD/victim" "$FLOWCTL_OUTPUT"',
      'rm "$FLOWCTL_OUTPUT"; ln -s /dev/zero "$FLOWCTL_OUTPUT"',
      'rm "$FLOWCTL_OUTPUT"; mkfifo "$FLOWCTL_OUTPUT"',
      'rm "$FLOWCTL_OUTPUT"; mkdir "$FLOWCTL_OUTPUT"',
      'ln -s /etc/passwd "$FLOWCTL_ARTIFACTS/passwd"; ln -s /dev/zero "$FLOWCTL_ARTIFACTS/zero"',
    ];
    const text = steps.map((step, index) => `  s${index}: { run: ${JSON.stringify(step)}, continue_on_error: true }`);
    rig.write('flow.yaml', `steps:\n${text.join('\n')}\n`);
    expect((await rig.shell('timeout 30 "$NODE" "$BIN" run flow.yaml -q').ended).code).toBe(0);
    const { stdout } = await rig.flowctl('show', '--json');
    expect(stdout).not.toContain('"a": "b"');
    expect(rig.read('victim')).toBe('a=b\n');
    const kept = rig.filesBelow().filter(({ path }) => path.includes('/artifacts/') && /passwd|zero/.test(path));
    for (const { path } of kept) {
      const file = rig.path('.flowctl', path);
      expect(lstatSync(file).isFile() && readFileSync(file, 'utf8').includes('root:'), path).toBe(false);
    }
    // What a step put there is its own; the look that follows every case is at what flowctl makes.
    rmSync(rig.path('.flowctl'), { recursive: true });
  });
});

/** Of everything below the state but what steps make for themselves. */
const wrongModes = (rig: Rig): readonly string[] =>
  rig
    .filesBelow()
    .filter(({ path }) => !/\/(?:dir|artifacts)\/./.test(path))
    .filter(({ path, mode }) => mode !== (lstatSync(rig.path('.flowctl', path)).isDirectory() ? 0o700 : 0o600))
    .map(({ path, mode }) => `${mode.toString(8)} ${path}`);

describe('other people on the machine', () => {
  it('S10: whatever umask the caller has, all that is written is ours alone, from the first instant', async () => {
    const { rig } = here;
    rig.write('sub.yaml', single("run: 'echo sub'"));
    rig.write('tasks.ts', 'export function f(): number {\n  return 1;\n}\n');
    rig.write('in', 'x');
    rig.write(
      'flow.yaml',
      `secrets: [TOKEN]
concurrency: { group: g }
steps:
  plain: { run: 'echo "a=1" >> "$FLOWCTL_OUTPUT"; echo x > "$FLOWCTL_ARTIFACTS/file.txt"' }
  secret: { secrets: [TOKEN], stdin: "\${{ secrets.TOKEN }}", run: 'cat' }
  large: { output: json, run: [node, -e, 'console.log(JSON.stringify("x".repeat(100000)))'] }
  code: { call: ./tasks.ts#f }
  kept: { run: 'cat in > out', sources: [in], generates: [out], cache: true }
  items: { foreach: [1, 2], run: 'true' }
  child: { flow: ./sub.yaml }
  ask: { needs: plain, approve: 'go on?' }
`,
    );
    const env = { TOKEN: 'a-secret-of-some-length' };
    const parked = await rig.shell('umask 000; "$NODE" "$BIN" run flow.yaml --no-wait', { env }).ended;
    expect(parked.code, parked.stderr).toBe(6);
    expect(wrongModes(rig)).toEqual([]);
    for (const command of [
      'approve last ask',
      'run flow.yaml --no-wait',
      'cancel last',
      'cache',
      'runs',
      'show',
      'validate flow.yaml',
      'graph last',
    ]) {
      await rig.shell(`umask 000; "$NODE" "$BIN" ${command}`, { env }).ended;
      expect(wrongModes(rig), command).toEqual([]);
    }
    rig.write('flow.yaml', chain());
    const detached = await rig.shell('umask 000; "$NODE" "$BIN" run flow.yaml --detach', { env }).ended;
    await rig.flowctl('logs', detached.stdout.trim(), '-f');
    expect(wrongModes(rig)).toEqual([]);
    expect(rig.filesBelow().some(({ path }) => path.endsWith('detached.log'))).toBe(true);
    // What steps make is theirs, with the caller's umask, behind a door that is closed.
    expect(lstatSync(rig.path('.flowctl')).mode & 0o777).toBe(0o700);
    expect(lstatSync(rig.path('out')).mode & 0o777).toBe(0o666);
  });

  it.skipIf(!isRoot())('S10: another user reads nothing of it (needs root)', async () => {
    const { rig } = here;
    rig.write('flow.yaml', single('run: \'echo x > "$FLOWCTL_ARTIFACTS/a"; echo y > "$FLOWCTL_RUN_DIR/b"\''));
    expect((await rig.shell('umask 000; "$NODE" "$BIN" run flow.yaml -q').ended).code).toBe(0);
    chmodSync(rig.folder, 0o755);
    const isRead = (path: string): boolean =>
      spawnSync('setpriv', [...`--reuid ${NOBODY} --regid ${NOBODY} --clear-groups cat`.split(' '), path]).status === 0;
    expect(rig.filesBelow().filter(({ path }) => isRead(rig.path('.flowctl', path)))).toEqual([]);
    // The test can see: what is beside the state is read.
    expect(isRead(rig.path('flow.yaml'))).toBe(true);
    const asked = await rig.shell(
      `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups "$NODE" "$BIN" runs --json`,
      { env: { HOME: '/' } },
    ).ended;
    expect(asked.code).not.toBe(0);
  });

  it.skipIf(!isRoot())(
    'S27: root runs nothing in a folder, or with state, of another user: 77 (needs root)',
    async () => {
      const { rig } = here;
      mkdirSync(rig.path('theirs'));
      rig.write('theirs/flow.yaml', chain());
      rig.write('theirs/package.json', '{}');
      chownSync(rig.path('theirs'), NOBODY, NOBODY);
      const inside = (...argv: readonly string[]) => rig.flowctlWith({ cwd: rig.path('theirs') }, ...argv);
      for (const argv of [
        ['run', 'flow.yaml'],
        ['run', 'flow.yaml', '--detach'],
      ]) {
        const { code, stderr } = await inside(...argv);
        expect(code, stderr).toBe(77);
        expect(stderr).toContain('this is root');
      }
      expect(existsSync(rig.path('theirs/.flowctl'))).toBe(false);
      mkdirSync(rig.path('theirs/.flowctl'), { mode: 0o700 });
      chownSync(rig.path('theirs/.flowctl'), NOBODY, NOBODY);
      expect((await inside('run', 'flow.yaml')).code).toBe(77);
      expect((await rig.flowctl('run', 'theirs/flow.yaml', '--state-dir', 'theirs/.flowctl')).code).toBe(77);
      expect(rig.effects()).toEqual([]);
      // With a state of one's own it is one's own decision.
      expect((await rig.flowctl('run', 'theirs/flow.yaml', '--state-dir', 'mine')).code).toBe(0);
    },
  );

  it.skipIf(!isRoot())('S16: the search upward passes over state and config of another user (needs root)', async () => {
    const { rig } = here;
    const marker = rig.path('marker');
    mkdirSync(rig.path('.flowctl'), { mode: 0o700 });
    const code = `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(marker)}, '');\nexport default {};\n`;
    for (const name of ['flowctl.config.ts', 'flowctl.config.mjs', 'flowctl.config.js']) rig.write(name, code);
    rig.write('flowctl.config.yaml', 'env: { EFFECTS: /nowhere }\n');
    rig.write('work/here/flow.yaml', chain());
    for (const path of ['.', '.flowctl', 'flowctl.config.ts', 'flowctl.config.yaml'])
      chownSync(rig.path(path), NOBODY, NOBODY);
    try {
      const inside = (...argv: readonly string[]) => rig.flowctlWith({ cwd: rig.path('work/here') }, ...argv);
      const { code: ended, stderr } = await inside('run', 'flow.yaml', '-q');
      expect(ended, stderr).toBe(0);
      expect(rig.effects()).toEqual(['a', 'b', 'c']);
      for (const argv of [
        ['runs'],
        ['show'],
        ['__complete', '--', 'run', ''],
        ['validate', 'flow.yaml'],
        ['graph', 'flow.yaml'],
        ['cache'],
      ])
        await inside(...argv);
      expect(existsSync(marker)).toBe(false);
      expect(readdirSync(rig.path('.flowctl'))).toEqual([]);
      expect(existsSync(rig.path('work/here/.flowctl'))).toBe(true);
    } finally {
      chownSync(rig.folder, 0, 0);
      chownSync(rig.path('.flowctl'), 0, 0);
    }
    rmSync(rig.path('flowctl.config.yaml'));
    for (const name of ['ts', 'mjs', 'js']) rmSync(rig.path(`flowctl.config.${name}`));
  });

  it("S16: queries, completion and validation of a stranger's project run none of its code", async () => {
    const { rig } = here;
    const marker = rig.path('marker');
    const code = `require('node:fs').writeFileSync(${JSON.stringify(marker)}, '')`;
    const module = `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(marker)}, '');\nexport const f = () => 1;\nexport default f;\n`;
    for (const name of ['flowctl.config.ts', 'flowctl.config.mjs', 'flowctl.config.js', 'tasks.ts', '.env.js'])
      rig.write(name, module);
    rig.write('node_modules/flowctl/package.json', '{"main":"index.js"}');
    rig.write('node_modules/flowctl/index.js', code);
    rig.write('.pnp.cjs', code);
    rig.write('tsconfig.json', '{"extends":"./tasks.ts"}');
    rig.write(
      'flow.yaml',
      `dotenv: .env\nsecrets: { S: { command: "touch ${marker}" } }\nsteps: { a: { call: "./tasks.ts#f" }, b: { run: "touch ${marker}" } }\n`,
    );
    rig.write('.env', `NODE_OPTIONS=--require ${rig.path('.pnp.cjs')}\n`);
    const queries = [
      ['runs'],
      ['show'],
      ['logs'],
      ['cache'],
      ['resume'],
      ['graph', 'flow.yaml'],
      ['validate', 'flow.yaml'],
      ['run', 'flow.yaml', '--dry-run'],
      ['__complete', '--', 'run', ''],
      ['__complete', '--', 'logs', 'last', ''],
      ['completion', 'bash'],
    ];
    await Promise.all(queries.map((argv) => rig.flowctl(...argv)));
    expect(existsSync(marker)).toBe(false);
  });

  it('S16: of a flow that is itself a module, validation and drawing run the top level, and neither the flow nor a task', async () => {
    const { rig } = here;
    const said = rig.path('said');
    const say = (word: string): string => `appendFileSync(${JSON.stringify(said)}, '${word}\\n');`;
    rig.write(
      'flow.ts',
      `import { appendFileSync } from 'node:fs';
import { flow, task } from 'flowctl';
${say('top')}
const t = task('t', async () => { ${say('task')} return 1; });
export default flow('own', async () => { ${say('flow')} return t(); });
export const graph = flow({ name: 'graph', steps: { a: { call: t } } });
`,
    );
    for (const argv of [
      ['validate', 'flow.ts'],
      ['validate', 'flow.ts#graph'],
      ['graph', 'flow.ts#graph'],
    ]) {
      rmSync(said, { force: true });
      const { code, stdout, stderr } = await rig.flowctl(...argv);
      expect(code, stdout + stderr).toBe(0);
      expect(new Set(rig.effects('said')), argv.join(' ')).toEqual(new Set(['top']));
    }
    for (const command of ['validate', 'graph'])
      expect((await rig.flowctl(command, '--help')).stdout.replaceAll(/\s+/g, ' ')).toContain('module itself');
  });
});

/** `flowctl artifact` as a step calls it. */

import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Rig } from '../kit/rig.ts';

interface Event {
  readonly type: string;
  readonly step?: string;
  readonly attempt?: number;
  readonly name?: string;
  readonly kind?: string;
  readonly file?: string | null;
  readonly value?: unknown;
  readonly code?: string;
  readonly message?: string;
}

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.remove());

/** Runs a flow of one step, and gives what it published. */
async function publishedBy(text: string): Promise<readonly Event[]> {
  const lines = ['steps:', '  a:', '    run: |', ...text.split('\n').map((line) => `      ${line}`), ''];
  rig.write('flow.yaml', lines.join('\n'));
  const run = await rig.flowctl('run', 'flow.yaml', '--output', 'json');
  expect(run.code, `${run.stdout}\n${(await rig.flowctl('logs', 'a')).stdout}`).toBe(0);
  const events = run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
  const finished = events.findIndex(({ type }) => type === 'attempt.finished');
  const published = events.filter(({ type }) => type === 'artifact.published');
  expect(published.every((event) => events.indexOf(event) < finished)).toBe(true);
  return published.map(({ step, attempt, name, kind, file, value }) => {
    expect([step, attempt]).toEqual(['a', 1]);
    return { type: 'artifact.published', name, kind, file, value } as Event;
  });
}

const runFolder = () => rig.path('.flowctl', 'runs', rig.runIds().at(-1) ?? '');

it('publishes files, images, texts, tables and links, in their order', async () => {
  rig.write('report.html', '<p>');
  const published = await publishedBy(
    [
      '"$NODE" "$BIN" artifact file report.html',
      'echo new > report.html',
      '"$NODE" "$BIN" artifact image report.html --name Plot',
      '"$NODE" "$BIN" artifact markdown "**12** rows"',
      'echo "# From a pipe" | "$NODE" "$BIN" artifact markdown - --name notes',
      `"$NODE" "$BIN" artifact table '[{"city": "Oslo", "mm": 25}]' --name rain`,
      '"$NODE" "$BIN" artifact link https://example.com/x --title Dashboard',
    ].join('\n'),
  );
  expect(published.map(({ type: _, ...rest }) => rest)).toEqual([
    { kind: 'file', name: 'report.html', file: 'a.1/report.html' },
    { kind: 'image', name: 'Plot', file: 'a.1/report-2.html' },
    { kind: 'markdown', name: 'markdown', file: null, value: '**12** rows' },
    { kind: 'markdown', name: 'notes', file: null, value: '# From a pipe\n' },
    { kind: 'table', name: 'rain', file: null, value: [{ city: 'Oslo', mm: 25 }] },
    { kind: 'link', name: 'Dashboard', file: null, value: { url: 'https://example.com/x', title: 'Dashboard' } },
  ]);
  const folder = join(runFolder(), 'artifacts', 'a.1');
  expect(readdirSync(folder).sort()).toEqual(['report-2.html', 'report.html']);
  expect(readFileSync(join(folder, 'report.html'), 'utf8')).toBe('<p>');
  expect(readFileSync(join(folder, 'report-2.html'), 'utf8')).toBe('new\n');
  expect(statSync(join(folder, 'report.html')).mode & 0o777).toBe(0o600);
});

it('shows them with their run, where they lie', async () => {
  rig.write(
    'flow.yaml',
    [
      'steps:',
      '  a:',
      '    artifacts: ["out/**/*.html", "${{ run.dir }}/raw.json"]',
      '    run: |',
      '      mkdir -p out/deep; echo one > out/deep/a.html; echo 2 > "$FLOWCTL_RUN_DIR/raw.json"',
      '      "$NODE" "$BIN" artifact markdown "**12** rows"',
      `      "$NODE" "$BIN" artifact table '[1, 2]'`,
      '      exit 7',
      '  b: { needs: a, run: ":" }',
      '',
    ].join('\n'),
  );
  const run = await rig.flowctl('run', 'flow.yaml');
  expect(run.code).toBe(1);
  expect(run.stdout).toContain(' a published out/deep/a.html\n');
  const { artifacts } = await rig.query<{ readonly artifacts: readonly Event[] }>('show');
  const folder = join(runFolder(), 'artifacts', 'a.1');
  expect(artifacts).toEqual([
    { step: 'a', attempt: 1, kind: 'markdown', name: 'markdown', file: null, value: '**12** rows' },
    { step: 'a', attempt: 1, kind: 'table', name: 'table', file: null, value: [1, 2] },
    { step: 'a', attempt: 1, kind: 'file', name: 'raw.json', file: join(folder, 'raw.json') },
    { step: 'a', attempt: 1, kind: 'file', name: 'out/deep/a.html', file: join(folder, 'out/deep/a.html') },
  ]);
  expect(readFileSync(join(folder, 'out/deep/a.html'), 'utf8')).toBe('one\n');
  const { stdout } = await rig.flowctl('show');
  const shown = stdout.slice(stdout.indexOf('artifacts\n'));
  expect(shown).toContain(`a  raw.json         file      ${join(folder, 'raw.json')}\n`);
  expect(shown).toContain('a  markdown         markdown  **12** rows\n');
  expect(shown).toContain('a  table            table     2 rows\n');
});

it('shows those of a sub-flow with its parent', async () => {
  rig.write('child.yaml', 'steps: { inner: { run: "echo x > $FLOWCTL_ARTIFACTS/x.txt" } }\n');
  rig.write('flow.yaml', 'steps: { outer: { flow: ./child.yaml } }\n');
  expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
  const { artifacts } = await rig.query<{ readonly artifacts: readonly Event[] }>('show');
  expect(artifacts).toMatchObject([{ step: 'outer/inner', name: 'x.txt' }]);
  expect(readFileSync(artifacts[0]?.file ?? '', 'utf8')).toBe('x\n');
});

it('keeps what each attempt leaves, and says what it does not', async () => {
  rig.write(
    'flow.yaml',
    [
      'steps:',
      '  a:',
      '    retry: 1',
      '    artifacts: [report.txt, never.txt]',
      '    run: |',
      '      echo "$FLOWCTL_ATTEMPT" > report.txt; ln -s /etc/passwd "$FLOWCTL_ARTIFACTS/link"',
      '      test "$FLOWCTL_ATTEMPT" = 2',
      '',
    ].join('\n'),
  );
  expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
  const { artifacts, warnings } = await rig.query<{
    readonly artifacts: readonly Event[];
    readonly warnings: readonly Event[];
  }>('show');
  expect(artifacts.map(({ file }) => readFileSync(file ?? '', 'utf8'))).toEqual(['1\n', '2\n']);
  const messages = warnings.filter(({ code }) => code === 'artifacts').map(({ message }) => message);
  expect(messages).toEqual([
    '`a`: there is no `never.txt` to be kept as an artifact',
    '`a`: 1 artifact was not kept: `link` (a link, which is not followed)',
    '`a`: there is no `never.txt` to be kept as an artifact',
    '`a`: 1 artifact was not kept: `link` (a link, which is not followed)',
  ]);
});

it.each(['thread', 'process'])('a function in a %s leaves them in the folder, or by globs, too', async (isolate) => {
  rig.write(
    'tasks.ts',
    `import { writeFileSync } from 'node:fs';
     export function work({ name }: { name: string | null }) {
       if (name !== null) writeFileSync(process.env['FLOWCTL_ARTIFACTS'] + '/' + name, 'x');
     }`,
  );
  const step = (name: string, more: string): string =>
    `  ${name}: { call: ./tasks.ts#work, isolate: ${isolate}, with: { name: ${more} }`;
  rig.write('flow.yaml', `steps:\n${step('a', 'a.txt')}, artifacts: [tasks.ts] }\n${step('b', 'null')} }\n`);
  expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
  const { artifacts } = await rig.query<{ readonly artifacts: readonly Event[] }>('show');
  expect(artifacts.map(({ step: key, name }) => `${key} ${name}`)).toEqual(['a a.txt', 'a tasks.ts']);
  expect(readdirSync(join(runFolder(), 'artifacts'))).toEqual(['a.1']);
});

it('keeps a text and a table that are too large for the journal as files', async () => {
  const published = await publishedBy(
    [
      `"$NODE" -e 'console.log("x".repeat(70000))' | "$NODE" "$BIN" artifact markdown - --name 'a/b c'`,
      `"$NODE" -e 'console.log(JSON.stringify(["x".repeat(70000)]))' | "$NODE" "$BIN" artifact table -`,
    ].join('\n'),
  );
  expect(published).toMatchObject([
    { kind: 'markdown', name: 'a/b c', file: 'a.1/a_b_c.md' },
    { kind: 'table', name: 'table', file: 'a.1/table.json' },
  ]);
  expect(statSync(join(runFolder(), 'artifacts', 'a.1', 'a_b_c.md')).size).toBe(70_001);
});

it('keeps every file where several commands publish one of the same name at once', async () => {
  rig.write('x.txt', 'x');
  const published = await publishedBy(
    'for n in 1 2 3 4; do "$NODE" "$BIN" artifact file x.txt --name "$n" & done; wait',
  );
  expect(published.map(({ name }) => name).sort()).toEqual(['1', '2', '3', '4']);
  expect(new Set(published.map(({ file }) => file)).size).toBe(4);
});

it('leaves nothing in the log or on stdout', async () => {
  await publishedBy('"$NODE" "$BIN" artifact markdown hello');
  expect((await rig.flowctl('logs', 'a')).stdout).toBe('');
});

it('says that it belongs into a step', async () => {
  const outside = await rig.flowctl('artifact', 'markdown', 'hello');
  expect(outside).toMatchObject({ code: 2, stdout: '' });
  expect(outside.stderr).toContain('publishes from inside a step');
  const late = await rig.flowctlWith({ env: { FLOWCTL_ARTIFACTS: rig.path('gone') } }, 'artifact', 'markdown', 'hello');
  expect(late.code).toBe(2);
  expect(late.stderr).toContain('the attempt around it has ended');
});

it.each([
  [['pdf', 'x'], 'no kind of artifact'],
  [['fil', 'x'], 'did you mean `file`?'],
  [['file', 'missing'], 'there is no file `missing`'],
  [['file', '.'], 'is no file'],
  [['table', '{"a": 1}'], 'a list of rows'],
  [['table', 'x'], 'a table is JSON'],
  [['table', '[{"__proto__": 1}]'], 'cannot be taken'],
  [['link', 'example.com'], 'no address'],
  [['link', 'javascript:alert(1)'], 'no address'],
  [['markdown', 'x', '--title', 'y'], '`--title` belongs to links'],
  [['markdown', 'x', '--name', ''], 'from 1 to 200 characters'],
  [['markdown'], "missing required argument 'what'"],
])('refuses %j and leaves nothing', async (words, why) => {
  mkdirSync(rig.path('artifacts'));
  const options = { env: { FLOWCTL_ARTIFACTS: rig.path('artifacts') } };
  const refused = await rig.flowctlWith(options, 'artifact', ...words);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toContain(why);
  expect(readdirSync(rig.path('artifacts'))).toEqual([]);
});

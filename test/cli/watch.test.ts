/** `run --watch`. */

import { expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { Stage } from '../kit/puppet.ts';
import { eventually, type Started } from '../kit/rig.ts';

const here = useCase();

const FLOW = (text: string): string => `steps:\n  only: { run: 'echo ${text} >> "$EFFECTS"' }\n`;
const watching = (run: Started, times: number): Promise<void> =>
  eventually(`it watches for the ${times}. time`, 30_000, () => run.stderr().split('; Ctrl-C ends').length > times);
const states = async (): Promise<readonly string[]> =>
  (await here.rig.query<RunRow[]>('runs')).map(({ state }) => state).reverse();

async function end(run: Started): Promise<void> {
  run.process.kill('SIGINT');
  expect(await run.ended).toMatchObject({ signal: 'SIGINT' });
}

it('runs again when the flow changes, from wherever it was started, and ends by a signal', async () => {
  const { rig } = here;
  rig.write('package.json', '{}');
  rig.write('flows/flow.yaml', FLOW('one'));
  const run = rig.start(['run', 'flows/flow.yaml', '--watch']);
  await watching(run, 1);
  rig.write('flows/flow.yaml', FLOW('two'));
  await watching(run, 2);
  expect(run.stderr()).toContain('flows/flow.yaml changed: running again');
  // The same text once more is no change; a positive sign follows.
  rig.write('flows/flow.yaml', FLOW('two'));
  rig.write('flows/flow.yaml', FLOW('three'));
  await watching(run, 3);
  expect(rig.effects()).toEqual(['one', 'two', 'three']);
  await end(run);
  expect(await states()).toEqual(['succeeded', 'succeeded', 'succeeded']);
});

it('goes on watching when a run fails, and when the flow is invalid for a while', async () => {
  const { rig } = here;
  rig.write('flow.yaml', 'steps:\n  only: { run: exit 3 }\n');
  const run = rig.start(['run', 'flow.yaml', '--watch']);
  await watching(run, 1);
  rig.write('flow.yaml', 'steps:\n  only: { runs: echo }\n');
  await watching(run, 2);
  expect(run.stderr()).toContain('unknown key `runs`');
  rig.write('flow.yaml', FLOW('well'));
  await watching(run, 3);
  await end(run);
  expect(await states()).toEqual(['failed', 'succeeded']);
});

it('looks at modules with their imports, sub-flows, files of variables, sources and the config', async () => {
  const { rig } = here;
  rig.write('flowctl.config.yaml', 'vars: { a: 1 }\n');
  rig.write('tasks.ts', "import { word } from './word.ts';\nexport const task = (): string => word;\n");
  rig.write('word.ts', "export const word: string = 'first';\n");
  rig.write('inner.yaml', FLOW('inner'));
  rig.write('.env', 'WORD=first\n');
  rig.write('src/a/one.txt', 'one');
  rig.write(
    'flow.yaml',
    [
      'params: { folder: src }',
      'dotenv: .env',
      'steps:',
      '  called: { call: ./tasks.ts#task }',
      '  inner: { flow: ./inner.yaml }',
      '  group:',
      '    steps:',
      '      built: { sources: "${{ params.folder }}/**/*.txt", run: "echo $WORD" }',
      '',
    ].join('\n'),
  );
  const run = rig.start(['run', 'flow.yaml', '--watch']);
  await watching(run, 1);
  const changes: readonly (readonly [string, string])[] = [
    ['word.ts', "export const word: string = 'second';\n"],
    ['inner.yaml', FLOW('again')],
    ['.env', 'WORD=second\n'],
    ['src/a/one.txt', 'another'],
    ['src/b/new.txt', 'new'],
    ['flowctl.config.yaml', 'vars: { a: 2 }\n'],
  ];
  let times = 1;
  for (const [file, text] of changes) {
    rig.write(file, text);
    times += 1;
    await watching(run, times);
    expect(run.stderr()).toContain(`${file} changed: running again`);
  }
  await end(run);
  expect(await states()).toEqual(Array(7).fill('succeeded'));
});

it('lets a run end before another begins, however much changes meanwhile', async () => {
  const { rig } = here;
  const stage = await here.stage();
  const flow = (name: string): string => `steps:\n  only: { run: ${Stage.step(name)} }\n`;
  rig.write('flow.yaml', flow('first'));
  const run = rig.start(['run', 'flow.yaml', '--watch']);
  const first = await stage.enter('first');
  rig.write('flow.yaml', flow('lost'));
  rig.write('flow.yaml', flow('second'));
  await first.exit(0);
  const second = await stage.enter('second');
  expect(stage.entered).toEqual(['first', 'second']);
  await second.exit(0);
  await watching(run, 1);
  await end(run);
});

it('a signal while it runs ends the run and the watching', async () => {
  const { rig } = here;
  const stage = await here.stage();
  rig.write('flow.yaml', `steps:\n  only: { run: ${Stage.step('only')} }\n`);
  const run = rig.start(['run', 'flow.yaml', '--watch']);
  await stage.enter('only');
  await end(run);
  expect(await states()).toEqual(['cancelled']);
});

it.each([
  [['run', 'missing.yaml', '--watch'], 4],
  [['run', 'flow.yaml', '--watch', '-p', 'nothing=1'], 2],
  [['run', 'flow.yaml', '--watch', '--detach'], 2],
  [['run', 'flow.yaml', '--watch', '--dry-run'], 2],
])('%j is refused at once', async (argv, code) => {
  here.rig.write('flow.yaml', FLOW('never'));
  expect(await here.rig.flowctl(...argv)).toMatchObject({ code, stdout: '' });
});

it('runs a flow in TypeScript again when it changes, what it imports, or what its imports mean', async () => {
  const { rig } = here;
  const settings = (folder: string): string => JSON.stringify({ compilerOptions: { paths: { '@words/*': [folder] } } });
  const flow = (name: string): string =>
    `import { appendFileSync } from 'node:fs';\nimport { flow, task } from 'flowctl';\nimport { word } from '@words/word.ts';\nimport data from './data.json' with { type: 'json' };\nconst say = task('say', async (by: string) => appendFileSync('effects', [by, word, data.rank].join(' ') + '\\n'));\nexport const named = flow('named', async () => { await say('${name}'); });\nexport const other = flow('other', async () => 1);\n`;
  rig.write('tsconfig.json', settings('./one/*'));
  rig.write('one/word.ts', "export const word: string = 'first';\n");
  rig.write('two/word.ts', "export const word: string = 'elsewhere';\n");
  rig.write('data.json', '{ "rank": 1 }');
  rig.write('flow.ts', flow('it'));
  const run = rig.start(['run', 'flow.ts#named', '--watch']);
  await watching(run, 1);
  const changes: readonly (readonly [string, string])[] = [
    ['one/word.ts', "export const word: string = 'second';\n"],
    ['data.json', '{ "rank": 2 }'],
    ['flow.ts', flow('edited')],
    ['tsconfig.json', settings('./two/*')],
  ];
  for (const [index, [file, text]] of changes.entries()) {
    rig.write(file, text);
    await watching(run, index + 2);
    expect(run.stderr()).toContain(`${file} changed: running again`);
  }
  expect(rig.effects()).toEqual(['it first 1', 'it second 1', 'it second 2', 'edited second 2', 'edited elsewhere 2']);
  await end(run);
}, 60_000);

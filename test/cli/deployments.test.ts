/** Commands about deployments, called as people do: twice, for what is not there, in the wrong folder, quietly. */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { eventually } from '../kit/rig.ts';

const here = useCase();

const DAY_MS = 86_400_000;
const FLOW = 'name: nightly\nschedules: [{ interval: 1d }]\nsteps: { say: { run: echo hello } }\n';
const NEEDY = FLOW.replace('schedules', 'secrets: [NOT_THERE]\nschedules');

async function deploy(flow = FLOW): Promise<void> {
  here.rig.write('flow.yaml', flow);
  expect((await here.rig.flowctl('deploy', 'flow.yaml')).code).toBe(0);
}

/** As if nobody had looked for some time; the last midnight is due. */
function makeDue(catchUp: 'latest' | 'none'): void {
  const path = here.rig.path('.flowctl/db.json');
  const document = JSON.parse(readFileSync(path, 'utf8'));
  const { nightly } = document.deployments;
  nightly.schedules[0].catch_up = catchUp;
  nightly.decided_until = [new Date(Date.now() - 2.5 * DAY_MS).toISOString()];
  writeFileSync(path, JSON.stringify(document));
}

it('pauses a deployment that is named twice, once', async () => {
  await deploy();
  expect((await here.rig.flowctl('pause', 'nightly', 'nightly')).stdout).toBe('paused nightly\n');
  expect((await here.rig.flowctl('unpause', 'nightly', 'nightly')).stdout).toBe('nightly goes on\n');
});

it('a deployment that is not there: what it could have been', async () => {
  const { rig } = here;
  rig.write('weekly.yaml', FLOW);
  expect(await rig.flowctl('pause', 'weekly')).toMatchObject({
    code: 4,
    stderr: 'error: there is no deployment `weekly`\nhelp: nothing is deployed: flowctl deploy <flow>\n',
  });
  expect(await rig.flowctl('run', 'weekly')).toMatchObject({
    code: 4,
    stderr: 'error: there is no flow file and no deployment `weekly`\nhelp: did you mean `weekly.yaml`?\n',
  });
});

it('a folder that bears the name of a deployment is in nobody’s way', async () => {
  const { rig } = here;
  await deploy();
  mkdirSync(rig.path('nightly'));
  const { code, stderr } = await rig.flowctl('run', 'nightly');
  expect([code, stderr]).toEqual([0, '']);
});

it('tick makes no project of a folder that is none', async () => {
  const { rig } = here;
  expect(await rig.flowctl('tick')).toEqual({
    ...{ code: 0, signal: null, stdout: '' },
    stderr: 'nothing is deployed: flowctl deploy <flow>\n',
  });
  expect(existsSync(rig.path('.flowctl'))).toBe(false);
});

it('tick ends with 1 when a run could not be started, and says that also under --quiet', async () => {
  const { rig } = here;
  await deploy(NEEDY);
  makeDue('latest');
  const { code, stdout, stderr } = await rig.flowctl('tick', '--quiet');
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    /^nightly: missed .*\nerror: nightly: could not start a run for \S+: the secret `NOT_THERE`: .*\n$/,
  );
});

it('tick says nothing under --quiet of what goes well', async () => {
  const { rig } = here;
  await deploy();
  const path = rig.path('.flowctl/db.json');
  makeDue('latest');
  // One day only: nothing of it was missed.
  const document = JSON.parse(readFileSync(path, 'utf8'));
  document.deployments.nightly.decided_until = [new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS - 1).toISOString()];
  writeFileSync(path, JSON.stringify(document));
  expect(await rig.flowctl('tick', '--quiet')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect((await rig.flowctl('deployments', 'nightly')).stdout).toContain('nightly: run 0');
});

it('serve says what is wrong, and goes on when it is mended', async () => {
  const { rig } = here;
  await deploy();
  const path = rig.path('.flowctl/db.json');
  const good = readFileSync(path, 'utf8');
  const serve = rig.start(['serve']);
  await serve.prints('looking at the schedules');
  writeFileSync(path, '{');
  await eventually('it is said', 20_000, () => serve.stderr().includes('is no JSON'));
  writeFileSync(path, JSON.stringify({ ...JSON.parse(good), format: 'other' }));
  await eventually('that too', 20_000, () => serve.stderr().includes('is not the document'));
  writeFileSync(path, good);
  makeDue('latest');
  await serve.prints(/nightly: run 0/);
  serve.process.kill('SIGTERM');
  expect((await serve.ended).code).toBe(0);
});

it('keeps the flows that modules make for its steps, and takes no value of a step for a module', async () => {
  const { rig } = here;
  const module = (word: string): string => `import { flow, task } from 'flowctl';
const say = task('say', async () => '${word}');
export const inner = flow('inner', async () => say());
export const echo = (value: unknown) => value;\n`;
  rig.write('flows.ts', module('one'));
  const path = rig.path('flows.ts');
  rig.write(
    'flow.yaml',
    `name: nightly
steps:
  inner: { flow: ./flows.ts#inner }
  echo: { call: ./flows.ts#echo, with: { kind: call, module: nowhere.ts, path: ${JSON.stringify(path)} } }
  last: { needs: inner, run: 'true', finally: [{ call: ./flows.ts#echo }] }
outputs: { inner: "\${{ steps.inner.outputs }}", echo: "\${{ steps.echo.outputs }}" }\n`,
  );
  expect((await rig.flowctl('deploy', 'flow.yaml')).stdout).toBe('deployed nightly, version 1\n');
  expect((await rig.flowctl('deploy', 'flow.yaml')).stdout).toContain('nothing has changed');
  rig.write('flows.ts', module('two'));
  const echo = { kind: 'call', module: 'nowhere.ts', path };
  const outputs = async (flow: string): Promise<unknown> => {
    const { code, stderr } = await rig.flowctl('run', flow);
    expect(code, stderr).toBe(0);
    return (await rig.query<{ readonly outputs: unknown }>('show')).outputs;
  };
  expect(await outputs('nightly')).toEqual({ inner: 'one', echo });
  expect((await rig.flowctl('deploy', 'flow.yaml')).stdout).toBe('deployed nightly, version 2\n');
  expect(await outputs('nightly')).toEqual({ inner: 'two', echo });
  expect(await outputs('nightly@1')).toEqual({ inner: 'one', echo });
  rig.write('flows.ts', 'broken(');
  expect((await rig.flowctl('deploy', 'flow.yaml')).code).toBe(3);
  expect(await outputs('nightly')).toEqual({ inner: 'two', echo });
});

it('case 24: db.json that is gone is damage, and not a project without deployments', async () => {
  const { rig } = here;
  await deploy();
  await rig.flowctl('pause', 'nightly');
  rmSync(rig.path('.flowctl/db.json'));
  for (const command of ['deployments', 'tick', 'deploy flow.yaml', 'unpause nightly', 'doctor']) {
    const { code, stdout, stderr } = await rig.flowctl(...command.split(' '));
    expect([code, `${stdout}${stderr}`], command).toEqual([65, expect.stringContaining('db.json.bak')]);
  }
  expect(existsSync(rig.path('.flowctl/db.json'))).toBe(false);
  renameSync(rig.path('.flowctl/db.json.bak'), rig.path('.flowctl/db.json'));
  expect((await rig.flowctl('pause', 'nightly')).stdout).toBe('paused nightly\n');
});

it('doctor looks at what is deployed: every version, and the modules that it calls', async () => {
  const { rig } = here;
  rig.write('tasks.ts', 'export const say = (): string => "one";\n');
  await deploy('name: nightly\nsteps: { say: { call: ./tasks.ts#say } }\n');
  const doctor = async (): Promise<readonly [number | null, readonly string[]]> => {
    const { code, stdout } = await rig.flowctl('doctor', '--json');
    const { findings } = JSON.parse(stdout) as { readonly findings: readonly { readonly file: string }[] };
    return [code, findings.map(({ file }) => file)];
  };
  expect(await doctor()).toEqual([0, []]);
  const folder = rig.path('.flowctl/deployments');
  for (const name of readdirSync(folder)) {
    const path = `${folder}/${name}`;
    const good = readFileSync(path, 'utf8');
    for (const harm of [() => rmSync(path), () => writeFileSync(path, `${good} `.replace('one', 'two'))]) {
      harm();
      expect(await doctor(), name).toEqual([65, [path]]);
      writeFileSync(path, good, { mode: 0o600 });
    }
  }
  writeFileSync(rig.path('.flowctl/db.json'), '{');
  expect(await doctor()).toEqual([65, [rig.path('.flowctl/db.json')]]);
});

it('rerun is a run of the version that ran, whatever became of the file', async () => {
  const { rig } = here;
  await deploy('name: nightly\nparams: { n: 1 }\nsteps: { say: { run: [echo, "first ${{ params.n }}"] } }\n');
  await rig.flowctl('run', 'nightly', '-p', 'n=7');
  rmSync(rig.path('flow.yaml'));
  const { code, stderr } = await rig.flowctl('rerun');
  expect(code, stderr).toBe(0);
  expect((await rig.flowctl('logs', 'say')).stdout).toBe('first 7\n');
  const [run] = await rig.query<RunRow[]>('runs');
  expect(run).toMatchObject({ flow: 'nightly', version: 1, trigger: 'rerun' });
});

it('refuses what a deployment cannot take any more (2)', async () => {
  const { rig } = here;
  await deploy();
  for (const argv of ['run nightly --profile prod', 'deploy nightly@1 -p a=1', 'deploy nightly@1 --name x']) {
    const { code, stdout, stderr } = await rig.flowctl(...argv.split(' '));
    expect([code, stdout, stderr], argv).toEqual([2, '', expect.stringMatching(/^error: .*deploy/)]);
  }
  expect(await rig.query<RunRow[]>('runs')).toEqual([]);
});

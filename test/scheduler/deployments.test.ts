/** Deployments through the program: versions, what they keep, and what the schedulers start. */

import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Deployment, ProjectDocument } from '../../src/model/deployment.ts';
import type { RunDetail, RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { eventually } from '../kit/rig.ts';

const here = useCase();

const flow = (text: string, head = ''): string => `name: nightly\nparams: { word: ${text} }\n${head}steps:
  say: { run: [echo, "\${{ params.word }} \${{ default(flow.version, 0) }}"] }\n`;
const HOURLY = 'schedules: [{ interval: 1h }]\n';

async function deployed(name = 'nightly'): Promise<Deployment & { readonly next: string | null }> {
  const { stdout, stderr } = await here.rig.flowctl('deployments', name, '--json');
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

/** Changes the record as if time had passed, or flowctl had died. */
function rewrite(change: (deployment: Deployment) => Deployment): void {
  const path = here.rig.path('.flowctl/db.json');
  const document = JSON.parse(readFileSync(path, 'utf8')) as ProjectDocument;
  const nightly = document.deployments['nightly'];
  if (nightly === undefined) throw new Error('not deployed');
  writeFileSync(path, JSON.stringify({ ...document, deployments: { nightly: change(nightly) } }));
}
const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();

describe('deploy', () => {
  it('raises the version when the flow or a module that it calls has changed, and not otherwise', async () => {
    const { rig } = here;
    rig.write('tasks.ts', "import { word } from './word.ts';\nexport const say = (): string => word;\n");
    rig.write('word.ts', "export const word = 'one';\n");
    rig.write('flow.yaml', 'name: nightly\nsteps: { say: { call: ./tasks.ts#say } }\n');
    expect((await rig.flowctl('deploy', 'flow.yaml')).stdout).toBe('deployed nightly, version 1\n');
    expect((await rig.flowctl('deploy', 'flow.yaml')).stdout).toContain('nothing has changed');
    rig.write('word.ts', "export const word = 'two';\n");
    expect((await rig.flowctl('deploy', 'flow.yaml')).stdout).toBe('deployed nightly, version 2\n');
    // Every version runs as it was kept, whatever became of the files.
    rig.write('word.ts', 'broken(');
    rig.write('flow.yaml', 'broken');
    const outputs: unknown[] = [];
    for (const reference of ['nightly', 'nightly@1', 'nightly@2']) {
      const { code, stderr } = await rig.flowctl('run', reference);
      expect(code, stderr).toBe(0);
      const { version, steps } = await rig.query<RunDetail>('show');
      outputs.push([version, steps[0]?.outputs]);
    }
    expect(outputs).toEqual([
      [2, 'two'],
      [1, 'one'],
      [2, 'two'],
    ]);
    expect((await rig.flowctl('deploy', 'nightly@1')).stdout).toBe('nightly runs version 1\n');
    expect((await deployed()).version).toBe(1);
    expect((await rig.flowctl('run', 'nightly@9')).code).toBe(4);
    expect((await rig.flowctl('run', 'weekly')).code).toBe(4);
  });

  it('keeps flows of modules as well', async () => {
    const { rig } = here;
    const module = (word: string): string => `import { flow, task } from 'flowctl';
const say = task('say', async (text: string) => text + '!');
const inner = flow('inner', async () => say('${word}'));
export default flow('nightly', async () => inner());\n`;
    rig.write('flow.ts', module('one'));
    expect((await rig.flowctl('deploy', 'flow.ts')).stdout).toBe('deployed nightly, version 1\n');
    rig.write('flow.ts', module('two'));
    const { code, stderr } = await rig.flowctl('run', 'nightly');
    expect(code, stderr).toBe(0);
    expect((await rig.query<RunDetail>('show')).outputs).toBe('one!');
    expect((await rig.flowctl('deploy', 'flow.ts')).stdout).toBe('deployed nightly, version 2\n');
  });

  it('gives params to all runs, checked when it is deployed', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow('none'));
    expect((await rig.flowctl('deploy', 'flow.yaml', '-p', 'wort=x')).code).toBe(2);
    await rig.flowctl('deploy', 'flow.yaml', '-p', 'word=${{ here }}');
    await rig.flowctl('run', 'nightly');
    expect((await rig.flowctl('logs', 'say')).stdout).toBe('${{ here }} 1\n');
    await rig.flowctl('run', 'nightly', '-p', 'word=there');
    expect((await rig.flowctl('logs', 'say')).stdout).toBe('there 1\n');
  });

  it('a run of a deployment goes on with what was deployed, whatever the file says by then', async () => {
    const { rig } = here;
    const failing = 'name: nightly\nsteps: { a: { run: echo a }, b: { needs: a, run: "test -e ok" } }\n';
    rig.write('flow.yaml', failing);
    await rig.flowctl('deploy', 'flow.yaml');
    expect((await rig.flowctl('run', 'nightly')).code).toBe(1);
    rig.write('flow.yaml', failing.replace('echo a', 'echo other'));
    rig.write('ok', '');
    const resumed = await rig.flowctl('resume');
    expect(resumed.code, resumed.stderr).toBe(0);
  });
});

describe('tick', () => {
  it('starts what is due, once, with what the schedule gives; and tells what was missed', async () => {
    const { rig } = here;
    const params = `params: { word: "\${{ format_date(run.scheduled_for, 'mm:ss') }} \${{ default(run.previous_scheduled_for, 'first') }}" }`;
    rig.write('flow.yaml', flow('none', `schedules: [{ interval: 1h, catch_up: latest, ${params} }]\n`));
    await rig.flowctl('deploy', 'flow.yaml');
    expect((await rig.flowctl('tick')).stdout).toBe('');
    rewrite((old) => ({ ...old, decided_until: [hoursAgo(3.1)] }));
    const tick = await rig.flowctl('tick');
    expect(tick.stdout).toMatch(/^nightly: missed [\s\S]*nightly: run 0\w+ for \d{4}-\S+:00:00.000Z\n$/);
    expect((await rig.flowctl('tick')).stdout).toBe('');
    const [run] = await rig.query<RunRow[]>('runs');
    await eventually(
      'the runs succeeded',
      20_000,
      async () => (await rig.query<RunRow[]>('runs'))[0]?.state === 'succeeded',
    );
    expect(run).toMatchObject({ flow: 'nightly', version: 1, trigger: 'schedule' });
    expect(run?.scheduled_for).toMatch(/:00:00\.000Z$/);
    expect((await rig.flowctl('logs', 'say')).stdout).toBe('00:00 first 1\n');
  });

  it('case 66: a run that was claimed and not started is started once, with the id of the claim', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow('hello', HOURLY));
    await rig.flowctl('deploy', 'flow.yaml');
    const run = '01m80p6pfr3dq7wpet4ra0xvs0' as Deployment['claims'][number]['run'];
    const claim = {
      run,
      schedule: 0,
      scheduled_for: hoursAgo(0.1),
      trigger: 'schedule',
      claimed_at: hoursAgo(0),
    } as const;
    rewrite((old) => ({ ...old, claims: [claim] }));
    await Promise.all([rig.flowctl('tick'), rig.flowctl('tick'), rig.flowctl('tick')]);
    await eventually(
      'the runs succeeded',
      20_000,
      async () => (await rig.query<RunRow[]>('runs'))[0]?.state === 'succeeded',
    );
    await rig.flowctl('tick');
    const rows = await rig.query<RunRow[]>('runs');
    expect(rows.map(({ id, scheduled_for }) => [id, scheduled_for])).toEqual([[run, claim.scheduled_for]]);
    expect(await deployed()).toMatchObject({ claims: [], ticks: [{ outcome: 'started', run }] });
  });

  it('a start that comes so late that its claim has another id by now starts nothing', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow('hello', HOURLY));
    await rig.flowctl('deploy', 'flow.yaml');
    const run = '01m80p6pfr3dq7wpet4ra0xvs0';
    const claim = { run, schedule: 0, scheduled_for: hoursAgo(0.1), previous_scheduled_for: null, trigger: 'schedule' };
    const late = await rig.flowctl('run', 'nightly', '--claim', JSON.stringify(claim));
    expect([late.code, late.stderr.includes(run)], late.stderr).toEqual([75, true]);
    expect(rig.runIds()).toEqual([]);
  });

  it('tells of a flow that cannot be started, and goes on with the others', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow('hello', `secrets: [NOT_THERE]\n${HOURLY}`));
    await rig.flowctl('deploy', 'flow.yaml');
    rewrite((old) => ({ ...old, decided_until: [hoursAgo(1.05)] }));
    const due = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000);
    rewrite((old) => ({
      ...old,
      decided_until: [new Date(due.getTime() - 1).toISOString()],
      schedules: old.schedules.map((each) => ({ ...each, catch_up: 'latest' })),
    }));
    const { code, stderr } = await rig.flowctl('tick');
    expect([code, stderr]).toEqual([1, expect.stringContaining('nightly: could not start a run for')]);
    expect((await deployed()).ticks).toMatchObject([{ outcome: 'refused', exit_code: 2 }]);
  });

  it('nothing is run while a deployment is paused, nor made up for afterwards', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow('hello', 'schedules: [{ interval: 1h, catch_up: all }]\n'));
    await rig.flowctl('deploy', 'flow.yaml');
    expect((await rig.flowctl('pause', 'nightly')).stdout).toBe('paused nightly\n');
    rewrite((old) => ({ ...old, decided_until: [hoursAgo(5)] }));
    expect((await rig.flowctl('tick')).stdout).toBe('');
    expect((await rig.flowctl('unpause', 'nightly')).stdout).toBe('nightly goes on\n');
    expect((await rig.flowctl('tick')).stdout).toBe('');
    expect((await rig.flowctl('undeploy', 'nightly')).code).toBe(0);
    expect((await rig.flowctl('pause', 'nightly')).code).toBe(4);
    expect((await rig.flowctl('deployments')).stdout).toBe('nothing is deployed: flowctl deploy <flow>\n');
  });
});

describe('serve', () => {
  it('starts what is due; another one takes over when it dies; ends with 0 on SIGTERM, and its runs go on', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow('hello', 'schedules: [{ interval: 1s, overlap: allow }]\n'));
    const first = rig.start(['serve', 'flow.yaml']);
    await first.prints(/nightly: run 0/);
    const second = rig.start(['serve']);
    await second.prints('standing by');
    first.process.kill('SIGKILL');
    await second.prints(/nightly: run 0/);
    second.process.kill('SIGTERM');
    const { code, stderr } = await second.ended;
    expect([code, stderr]).toEqual([0, '']);
    await eventually('the runs succeeded', 20_000, async () =>
      (await rig.query<RunRow[]>('runs', '--limit', '500')).every(({ state }) => state === 'succeeded'),
    );
    const rows = await rig.query<RunRow[]>('runs', '--limit', '500');
    // Each instant once, whoever looked.
    expect(new Set(rows.map(({ scheduled_for }) => scheduled_for)).size).toBe(rows.length);
  });
});

describe('case 24: db.json', () => {
  it.each(['null', '0', '""', '{', '', '\ufeff', '{"format":"flowctl-project-1"}'])(
    'that holds %j is damage (65), and needed by nothing else',
    async (content) => {
      const { rig } = here;
      rig.write('flow.yaml', flow('hello'));
      await rig.flowctl('deploy', 'flow.yaml');
      writeFileSync(rig.path('.flowctl/db.json'), content);
      for (const command of [
        ['deployments'],
        ['tick'],
        ['run', 'nightly'],
        ['deploy', 'flow.yaml'],
        ['pause', 'nightly'],
      ]) {
        const { code, stderr } = await rig.flowctl(...command);
        expect([code, stderr.includes('db.json')], command.join(' ')).toEqual([65, true]);
      }
      expect(readFileSync(rig.path('.flowctl/db.json'), 'utf8')).toBe(content);
      expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
      expect((await rig.flowctl('show')).code).toBe(0);
    },
  );
});

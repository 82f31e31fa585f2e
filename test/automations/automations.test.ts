/** Automations, from the config to what they do, by `tick` and by `serve`. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serve, type TestServer, withStatus } from '../kit/http.ts';
import { eventually, Rig } from '../kit/rig.ts';

interface Row {
  readonly id: string;
  readonly flow: string;
  readonly state: string;
  readonly trigger: string;
  readonly params: { readonly [name: string]: unknown };
}

let rig: Rig;
let server: TestServer;
beforeEach(async () => {
  server = await serve(withStatus(200));
  rig = new Rig({ HOOK: `${server.url}/s3cr3t-hook` });
  rig.write('bad.yaml', 'name: bad\ntags: [nightly]\nsteps: { a: { run: exit 3 } }\n');
  rig.write('good.yaml', 'name: good\nsteps: { a: { run: ":" } }\n');
  rig.write(
    'repair.yaml',
    'name: repair\nparams: { run: none, state: none }\nsteps: { a: { run: "echo $RUN >> $EFFECTS", env: { RUN: "${{ params.run }} ${{ params.state }}" } } }\n',
  );
});
afterEach(async () => {
  await server.close();
  rig.remove();
});

const config = (...lines: readonly string[]): string =>
  rig.write(
    'flowctl.config.yaml',
    ['secrets: [HOOK]', 'automations:', ...lines.map((line) => `  ${line}`), ''].join('\n'),
  );
const runs = (): Promise<readonly Row[]> => rig.query<readonly Row[]>('runs');
const over = async (flow: string, count = 1): Promise<void> =>
  eventually(`${count} runs of ${flow} are over`, 30_000, async () => {
    const found = (await runs()).filter((row) => row.flow === flow);
    return found.length === count && found.every(({ state }) => !['queued', 'running'].includes(state));
  });

describe('docs/automations.md', () => {
  it('shows a config that is valid', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/automations.md'), 'utf8');
    const [, shown = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    expect(shown).toContain('automations:');
    rig.write('flowctl.config.yaml', shown);
    expect(await rig.flowctl('validate', 'good.yaml')).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('an automation', () => {
  it('sends a message about a run that failed, once, and with its secret', async () => {
    config(
      '- name: page',
      '  when: { run: { flow: "b*", tag: nightly } }',
      '  then: [{ notify: { webhook: "${{ secrets.HOOK }}", text: "${{ event.run.flow }} ${{ event.run.state }} ${{ event.automation }}" } }]',
    );
    // What ended before anybody looked is none of its business.
    await rig.flowctl('run', 'bad.yaml');
    expect((await rig.flowctl('tick')).stdout).toBe('');
    await rig.flowctl('run', 'good.yaml');
    await rig.flowctl('run', 'bad.yaml');
    const ticked = await rig.flowctl('tick');
    expect(ticked.stdout).toMatch(/^automation page: run \w+ of bad failed: a message by webhook\n.*delivered late\n$/);
    expect(`${ticked.stdout}${ticked.stderr}`).not.toContain('s3cr3t');
    expect((await rig.flowctl('tick')).stdout).toBe('');
    expect(server.asked.map(({ body }) => JSON.parse(body))).toMatchObject([
      { flow: 'bad', state: 'failed', text: 'bad failed page', step: 'automation page' },
    ]);
    expect(server.asked[0]?.path).toBe('/s3cr3t-hook');
    const state = rig
      .filesBelow()
      .filter(({ isFolder }) => !isFolder)
      .map(({ path }) => readFileSync(rig.path('.flowctl', path), 'latin1'));
    expect(state.join('')).not.toContain('s3cr3t-hook');
  });

  it('begins a run of a deployment, with params from what happened, once, whatever is looked at again', async () => {
    await rig.flowctl('deploy', 'repair.yaml');
    config(
      '- name: mend',
      '  when: { run: { flow: bad } }',
      '  then: [{ run: repair, params: { run: "${{ event.run.id }}", state: "${{ event.run.state }}" } }]',
    );
    await rig.flowctl('tick');
    await rig.flowctl('run', 'bad.yaml');
    await rig.flowctl('tick');
    await over('repair');
    for (let again = 0; again < 2; again += 1) await rig.flowctl('tick');
    const [repair, bad] = await runs();
    expect(repair).toMatchObject({ flow: 'repair', trigger: 'automation', params: { run: bad?.id, state: 'failed' } });
    expect(rig.effects()).toEqual([`${bad?.id} failed`]);
    expect(await runs()).toHaveLength(2);
  });

  it('(exactly once) begins its run once where whoever looked died before the deployment had it, or before it was forgotten', async () => {
    await rig.flowctl('deploy', 'repair.yaml');
    config('- name: mend', '  when: { run: { flow: bad } }', '  then: [{ run: repair }]');
    await rig.flowctl('tick');
    await rig.flowctl('run', 'bad.yaml');
    await rig.flowctl('tick');
    await over('repair');
    const memory = rig.path('.flowctl/automations.json');
    const after = JSON.parse(readFileSync(memory, 'utf8')) as { readonly waiting: readonly unknown[] };
    expect(after.waiting).toEqual([]);
    // As if it had died right before it forgot what the deployment has taken.
    const document = JSON.parse(rig.read('.flowctl/db.json')) as {
      readonly deployments: {
        readonly repair: { readonly ticks: readonly { readonly event: object; readonly run: string }[] };
      };
    };
    const [tick] = document.deployments.repair.ticks;
    const event = { ...tick?.event, facts: {} };
    writeFileSync(memory, `${JSON.stringify({ ...after, waiting: [{ deployment: 'repair', event }] })}\n`);
    const before = JSON.parse(rig.read('.flowctl/db.json')) as {
      deployments: { repair: { taken?: readonly string[] } };
    };
    before.deployments.repair.taken = [tick?.run ?? ''];
    rig.write('.flowctl/db.json', `${JSON.stringify(before)}\n`);
    await rig.flowctl('tick');
    await rig.flowctl('tick');
    expect((await runs()).filter(({ flow }) => flow === 'repair')).toHaveLength(1);
    expect(JSON.parse(readFileSync(memory, 'utf8'))).toMatchObject({ waiting: [] });
  });

  it('does not go round in circles, unless it is told to, and then not often', async () => {
    await rig.flowctl('deploy', 'good.yaml');
    const circle = (more: string): string =>
      config(`- { name: circle, ${more} when: { run: { flow: good, states: succeeded } }, then: [{ run: good }] }`);
    circle('');
    await rig.flowctl('tick');
    await rig.flowctl('run', 'good.yaml');
    await rig.flowctl('tick');
    await over('good', 2);
    expect((await rig.flowctl('tick')).stdout).toContain('begins no run of good, for an automation began this one');
    circle('chain: true, at_most: 4,');
    await rig.flowctl('run', 'good.yaml');
    for (const count of [4, 5]) {
      await rig.flowctl('tick');
      await over('good', count);
    }
    const last = await rig.flowctl('tick');
    expect(last.stderr).toContain('left, for it has done something 4 times within a minute');
    expect(await runs()).toHaveLength(5);
  });

  it('(S21) sends nothing to a private address that neither the config nor a secret names', async () => {
    const when = 'when: { run: { flow: told, states: succeeded } }';
    rig.write('told.yaml', `name: told\nsteps: { a: { run: ":" } }\noutputs: { url: "${server.url}/by-event" }\n`);
    config(
      `- { name: by-event, ${when}, then: [{ notify: { webhook: "${'${{ event.outputs.url }}'}" } }] }`,
      `- { name: by-config, ${when}, then: [{ notify: { webhook: "${server.url}/by-config" } }] }`,
    );
    await rig.flowctl('run', 'good.yaml');
    await rig.flowctl('tick');
    await rig.flowctl('run', 'told.yaml');
    const { stdout } = await rig.flowctl('tick');
    expect(stdout).toMatch(/by-event of run \w+: webhook: given up \(/);
    expect(server.asked.map(({ path }) => path)).toEqual(['/by-config']);
  });

  it('is told of a run that crashed', async () => {
    config(
      '- name: page',
      '  when: { run: { states: crashed } }',
      '  then: [{ notify: { webhook: "${{ secrets.HOOK }}" } }]',
    );
    await rig.flowctl('tick');
    rig.write('long.yaml', 'steps: { a: { run: "echo up >> $EFFECTS; sleep 600" } }\n');
    const run = rig.start(['run', 'long.yaml']);
    await eventually('it runs', 30_000, () => rig.effects().length === 1);
    expect((await rig.flowctl('tick')).stdout).toBe('');
    run.process.kill('SIGKILL');
    await run.ended;
    expect((await rig.flowctl('tick')).stdout).toContain('of long crashed: a message by webhook');
    expect((await rig.flowctl('tick')).stdout).toBe('');
    expect(JSON.parse(server.asked[0]?.body ?? '')).toMatchObject({ state: 'crashed', flow: 'long' });
  });

  it('cancels a run that goes on for too long, under serve', async () => {
    config('- name: stuck', '  when: { run: { flow: long }, longer_than: 1s }', '  then: [{ cancel: true }]');
    rig.write('long.yaml', 'steps: { a: { run: "echo up >> $EFFECTS; sleep 600" } }\n');
    const run = rig.start(['run', 'long.yaml']);
    await eventually('it runs', 30_000, () => rig.effects().length === 1);
    const age = performance.now();
    await eventually('it is old enough', 20_000, () => performance.now() - age > 1_200);
    const serving = rig.start(['serve']);
    expect((await run.ended).code).toBe(5);
    expect((await rig.query<{ readonly cancellation: { readonly reason: string } }>('show')).cancellation.reason).toBe(
      'automation stuck',
    );
    await serving.prints('automation stuck: run');
    serving.process.kill('SIGTERM');
    expect((await serving.ended).code).toBe(0);
  });

  it('pauses a deployment that cannot be started, and says so', async () => {
    rig.write(
      'due.yaml',
      'name: due\nschedules: [{ interval: 1s, overlap: allow }]\nparams: { n: { type: integer } }\nsteps: { a: { run: ":" } }\n',
    );
    config(
      '- name: broken',
      '  when: { schedule: { outcome: refused } }',
      '  then: [{ pause: true }, { notify: { webhook: "${{ secrets.HOOK }}", text: "${{ event.deployment }} ${{ event.outcome }}" } }]',
    );
    rig.write(
      'due.yaml',
      'name: due\nschedules: [{ interval: 1s, overlap: allow }]\nsecrets: [NO_SUCH]\nsteps: { a: { run: ":", env: { X: "${{ secrets.NO_SUCH }}" } } }\n',
    );
    expect((await rig.flowctl('deploy', 'due.yaml')).code).toBe(0);
    const serving = rig.start(['serve']);
    await serving.prints('paused due');
    await eventually('it was told', 30_000, () => server.asked.length === 1);
    serving.process.kill('SIGTERM');
    await serving.ended;
    expect(JSON.parse(server.asked[0]?.body ?? '')).toMatchObject({ state: 'refused', text: 'due refused' });
    const [deployment] = await rig.query<readonly { readonly paused: object | null }[]>('deployments');
    expect(deployment?.paused).not.toBeNull();
  });

  it('whose config is not valid is said once, and what held before goes on', async () => {
    config('- name: page', '  when: { run: {} }', '  then: [{ notify: { webhook: "${{ secrets.HOOK }}" } }]');
    const serving = rig.start(['serve']);
    await serving.prints('looking at');
    await eventually('it has looked', 20_000, () => rig.filesBelow().some(({ path }) => path === 'automations.json'));
    config('- name: page', '  when: { run: {} }', '  then: [{ notfy: {} }]');
    await serving.prints('flowctl.config.yaml is not valid: unknown_key');
    rig.write('elsewhere/bad.yaml', 'name: bad\nsteps: { a: { run: exit 3 } }\n');
    rig.write('elsewhere/flowctl.config.yaml', '');
    await rig.flowctl('run', 'elsewhere/bad.yaml', '--state-dir', '.flowctl');
    await eventually('it was told', 20_000, () => server.asked.length === 1);
    serving.process.kill('SIGTERM');
    const { stdout } = await serving.ended;
    expect(stdout.match(/is not valid/g)).toHaveLength(1);
  });
});

/** Flows that wait for what is outside, and that tell people how they ended. */

import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serve, type TestServer, withStatus } from '../kit/http.ts';
import { eventually, Rig } from '../kit/rig.ts';

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly steps: readonly { readonly key: string; readonly state: string; readonly tolerated: boolean }[];
}

let rig: Rig;
let server: TestServer | null = null;
beforeEach(() => {
  rig = new Rig();
});
afterEach(async () => {
  await server?.close();
  server = null;
  rig.remove();
});

const stateOf = async (key: string): Promise<string | undefined> =>
  (await rig.query<Shown>('show')).steps.find((step) => step.key === key)?.state;

it('a wait for a file ends when the file is there, and holds no slot meanwhile', async () => {
  rig.write(
    'flow.yaml',
    [
      'max_parallel: 1',
      'steps:',
      '  ready: { wait: { for: { file: "in/${{ params.name }}" }, every: 20ms } }',
      '  beside: { run: "echo beside >> $EFFECTS" }',
      '  after: { needs: ready, run: "echo after >> $EFFECTS" }',
      'params: { name: go }',
      '',
    ].join('\n'),
  );
  rig.write('in/other', '');
  const run = rig.start(['run', 'flow.yaml', '--output', 'plain']);
  await run.prints('beside succeeded');
  expect(rig.effects()).toEqual(['beside']);
  writeFileSync(rig.path('in', 'go'), '');
  expect((await run.ended).code).toBe(0);
  expect(rig.effects()).toEqual(['beside', 'after']);
});

it('a wait for an answer fails at its deadline', async () => {
  server = await serve(withStatus(503));
  const probe = `{ url: "${server.url}/health", headers: { X-Key: k }, status: [200, 204] }`;
  rig.write('flow.yaml', `steps:\n  up: { wait: { for: { http: ${probe} }, every: 20ms, timeout: 200ms } }\n`);
  expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
  expect(await stateOf('up')).toBe('failed');
  expect(server.asked[0]).toMatchObject({ method: 'GET', path: '/health', headers: { 'x-key': 'k' } });
  expect((await rig.flowctl('logs', 'up')).stdout).toBe('flowctl: not yet: answered 503\n');
});

it('an answer to a run that was left waiting is heard, also where nobody stays', async () => {
  rig.write(
    'flow.yaml',
    ['steps:', '  gate: { approve: "ship it?" }', '  after: { needs: gate, run: "echo after >> $EFFECTS" }', ''].join(
      '\n',
    ),
  );
  const left = await rig.flowctl('run', 'flow.yaml', '--no-wait');
  expect(left.code).toBe(6);
  expect(left.stdout).toMatch(/gate waits for an answer: ship it\? \(flowctl approve [0-9a-z]{26} gate\)\n/);
  const answered = await rig.flowctl('approve', 'last', 'gate', '--no-wait');
  expect(answered).toMatchObject({ code: 0, signal: null });
  expect(rig.effects()).toEqual(['after']);
});

it('a wait whose time came while nobody stayed is over for the next one, who does not stay either', async () => {
  rig.write(
    'flow.yaml',
    'steps:\n  pause: { wait: 300ms }\n  after: { needs: pause, run: "echo after >> $EFFECTS" }\n',
  );
  expect((await rig.flowctl('run', 'flow.yaml', '--no-wait')).code).toBe(6);
  const leftAt = performance.now();
  await eventually('its time comes', 20_000, () => performance.now() - leftAt > 300);
  expect((await rig.flowctl('resume', '--no-wait')).code).toBe(0);
  expect(rig.effects()).toEqual(['after']);
});

it('a wait for a command asks it again until it succeeds; what it says is what the step yields', async () => {
  rig.write(
    'flow.yaml',
    [
      'steps:',
      '  up:',
      '    wait: { for: { command: "echo look >> $EFFECTS; echo n=3 > $FLOWCTL_OUTPUT; test -e go" }, every: 20ms }',
      '  after: { needs: up, run: [sh, -c, "echo got $0 >> $EFFECTS", "${{ steps.up.outputs.n }}"] }',
      '',
    ].join('\n'),
  );
  const run = rig.start(['run', 'flow.yaml']);
  await eventually('it was asked twice', 20_000, () => rig.effects().length >= 2);
  writeFileSync(rig.path('go'), '');
  expect((await run.ended).code).toBe(0);
  expect(rig.effects().at(-1)).toBe('got 3');
});

it('handlers tell people how a run ended, with a secret nobody else sees', async () => {
  server = await serve(withStatus(200));
  rig.give({ HOOK: `${server.url}/hook/s3cr3t-path` });
  rig.write(
    'flow.yaml',
    [
      'secrets: [HOOK]',
      'steps:',
      '  load: { run: exit 3 }',
      '  after: { needs: load, run: ":" }',
      'on_failure:',
      '  - notify: { webhook: "${{ secrets.HOOK }}", text: "${{ join(run.failed, \',\') }} of ${{ flow.name }}" }',
      '  - notify: { slack: "${{ secrets.HOOK }}" }',
      '',
    ].join('\n'),
  );
  expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
  const { id } = await rig.query<Shown>('show');
  expect(server.asked.map(({ path }) => path)).toEqual(['/hook/s3cr3t-path', '/hook/s3cr3t-path']);
  expect(JSON.parse(server.asked[0]?.body ?? '')).toEqual({
    run: id,
    flow: 'flow',
    state: 'failed',
    failed: ['load'],
    step: 'on_failure[0]',
    title: null,
    text: 'load of flow',
  });
  expect(JSON.parse(server.asked[1]?.body ?? '')).toMatchObject({ text: expect.stringContaining('flow') });
  const secret = rig.startProgram('grep', ['-r', 's3cr3t', rig.path('.flowctl')]);
  expect(await secret.ended).toMatchObject({ code: 1, stdout: '' });
});

it('a handler with `continue_on_error` that fails is shown, and changes nothing about the run', async () => {
  rig.write(
    'flow.yaml',
    [
      'retry: 1',
      'steps:',
      '  a: { run: test "$FLOWCTL_ATTEMPT" = 2 }',
      'finally: [{ run: exit 5, continue_on_error: true }]',
      '',
    ].join('\n'),
  );
  const { code, stdout } = await rig.flowctl('run', 'flow.yaml', '--output', 'plain');
  expect(stdout).toMatch(/Z run [0-9a-z]{26} will be tried again: /);
  expect({ code, state: await stateOf('finally[0]') }).toEqual({ code: 0, state: 'failed' });
  expect((await rig.query<Shown>('show')).steps.at(-1)).toMatchObject({ tolerated: true });
});

it('a message that cannot be delivered changes nothing about the run, and its address is nowhere', async () => {
  server = await serve(withStatus(404));
  rig.give({ HOOK: `${server.url}/hook/s3cr3t-path` });
  const notify = 'finally: [{ notify: { teams: "${{ secrets.HOOK }}", text: done } }]';
  rig.write('flow.yaml', `secrets: [HOOK]\nsteps: { a: { run: ":" } }\n${notify}\n`);
  const run = await rig.flowctl('run', 'flow.yaml');
  expect(run.code).toBe(0);
  expect(`${run.stdout}${run.stderr}`).toContain('teams: answered 404');
  expect(`${run.stdout}${run.stderr}`).not.toContain('s3cr3t');
  expect((await rig.query<Shown>('show')).steps.at(-1)).toMatchObject({ key: 'finally[0]', tolerated: true });
});

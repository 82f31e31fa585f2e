/** Webhooks through `flowctl serve --listen`. */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { eventually, type Started } from '../kit/rig.ts';
import { signed, signedByGithub } from '../kit/webhook.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const here = useCase({ ORDERS_SECRET: SECRET, GITHUB_SECRET: 'a secret that both know' });

const FLOW = `name: import
params: { what: { type: string } }
secrets: [ORDERS_SECRET, GITHUB_SECRET]
triggers:
  - { webhook: orders, secret: ORDERS_SECRET, params: { what: "\${{ event.body.what }} \${{ len(default(event.body.more, '')) }}" } }
  - { webhook: push, secret: GITHUB_SECRET, params: { what: "\${{ event.headers['x-github-event'] }} \${{ event.body.what }}" } }
steps:
  say: { run: 'echo "$WHAT" >> "$EFFECTS"', env: { WHAT: "\${{ params.what }}" } }
`;

/** Serves, on any port. */
async function serving(): Promise<{ readonly serve: Started; readonly url: string }> {
  const serve = here.rig.start(['serve', '--listen', '0']);
  await serve.prints(/listening on (\S+)/);
  return { serve, url: /listening on (\S+)/.exec(serve.stdout())?.[1] ?? '' };
}

async function post(
  url: string,
  body: string,
  headers: { readonly [name: string]: string },
): Promise<readonly [status: number, answer: { readonly run?: string | null }]> {
  const answer = await fetch(url, { method: 'POST', body, headers });
  return [answer.status, (await answer.json()) as { readonly run?: string | null }];
}

const stop = async (serve: Started): Promise<void> => {
  serve.process.kill('SIGTERM');
  expect(await serve.ended).toMatchObject({ code: 0 });
  await eventually('the runs succeeded', 20_000, async () =>
    (await here.rig.query<RunRow[]>('runs')).every(({ state }) => state === 'succeeded'),
  );
};

describe('webhooks', () => {
  it('S22: what is signed begins a run; what is forged, old or repeated does not, also after a crash', async () => {
    const { rig } = here;
    here.mayLeaveStrays();
    rig.write('flow.yaml', FLOW);
    expect((await rig.flowctl('deploy', 'flow.yaml')).stderr).toContain('flowctl serve --listen 127.0.0.1:7717');
    const first = await serving();
    const hook = (url: string): string => `${url}/hooks/import/orders`;
    const body = JSON.stringify({ what: 'one' });
    const headers = signed(SECRET, 'msg_1', body, Date.now());
    const [status, { run }] = await post(hook(first.url), body, headers);
    expect([status, typeof run]).toEqual([202, 'string']);
    // Claimed by then: nothing is lost, whatever dies now.
    first.serve.process.kill('SIGKILL');
    await first.serve.ended;
    expect(readFileSync(rig.path('.flowctl/db.json'), 'utf8')).toContain(String(run));
    const { serve, url } = await serving();
    const unauthorized = [401, { error: 'unauthorized' }];
    expect(await post(hook(url), body, headers)).toEqual(unauthorized);
    // The sender did not hear of it, and sends it again.
    expect(await post(hook(url), body, signed(SECRET, 'msg_1', body, Date.now() + 1_000))).toEqual([202, { run }]);
    expect(await post(hook(url), body, signed('whsec_AAAA', 'msg_2', body, Date.now()))).toEqual(unauthorized);
    expect(await post(hook(url), `${body} `, signed(SECRET, 'msg_2', body, Date.now()))).toEqual(unauthorized);
    expect(await post(hook(url), body, signed(SECRET, 'msg_2', body, Date.now() - 301_000))).toEqual(unauthorized);
    expect(await post(hook(url), body, {})).toEqual(unauthorized);
    for (const path of ['import/other', 'other/orders', 'import/push'])
      expect(await post(`${url}/hooks/${path}`, body, signed(SECRET, 'msg_2', body, Date.now()))).toEqual(unauthorized);
    // More than db.json has room for.
    const large = JSON.stringify({ what: 'two', more: 'x'.repeat(100_000) });
    expect((await post(hook(url), large, signed(SECRET, 'msg_3', large, Date.now())))[0]).toBe(202);
    const push = JSON.stringify({ what: 'three' });
    const byGithub = signedByGithub('a secret that both know', 'd-1', push);
    expect((await post(`${url}/hooks/import/push`, push, byGithub))[0]).toBe(202);
    // Its ids are not signed: the same body under another one is the same request.
    expect(await post(`${url}/hooks/import/push`, push, { ...byGithub, 'x-github-delivery': 'd-2' })).toEqual(
      unauthorized,
    );
    await eventually('all ran', 30_000, () => rig.effects().length === 3);
    await stop(serve);
    expect([...rig.effects()].sort()).toEqual(['one 0', 'push three', 'two 100000']);
    const rows = await rig.query<RunRow[]>('runs');
    expect(rows.map(({ id }) => id)).toContain(run);
    expect(readFileSync(rig.path('.flowctl/db.json'), 'utf8').length).toBeLessThan(20_000);
    const kept = readdirSync(rig.path('.flowctl'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, 'latin1'));
    expect(kept.filter((text) => text.includes(SECRET.slice(6)) || text.includes('a secret that both'))).toEqual([]);
  });

  it('are refused where the secret cannot be had, which is said; and nobody listens unasked', async () => {
    const { rig } = here;
    rig.write('flow.yaml', FLOW);
    await rig.flowctl('deploy', 'flow.yaml');
    rig.give({ ORDERS_SECRET: undefined });
    const { serve, url } = await serving();
    const body = '{"what":"one"}';
    expect((await post(`${url}/hooks/import/orders`, body, signed(SECRET, 'msg_1', body, Date.now())))[0]).toBe(401);
    expect((await post(`${url}/hooks/import/orders`, body, signed('', 'msg_1', body, Date.now())))[0]).toBe(401);
    expect(serve.stderr()).toContain('the secret `ORDERS_SECRET`');
    await stop(serve);
    const deaf = rig.start(['serve']);
    await deaf.prints('looking at the schedules');
    await eventually('it is said', 10_000, () => deaf.stderr().includes('nobody answers the webhooks of import'));
    await stop(deaf);
    expect(rig.effects()).toEqual([]);
  });

  it('of a paused deployment, and of one that does not run what comes meanwhile, are accepted without a run', async () => {
    const { rig } = here;
    rig.write('flow.yaml', FLOW);
    await rig.flowctl('deploy', 'flow.yaml');
    await rig.flowctl('pause', 'import');
    const { serve, url } = await serving();
    const body = '{"what":"one"}';
    const sent = await post(`${url}/hooks/import/orders`, body, signed(SECRET, 'msg_1', body, Date.now()));
    expect(sent).toEqual([202, { run: null }]);
    await rig.flowctl('unpause', 'import');
    const [status, { run }] = await post(`${url}/hooks/import/orders`, body, signed(SECRET, 'msg_2', body, Date.now()));
    expect([status, typeof run]).toEqual([202, 'string']);
    await serve.prints(`import: run ${String(run)} for webhook orders msg_2`);
    await stop(serve);
    expect(rig.effects()).toEqual(['one 0']);
  });

  it.each([
    ['--listen', 'localhost'],
    ['--listen', '127.0.0.1:99999'],
    ['--listen', '203.0.113.7:7717'],
    ['--allow-host', 'http://x'],
  ])('%s %s: says what to write (2)', async (flag, value) => {
    const { code, stderr } = await here.rig.flowctl('serve', flag, value);
    expect([code, stderr.includes(flag)], stderr).toEqual([2, true]);
  });
});

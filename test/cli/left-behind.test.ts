/** Messages that did not arrive: kept, and sent by whoever comes next. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serve, type TestServer, withStatus } from '../kit/http.ts';
import { eventually, Rig } from '../kit/rig.ts';

const SECRET = 's3cr3t-path-of-the-hook';
const FLOW = [
  'secrets: [HOOK]',
  'steps: { load: { run: exit 3 } }',
  'on_failure:',
  '  - notify: { webhook: "${{ secrets.HOOK }}", text: "${{ join(run.failed) }} failed" }',
  '',
].join('\n');

let rig: Rig;
let server: TestServer;
let status: number | 'hangs';
beforeEach(async () => {
  status = 503;
  server = await serve((asked, response) => {
    if (status !== 'hangs') withStatus(status)(asked, response);
  });
  rig = new Rig({ HOOK: `${server.url}/${SECRET}` });
  rig.write('flow.yaml', FLOW);
  rig.write('quiet.yaml', 'steps: { a: { run: ":" } }\n');
});
afterEach(async () => {
  await server.close();
  rig.remove();
});

const kept = (): readonly string[] =>
  existsSync(rig.path('.flowctl/messages'))
    ? readdirSync(rig.path('.flowctl/messages'))
        .filter((name) => name.endsWith('.json'))
        .map((name) => rig.path('.flowctl/messages', name))
    : [];

/** Time passes: what is kept is changed instead. */
function change(members: { readonly [name: string]: unknown }): void {
  for (const path of kept()) {
    writeFileSync(path, `${JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...members })}\n`);
  }
}
const makeDue = (): void => change({ next_at: '2020-01-01T00:00:00.000Z' });

interface Shown {
  readonly messages?: readonly { readonly tries: number; readonly last: string; readonly given_up_at: string | null }[];
  readonly steps: readonly { readonly key: string; readonly state: string; readonly tolerated: boolean }[];
}

describe('a message that did not arrive', () => {
  it('is kept without its secret, said, and sent by the next tick, once', async () => {
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    expect(kept()).toHaveLength(1);
    expect(readFileSync(kept()[0] ?? '', 'utf8')).not.toContain(SECRET);
    const shown = await rig.query<Shown>('show');
    expect(shown.messages).toMatchObject([{ tries: 1, last: 'answered 503', given_up_at: null }]);
    expect(shown.steps.at(-1)).toMatchObject({ key: 'on_failure[0]', state: 'failed', tolerated: true });
    expect((await rig.flowctl('show')).stdout).toContain('not delivered: on_failure[0]: webhook: answered 503');
    status = 200;
    const before = server.asked.length;
    // Not yet: it was tried a moment ago.
    expect((await rig.flowctl('tick')).stdout).toBe('');
    expect(server.asked).toHaveLength(before);
    makeDue();
    expect((await rig.flowctl('tick')).stdout).toMatch(/^on_failure\[0\] of run \w+: webhook: delivered late\n$/);
    expect((await rig.flowctl('tick')).stdout).toBe('');
    expect(server.asked).toHaveLength(before + 1);
    const [first, last] = [server.asked[0], server.asked.at(-1)];
    expect(last).toMatchObject({ path: `/${SECRET}`, body: first?.body });
    expect(last?.headers['idempotency-key']).toBe(first?.headers['idempotency-key']);
    expect(JSON.parse(last?.body ?? '')).toMatchObject({ state: 'failed', failed: ['load'], text: 'load failed' });
    expect(kept()).toEqual([]);
    expect((await rig.query<Shown>('show')).messages).toBeUndefined();
    expect((await rig.flowctl('logs', 'last', 'on_failure[0]')).stdout).toMatch(
      /kept, and sent later\n.*: sent, answered 200/s,
    );
  });

  it('is sent when the next run has ended, and when nobody does anything else but serve', async () => {
    await rig.flowctl('run', 'flow.yaml');
    status = 204;
    makeDue();
    const before = server.asked.length;
    expect((await rig.flowctl('run', 'quiet.yaml')).code).toBe(0);
    expect([kept(), server.asked.length]).toEqual([[], before + 1]);
    status = 503;
    await rig.flowctl('run', 'flow.yaml');
    status = 204;
    makeDue();
    const serving = rig.start(['serve']);
    await serving.prints('delivered late');
    serving.process.kill('SIGTERM');
    expect((await serving.ended).code).toBe(0);
    expect(kept()).toEqual([]);
  });

  it('(at least once) is sent after flowctl was killed while the receiver had it', async () => {
    status = 'hangs';
    const run = rig.start(['run', 'flow.yaml']);
    await eventually('it was asked', 20_000, () => server.asked.length === 1);
    run.process.kill('SIGKILL');
    await run.ended;
    expect(kept()).toHaveLength(1);
    status = 200;
    makeDue();
    expect((await rig.flowctl('tick')).stdout).toContain('delivered late');
    expect(server.asked).toHaveLength(2);
    expect(server.asked[1]).toEqual({ ...server.asked[0], headers: expect.anything() });
  });

  it('of a receiver that never answers holds the run for two seconds', async () => {
    status = 'hangs';
    const run = await rig.flowctl('run', 'flow.yaml');
    expect(run.code).toBe(1);
    const shown = await rig.query<{ readonly duration_ms: number } & Shown>('show');
    expect(shown.duration_ms).toBeGreaterThan(1_900);
    expect(shown.duration_ms).toBeLessThan(8_000);
    expect(shown.messages?.[0]?.last).toBe('no answer within 2 s');
  });

  it('whose secret cannot be had waits until it can', async () => {
    await rig.flowctl('run', 'flow.yaml');
    status = 200;
    makeDue();
    rig.give({ HOOK: '' });
    expect((await rig.flowctl('tick')).stdout).toMatch(/not delivered \(the secret `HOOK`: .*\), tried again later/);
    rig.give({ HOOK: `${server.url}/${SECRET}` });
    makeDue();
    expect((await rig.flowctl('tick')).stdout).toContain('delivered late');
  });

  it('is given up after a day, which is said', async () => {
    await rig.flowctl('run', 'flow.yaml');
    change({ created_at: '2020-01-01T00:00:00.000Z', tries: 3 });
    makeDue();
    expect((await rig.flowctl('tick')).stdout).toContain('given up after 4 tries (answered 503)');
    makeDue();
    expect((await rig.flowctl('tick')).stdout).toBe('');
    expect((await rig.flowctl('show')).stdout).toMatch(/not delivered: .* given up at 20/);
    const doctor = await rig.flowctl('doctor');
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toContain('a message of on_failure[0] by webhook was given up');
  });

  it('is sent also when its run was deleted', async () => {
    await rig.flowctl('run', 'flow.yaml');
    status = 200;
    makeDue();
    expect((await rig.flowctl('delete', 'last')).code).toBe(0);
    const before = server.asked.length;
    await rig.flowctl('tick');
    expect([server.asked.length, kept()]).toEqual([before + 1, []]);
  });

  it('that is refused is not kept', async () => {
    status = 404;
    await rig.flowctl('run', 'flow.yaml');
    expect([server.asked.length, kept()]).toEqual([1, []]);
  });
});

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { CHANNEL_NAMES } from '../../src/runners/notification.ts';
import { createRig, type Rig } from '../executors/rig.ts';
import { serve, type TestServer, withStatus } from '../kit/http.ts';
import { eventually } from '../kit/rig.ts';

const SECRET = 's3cr3t-value';
let rig: Rig;
let server: TestServer;
beforeEach(async () => {
  rig = createRig({
    reveal: (text) => text.replaceAll('MARK', SECRET),
    news: () => ({ state: 'failed', failed: ['load[3]', 'report'] }),
  });
});
afterEach(async () => {
  await server?.close();
  await rig.close();
});

const begin = (channel: string, options: JsonObject, text = 'two failed') =>
  rig.start(rig.request({ kind: 'notify', channel, options, text }));

const bodyOf = (index = 0): unknown => JSON.parse(server.asked[index]?.body ?? 'null');

test('every channel sends what its receiver takes', async () => {
  server = await serve(withStatus(200));
  const url = `${server.url}/hook/MARK`;
  const options: { readonly [channel: string]: JsonObject } = {
    slack: { url, title: 'flights' },
    discord: { url },
    teams: { url, title: 'flights' },
    ntfy: { url, title: 'Flüge', priority: 4, tags: ['warning', 'plane'] },
    webhook: { url, headers: { Authorization: 'Bearer MARK' } },
  };
  expect(Object.keys(options).sort()).toEqual([...CHANNEL_NAMES].sort());
  for (const [channel, given] of Object.entries(options)) {
    expect(await begin(channel, given).done, channel).toMatchObject({ kind: 'succeeded', outputs: null });
  }
  expect(server.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(
    Array.from({ length: 5 }, () => `POST /hook/${SECRET}`),
  );
  expect(bodyOf(0)).toEqual({ text: '*flights*\ntwo failed' });
  expect(bodyOf(1)).toEqual({ content: 'two failed', allowed_mentions: { parse: [] } });
  expect(bodyOf(2)).toMatchObject({
    type: 'message',
    attachments: [{ content: { type: 'AdaptiveCard', body: [{ text: 'flights' }, { text: 'two failed' }] } }],
  });
  expect(server.asked[3]).toMatchObject({
    body: 'two failed',
    headers: { title: '=?UTF-8?B?RmzDvGdl?=', priority: '4', tags: 'warning,plane' },
  });
  expect(server.asked[4]?.headers).toMatchObject({
    authorization: `Bearer ${SECRET}`,
    'content-type': 'application/json',
    'idempotency-key': `${rig.run}/a`,
  });
  expect(bodyOf(4)).toEqual({
    run: rig.run,
    flow: 'test',
    state: 'failed',
    failed: ['load[3]', 'report'],
    step: 'a',
    title: null,
    text: 'two failed',
  });
});

test('a webhook is sent the body, by the method and with the headers, that the flow says', async () => {
  server = await serve(withStatus(204));
  const { url } = server;
  await begin('webhook', { url, method: 'PUT', body: { key: 'MARK', n: [1] }, headers: { 'Content-Type': 'a/b' } })
    .done;
  await begin('webhook', { url, body: 'plain MARK' }).done;
  await begin('webhook', { url, method: 'GET' }).done;
  expect(server.asked).toMatchObject([
    { method: 'PUT', body: `{"key":"${SECRET}","n":[1]}`, headers: { 'content-type': 'a/b' } },
    { method: 'POST', body: `plain ${SECRET}` },
    { method: 'GET', body: '' },
  ]);
});

test('long texts are cut to what the receiver takes, never within a character', async () => {
  server = await serve(withStatus(200));
  const { url } = server;
  await begin('discord', { url }, `${'x'.repeat(1_998)}😀😀`).done;
  await begin('ntfy', { url }, '€'.repeat(2_000)).done;
  expect((bodyOf(0) as { readonly content: string }).content).toBe(`${'x'.repeat(1_998)}…`);
  expect(server.asked[1]?.body).toBe(`${'€'.repeat(1_364)}…`);
});

test('a receiver that is out of order for a moment gets it later', async () => {
  server = await serve((asked, response, count) => withStatus(count === 1 ? 503 : 200)(asked, response));
  expect(await begin('slack', { url: server.url }).done).toMatchObject({ kind: 'succeeded' });
  expect(server.asked.length).toBe(2);
  expect(rig.log().toString()).toBe(
    'flowctl: slack: answered 503; it is tried again\nflowctl: slack: sent, answered 200\n',
  );
});

test('after three tries it fails, and says neither the address nor a secret', async () => {
  server = await serve(withStatus(500));
  const end = await begin('slack', { url: `${server.url}/MARK` }, 'MARK').done;
  expect(end).toEqual({
    kind: 'failed',
    failure: { code: 'notify', message: 'slack: answered 500, 3 times tried' },
    exit_code: null,
    signal: null,
  });
  expect(server.asked.length).toBe(3);
  expect(rig.log().toString()).not.toContain(SECRET);
});

test('an answer that no other try could better fails at once', async () => {
  server = await serve(withStatus(404));
  const end = await begin('teams', { url: server.url }).done;
  expect(end).toMatchObject({ failure: { code: 'notify', message: 'teams: answered 404' } });
  expect(server.asked.length).toBe(1);
});

test.each([
  ['slack', { url: 'http://169.254.169.254/' }, /link-local/],
  ['slack', { url: 'gopher://MARK/' }, /neither http nor https/],
  ['webhook', {}, /needs an address/],
  [
    'webhook',
    { url: 'http://localhost:1/', headers: { 'x-a': 'MARK\n' } },
    /Invalid character in header content \["x-a"\]/,
  ],
  ['pigeon', { url: 'http://localhost:1/' }, /there is no channel `pigeon`/],
] as const)('%s with %j is refused', async (channel, options, why) => {
  const end = await begin(channel, options).done;
  expect(end).toMatchObject({ failure: { code: 'notify', message: expect.stringMatching(why) } });
  expect(JSON.stringify(end)).not.toContain(SECRET);
});

test('a message that is stopped is given up at once', async () => {
  server = await serve(() => {});
  const running = begin('slack', { url: server.url });
  await eventually('asked', 10_000, () => server.asked.length === 1);
  running.stop({ kind: 'timed_out', after_ms: 5 });
  expect(await running.done).toMatchObject({ kind: 'timed_out' });
  expect(server.asked.length).toBe(1);
});

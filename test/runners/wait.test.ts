import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { AttemptRequest, ProbeWork, Work } from '../../src/engine/ports.ts';
import type { ResolveName } from '../../src/runners/outgoing-request.ts';
import { createRig, type Rig, type RigOptions } from '../executors/rig.ts';
import { serve, type TestServer, withStatus } from '../kit/http.ts';
import { eventually } from '../kit/rig.ts';
import { processesWith } from '../process/processes.ts';

let rig: Rig;
let server: TestServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
  await rig.close();
  expect(processesWith(rig.run)).toEqual([]);
});

const CANCELLED = { kind: 'cancelled', signal: 'SIGTERM', by: { kind: 'policy', policy: 'timeout' } } as const;

const waitFor = (probe: ProbeWork, every_ms = 10): Work => ({ kind: 'wait', probe, every_ms });
const http = (url: string, status: readonly number[] | null = null): ProbeWork => ({
  kind: 'http',
  url,
  method: 'GET',
  headers: {},
  status,
});
const sh = (text: string): ProbeWork => ({ kind: 'command', command: { kind: 'shell', shell: 'sh', text } });
const begin = (options: RigOptions, probe: ProbeWork, changes: Partial<AttemptRequest> = {}) => {
  rig = createRig(options);
  return rig.start(rig.request(waitFor(probe), changes));
};
const logHas = (text: string) => () =>
  existsSync(path.join(rig.folder, 'logs', 'a.1.log')) && rig.log().toString().includes(text);

test('a file that is there ends the wait at once', async () => {
  const running = begin({}, { kind: 'file', path: '.' });
  expect(await running.done).toMatchObject({ kind: 'succeeded', outputs: null });
  expect(rig.log().toString()).toBe('flowctl: the file exists\n');
});

test('a file is waited for, relative to the working directory; the log has a line per change', async () => {
  const running = begin({}, { kind: 'file', path: 'ready' });
  await eventually('looked', 10_000, logHas('not yet'));
  writeFileSync(path.join(rig.folder, 'ready'), '');
  expect(await running.done).toMatchObject({ kind: 'succeeded' });
  expect(rig.log().toString()).toBe('flowctl: not yet: the file does not exist\nflowctl: the file exists\n');
});

test('the timeout of the attempt is the deadline', async () => {
  const running = begin({}, { kind: 'file', path: 'never' }, { timeout_ms: 100 });
  expect(await running.done).toMatchObject({ kind: 'timed_out', after_ms: 100 });
});

test('a wait that is stopped ends before its next look', async () => {
  rig = createRig();
  const running = rig.start(rig.request(waitFor({ kind: 'file', path: 'never' }, 3_600_000)));
  await eventually('looked', 10_000, logHas('not yet'));
  running.stop(CANCELLED);
  expect(await running.done).toMatchObject({ kind: 'cancelled' });
});

test('an answer with the wrong status is a no, also none at all', async () => {
  server = await serve((asked, response, count) => withStatus(count < 4 ? 503 : 204)(asked, response));
  const running = begin({}, http(`${server.url}/health?full=1`));
  expect(await running.done).toMatchObject({ kind: 'succeeded' });
  expect(server.asked.map(({ method, path: asked }) => `${method} ${asked}`)).toEqual(
    Array.from({ length: 4 }, () => 'GET /health?full=1'),
  );
  expect(rig.log().toString()).toBe('flowctl: not yet: answered 503\nflowctl: answered 204\n');
});

test('a refused connection is a no, and noted', async () => {
  server = await serve(withStatus(200));
  const { url } = server;
  await server.close();
  server = null;
  const running = begin({}, http(url));
  await eventually('looked', 10_000, logHas('not yet: cannot be reached (ECONNREFUSED)'));
  running.stop(CANCELLED);
  expect(await running.done).toMatchObject({ kind: 'cancelled' });
});

test('statuses, methods and headers are those of the flow, secrets in them revealed', async () => {
  server = await serve(withStatus(401));
  const probe: ProbeWork = {
    kind: 'http',
    url: `${server.url}/MARK`,
    method: 'HEAD',
    headers: { authorization: 'Bearer MARK' },
    status: [200, 401],
  };
  const running = begin({ reveal: (text) => text.replace('MARK', 'sesame') }, probe);
  expect(await running.done).toMatchObject({ kind: 'succeeded' });
  expect(server.asked).toMatchObject([
    { method: 'HEAD', path: '/sesame', headers: { authorization: 'Bearer sesame' } },
  ]);
  expect(rig.log().toString()).not.toContain('sesame');
});

test('an answer that does not come is given up when the wait is stopped', async () => {
  server = await serve(() => {});
  const running = begin({}, http(server.url));
  await eventually('asked', 10_000, () => server?.asked.length === 1);
  running.stop(CANCELLED);
  expect(await running.done).toMatchObject({ kind: 'cancelled' });
});

test('S21: redirects are followed, without credentials to somebody else', async () => {
  const other = await serve(withStatus(200));
  server = await serve((asked, response) => {
    if (asked.path === '/a') return withStatus(302, { location: '/b' })(asked, response);
    return withStatus(307, { location: `http://localhost:${other.port}/c` })(asked, response);
  });
  const headers = { authorization: 'Basic x', 'x-mine': 'y' };
  const probe: ProbeWork = { kind: 'http', url: `${server.url}/a`, method: 'GET', headers, status: null };
  expect(await begin({}, probe).done).toMatchObject({ kind: 'succeeded' });
  expect(server.asked.map((asked) => asked.headers.authorization)).toEqual(['Basic x', 'Basic x']);
  expect(other.asked).toMatchObject([{ path: '/c', headers: { 'x-mine': 'y' } }]);
  expect(other.asked[0]?.headers.authorization).toBeUndefined();
  await other.close();
});

test.each([
  ['http://169.254.169.254/latest/meta-data/', 'link-local'],
  ['http://0xA9FEA9FE/', 'link-local'],
  ['http://[::ffff:169.254.169.254]/', 'link-local'],
  ['http://[fd00:ec2::254]/', 'link-local'],
  ['ftp://example.org/', 'neither http nor https'],
  ['file:///etc/passwd', 'neither http nor https'],
  ['not an address', 'the `url` is none'],
])('%s is never asked', async (url, why) => {
  const end = await begin({}, http(url)).done;
  expect(end).toMatchObject({ kind: 'failed', failure: { code: 'wait', message: expect.stringContaining(why) } });
});

test('S21: neither a name nor a redirect leads to a forbidden address', async () => {
  const named = await begin(
    { resolveName: (_, done) => done(null, [{ address: '169.254.169.254', family: 4 }]) },
    http('http://inside.test/'),
  ).done;
  expect(named).toMatchObject({ kind: 'failed', failure: { code: 'wait' } });
  await rig.close();
  server = await serve(withStatus(302, { location: 'http://169.254.169.254/' }));
  expect(await begin({}, http(server.url)).done).toMatchObject({ kind: 'failed', failure: { code: 'wait' } });
});

test('S21: a name is resolved once, and the connection goes to what was found (DNS rebinding)', async () => {
  server = await serve(withStatus(200));
  let asked = 0;
  const running = begin(
    {
      resolveName: (_, done) => {
        asked += 1;
        done(null, [{ address: '127.0.0.1', family: 4 }]);
      },
    },
    http(`http://inside.test:${server.port}/`),
  );
  expect(await running.done).toMatchObject({ kind: 'succeeded' });
  expect(asked).toBe(1);
  expect(server.asked[0]?.headers.host).toBe(`inside.test:${server.port}`);
});

/** However loopback and other private addresses are written. */
const PRIVATE = [
  '127.0.0.1',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '0x7f.1',
  '2130706433',
  '0177.0.0.1',
  '0',
  '127.1',
  'localhost',
  'user:pass@127.0.0.1',
  '10.1.2.3',
  '172.31.0.1',
  '192.168.0.1',
  '100.100.1.1',
  '[fd12::1]',
  '[::]',
];

test.each(PRIVATE)('S21: %s is not asked when nobody who is trusted named it', async (host) => {
  server = await serve(withStatus(200));
  const end = await begin({ privateHosts: [] }, http(`http://${host}:${server.port}/`)).done;
  const message = expect.stringContaining('allow_private_addresses');
  expect(end).toMatchObject({ kind: 'failed', failure: { code: 'wait', message } });
  expect(server.asked).toEqual([]);
});

test.each([
  ['its name', ['other.test', 'Inside.Test']],
  ['its address', ['127.0.0.1']],
  ['its network', ['127.0.0.0/8']],
  ['all', 'all'],
] as const)('S21: a private host is asked when the project allows %s', async (_, privateHosts) => {
  server = await serve(withStatus(200));
  const resolveName: ResolveName = (_name, done) => done(null, [{ address: '127.0.0.1', family: 4 }]);
  const running = begin({ privateHosts, resolveName }, http(`http://inside.test:${server.port}/`));
  expect(await running.done).toMatchObject({ kind: 'succeeded' });
});

test('S21: a name that turns private later, and one that is private besides, are not asked (DNS rebinding)', async () => {
  server = await serve(withStatus(200));
  let looks = 0;
  const resolveName: ResolveName = (_, done) => {
    looks += 1;
    if (looks === 1) done(Object.assign(new Error('not yet'), { code: 'ENOTFOUND' }), []);
    else
      done(
        null,
        ['203.0.113.7', '127.0.0.1'].map((address) => ({ address, family: 4 })),
      );
  };
  const end = await begin({ privateHosts: [], resolveName }, http(`http://rebound.test:${server.port}/`)).done;
  expect(end).toMatchObject({ kind: 'failed', failure: { code: 'wait' } });
  expect([looks, server.asked.length]).toEqual([2, 0]);
});

test('S21: a redirect leads to no private host that is not allowed itself', async () => {
  const other = await serve(withStatus(200));
  server = await serve(withStatus(302, { location: `http://other.test:${other.port}/` }));
  const resolveName: ResolveName = (_, done) => done(null, [{ address: '127.0.0.1', family: 4 }]);
  const at = http(`http://inside.test:${server.port}/`);
  const end = await begin({ privateHosts: ['inside.test'], resolveName }, at).done;
  expect(end).toMatchObject({ kind: 'failed', failure: { code: 'wait' } });
  expect([server.asked.length, other.asked.length]).toEqual([1, 0]);
  await other.close();
});

test('a command is asked until it succeeds; its output is in the log, its outputs are those of the step', async () => {
  const text =
    'echo look >> looks; echo printed; n=$(wc -l < looks); echo "n=$((n))" > "$FLOWCTL_OUTPUT"; test $n -ge 3';
  const running = begin({}, sh(text));
  expect(await running.done).toMatchObject({ kind: 'succeeded', outputs: { kind: 'inline', value: { n: '3' } } });
  expect(readFileSync(path.join(rig.folder, 'looks'), 'utf8')).toBe('look\nlook\nlook\n');
  expect(rig.log().toString()).toBe(
    'printed\nflowctl: not yet: exited with code 1\nprinted\nprinted\nflowctl: exited with code 0\n',
  );
  expect(rig.heard.spawned).toHaveLength(1);
});

test('a command that cannot be started ends the wait', async () => {
  const running = begin({}, { kind: 'command', command: { kind: 'argv', argv: ['no-such-program'] } });
  expect(await running.done).toMatchObject({ kind: 'failed', failure: { code: 'command_not_found' } });
});

test('a command that hangs is ended with the wait, with what it started', async () => {
  const running = begin({}, sh('sleep 60 & sleep 60'));
  await eventually('the command runs', 10_000, () => processesWith(rig.run).length >= 2);
  running.stop(CANCELLED);
  expect(await running.done).toMatchObject({ kind: 'cancelled' });
  expect(processesWith(rig.run)).toEqual([]);
});

test('a command that ignores being asked is killed', async () => {
  const running = begin({}, sh("trap '' TERM; echo up; while :; do sleep 1; done"), { grace_ms: 60_000 });
  await eventually('up', 10_000, logHas('up'));
  running.stop(CANCELLED);
  running.kill();
  expect(await running.done).toMatchObject({ kind: 'cancelled' });
});

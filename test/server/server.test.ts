/** The server alone: who is let in by which name, and what it bears. */

import { request as ask } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HookRequest } from '../../src/events/hooks.ts';
import { hookRoute } from '../../src/server/hook-route.ts';
import { type Listening, listen, MOST_BODY_BYTES } from '../../src/server/server.ts';
import { eventually } from '../kit/rig.ts';

let listening: Listening;
let port = 0;
const delivered: HookRequest[] = [];
const failures: unknown[] = [];

beforeEach(async () => {
  delivered.length = 0;
  failures.length = 0;
  listening = await listen({
    address: { host: '127.0.0.1', port: 0 },
    routes: [
      hookRoute(async (request) => {
        delivered.push(request);
        if (request.hook === 'broken') throw new Error('broken inside');
        return request.headers['x-signed'] === 'yes' ? { kind: 'accepted', run: null } : { kind: 'refused' };
      }),
    ],
    hosts: ['hooks.example.com'],
    failed: (error) => failures.push(error),
  });
  port = Number(new URL(listening.url).port);
});
afterEach(() => listening.close());

interface Asking {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string | Buffer;
}

/** One request; what the answer says, or why there is none. */
const answer = ({ method = 'POST', path = '/hooks/a/b', headers = {}, body = '{}' }: Asking): Promise<string> =>
  new Promise((resolve) => {
    const asked = ask({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('close', () => resolve(`${response.statusCode ?? 0} ${text.trim()}`));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? String(error)));
    asked.end(body);
  });

const UNAUTHORIZED = '401 {"error":"unauthorized"}';
const FORBIDDEN = '403 {"error":"forbidden"}';
const yes = { 'x-signed': 'yes' };

describe('S18: who asks', () => {
  it('is let in by the address, by loopback, and by names that were given', async () => {
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, 'hooks.example.com'])
      expect([host, await answer({ headers: { host, ...yes } })]).toEqual([host, '202 {"run":null}']);
  });

  it.each(['evil.example', 'localhost', '127.0.0.1', '127.0.0.1:1', 'localhost.evil.example:80'])(
    'is not let in by the name %j',
    async (host) => {
      expect(await answer({ headers: { host, ...yes } })).toMatch(/^40[03]/);
      expect(delivered).toEqual([]);
    },
  );

  it('is not let in without any name', async () => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.write('POST /hooks/a/b HTTP/1.0\r\nX-Signed: yes\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text).toMatch(/^HTTP\/1\.1 40[03] /);
    expect(delivered).toEqual([]);
  });

  it('is no page of a browser', async () => {
    for (const origin of ['null', 'http://evil.example', `http://127.0.0.1:${port}`])
      expect(await answer({ headers: { origin, ...yes } })).toBe(FORBIDDEN);
    expect(delivered).toEqual([]);
  });

  it('hears the same of everything that there is not, and of what there is', async () => {
    const paths = [
      ...[
        '/',
        '/health',
        '/hooks',
        '/hooks/',
        '/hooks/a',
        '/hooks/a/b/',
        '/hooks/a/b/c',
        '/hooks/a/b?x=1',
        '/Hooks/a/b',
      ],
      ...[
        '/hooks/a;x/b',
        '/hooks/a%2fb/c',
        '/hooks/..%2f/b',
        '/hooks/../b',
        '/hooks/a..b/c',
        '//hooks/a/b',
        '/hooks/%61/b',
      ],
      ...['/hooks/__proto__/b', `/hooks/${'a'.repeat(101)}/b`, '/events', '/hooks/a/b#c', '*'],
    ];
    for (const path of paths) expect([path, await answer({ path, headers: yes })]).toEqual([path, UNAUTHORIZED]);
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
      expect([method, await answer({ method, headers: yes })]).toEqual([method, UNAUTHORIZED]);
    expect(await answer({})).toBe(UNAUTHORIZED);
    expect(delivered.map(({ deployment, hook }) => [deployment, hook])).toEqual([['a', 'b']]);
  });

  it('hears nothing of what went wrong inside', async () => {
    expect(await answer({ path: '/hooks/a/broken' })).toBe('500 {"error":"failed"}');
    expect(failures).toHaveLength(1);
  });
});

describe('S20: exhaustion', () => {
  it('a body of 1 MiB is taken, a longer one is not, whether it says so or not', async () => {
    expect(await answer({ headers: yes, body: Buffer.alloc(MOST_BODY_BYTES) })).toBe('202 {"run":null}');
    // An answer that comes before all was sent may not arrive.
    const refused = /^(413|EPIPE|ECONNRESET)/;
    expect(await answer({ headers: yes, body: Buffer.alloc(MOST_BODY_BYTES + 1) })).toMatch(refused);
    const chunked = { ...yes, 'transfer-encoding': 'chunked' };
    expect(await answer({ headers: chunked, body: Buffer.alloc(MOST_BODY_BYTES + 1) })).toMatch(refused);
    expect(await answer({ headers: { ...yes, 'content-encoding': 'gzip' } })).toMatch(/^413/);
    expect(delivered).toHaveLength(1);
  });

  it('a body without an end is not read, and not kept', async () => {
    const before = process.memoryUsage().rss;
    const socket = connect(port, '127.0.0.1');
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(`POST /hooks/a/b HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(1_048_576), Buffer.from('\r\n')]);
    for (let n = 0; n < 200 && !socket.destroyed; n += 1) {
      if (!socket.write(chunk))
        await Promise.race([ended, new Promise<void>((resolve) => socket.once('drain', () => resolve()))]);
    }
    await ended;
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1_048_576);
    expect(delivered).toEqual([]);
  });

  it('who sends headers byte by byte is cut off, and others are served meanwhile', { timeout: 30_000 }, async () => {
    const slow = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'));
    let closed = 0;
    const timer = setInterval(() => {
      for (const socket of slow) if (socket.writable) socket.write('a');
    }, 100);
    for (const socket of slow) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        closed += 1;
      });
      socket.resume();
      socket.write('POST /hooks/a/b HTTP/1.1\r\nX-Slow: ');
    }
    expect(await answer({ headers: yes })).toBe('202 {"run":null}');
    await eventually('they are cut off', 20_000, () => closed === slow.length);
    clearInterval(timer);
  });

  it('more connections than there is room for are closed', async () => {
    const many = Array.from({ length: 80 }, () => connect(port, '127.0.0.1'));
    let closed = 0;
    for (const socket of many) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        closed += 1;
      });
      socket.resume();
    }
    await eventually('thirty are closed', 5_000, () => closed >= 30);
    for (const socket of many) socket.destroy();
    await eventually(
      'there is room again',
      10_000,
      async () => (await answer({ headers: yes })) === '202 {"run":null}',
    );
  });
});

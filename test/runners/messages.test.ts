/** Messages by mail and to programs, through a real mail server. */

import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { secretMark } from '../../src/base/secret-mark.ts';
import { type MessageToSend, sendMessage, type Sent } from '../../src/runners/send-message.ts';
import { systemClock } from '../../src/process/clock.ts';
import { Rig } from '../kit/rig.ts';

interface MailSession {
  readonly user?: string;
  readonly envelope: {
    readonly mailFrom: { readonly address: string };
    readonly rcptTo: readonly { readonly address: string }[];
  };
}
interface MailServer {
  listen(port: number, host: string, done: () => void): void;
  close(done: () => void): void;
  readonly server: { address(): { readonly port: number } };
}
type Done = (error?: Error | null, value?: unknown) => void;
const { SMTPServer } = createRequire(import.meta.url)('smtp-server') as {
  SMTPServer: new (options: object) => MailServer;
};

interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | undefined;
  readonly text: string;
}

/** A mail server of the test's own. @param answer null: it is taken; a number: that is answered; `hangs`: nothing is. */
async function mailServer(answer: () => null | number | 'hangs') {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: (auth: { readonly username: string }, _: unknown, done: Done) => done(null, { user: auth.username }),
    onData(stream: NodeJS.ReadableStream, session: MailSession, done: Done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const text = Buffer.concat(chunks).toString();
        mails.push({ from: mailFrom.address, to: rcptTo.map(({ address }) => address), user: session.user, text });
        const how = answer();
        if (how === null) done();
        else if (how !== 'hangs') done(Object.assign(new Error('the secret is s3cr3t'), { responseCode: how }));
      });
    },
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.server.address();
  return { mails, port, close: () => new Promise<void>((closed) => server.close(closed)) };
}

let rig: Rig;
let server: Awaited<ReturnType<typeof mailServer>>;
let answer: null | number | 'hangs';
beforeEach(async () => {
  rig = new Rig();
  answer = null;
  server = await mailServer(() => answer);
});
afterEach(async () => {
  // A client that was given up has gone: nothing holds the server.
  await server.close();
  rig.remove();
});

const send = (channel: string, options: JsonObject, changes: Partial<MessageToSend> = {}): Promise<Sent> =>
  sendMessage(
    {
      ...{ channel, options, text: 'two failed', run: '01k', flow: 'etl', step: 'on_failure[0]' },
      ...{ news: { state: 'failed', failed: ['load'] }, idempotencyKey: '01k/x', directory: process.cwd() },
      ...changes,
    },
    {
      reveal: (text) => text.replaceAll(secretMark('PASSWORD'), 's3cr3t'),
      clock: systemClock(),
      signal: new AbortController().signal,
      limitMs: 5_000,
      environment: { PATH: process.env['PATH'] },
    },
  );
const smtp = (): string => `smtp://me%40example.com:${secretMark('PASSWORD')}@127.0.0.1:${server.port}`;

describe('a mail', () => {
  it('goes to all its receivers, with a subject, and the same id for every try', async () => {
    const sent = await send('email', {
      url: ['a@example.com', 'B <b@example.com>'],
      smtp: smtp(),
      title: 'etl\nfailed',
    });
    expect(sent).toEqual({ kind: 'sent', how: 'accepted' });
    await send('email', { url: 'a@example.com', smtp: smtp(), from: 'Flights <f@example.com>' });
    const [first, second] = server.mails;
    expect(first).toMatchObject({ from: 'me@example.com', to: ['a@example.com', 'b@example.com'] });
    expect(first?.text).toMatch(/^Subject: etl failed\r$/m);
    expect(first?.text).toContain('\r\n\r\ntwo failed');
    expect(second?.text).toMatch(/^Subject: etl failed\r$/m);
    expect(second?.text).toMatch(/^From: Flights <f@example.com>\r$/m);
    const ids = server.mails.map(({ text }) => /^Message-ID: (.*)\r$/m.exec(text)?.[1]);
    expect(ids[0]).toMatch(/^<[0-9a-f]{32}@flowctl>$/);
    expect(ids[1]).toBe(ids[0]);
  });

  it.each([
    [451, { kind: 'momentary', why: 'answered 451', retryAfterMs: 0 }],
    [550, { kind: 'refused', why: 'answered 550' }],
  ] as const)('that is answered %i is %j, and nothing that the server says is told', async (code, expected) => {
    answer = code;
    expect(await send('email', { url: 'a@example.com', smtp: smtp() })).toEqual(expected);
  });

  it('to a server that is not there is tried again; without one, or without a receiver, it is refused', async () => {
    expect(await send('email', { url: 'a@example.com', smtp: 'smtp://127.0.0.1:1' })).toEqual({
      kind: 'momentary',
      why: 'cannot be reached (ESOCKET)',
      retryAfterMs: 0,
    });
    for (const options of [{ url: 'a@b.c', smtp: 'http://x' }, { url: 'a@b.c' }, { url: [' '], smtp: smtp() }]) {
      expect(await send('email', options)).toMatchObject({ kind: 'refused' });
    }
  });

  it('without nodemailer says what to install, and waits', async () => {
    const main = process.argv[1];
    process.argv[1] = '/nowhere/flowctl.js';
    try {
      const sent = await send('email', { url: 'a@example.com', smtp: smtp() }, { directory: rig.folder });
      expect(sent).toMatchObject({ kind: 'momentary', why: expect.stringContaining('npm install nodemailer') });
    } finally {
      process.argv[1] = main ?? '';
    }
  });
});

describe('a program', () => {
  it('is told on its standard input, with secrets in variables only', async () => {
    const script = rig.write('told.sh', '#!/bin/sh\ncat > "$1"\nprintf "%s %s" "$FLOWCTL_FLOW" "$TOKEN" >> "$1"\n');
    chmodSync(script, 0o755);
    const env = { TOKEN: secretMark('PASSWORD') };
    const sent = await send('command', { url: ['./told.sh', 'out'], env }, { directory: rig.folder });
    expect(sent).toEqual({ kind: 'sent', how: 'ended with 0' });
    const [json, rest] = rig.read('out').split('\n');
    expect(JSON.parse(json ?? '')).toMatchObject({
      flow: 'etl',
      state: 'failed',
      text: 'two failed',
      idempotency_key: '01k/x',
    });
    expect(rest).toBe('etl s3cr3t');
  });

  it('that fails is told again, one that is not there never; a secret among its words is refused', async () => {
    expect(await send('command', { url: ['sh', '-c', 'exit 3'] })).toMatchObject({
      kind: 'momentary',
      why: 'ended with 3',
    });
    expect(await send('command', { url: './no-such' })).toMatchObject({
      kind: 'refused',
      why: 'cannot be started (ENOENT)',
    });
    expect(await send('command', { url: ['echo', secretMark('PASSWORD')] })).toMatchObject({ kind: 'refused' });
  });
});

describe('from a flow', () => {
  it('a mail that hangs holds the run for two seconds, and is sent later', async () => {
    rig.give({ SMTP_URL: `smtp://me%40example.com:s3cr3t-password@127.0.0.1:${server.port}` });
    rig.write(
      'flow.yaml',
      [
        'secrets: [SMTP_URL]',
        'steps: { a: { run: ":" } }',
        'finally:',
        '  - notify: { email: data@example.com, smtp: "${{ secrets.SMTP_URL }}", text: "${{ run.state }}" }',
        '  - notify: { command: [sh, -c, "cat > told"] }',
        '',
      ].join('\n'),
    );
    expect((await rig.flowctl('validate', 'flow.yaml')).code).toBe(0);
    answer = 'hangs';
    const run = await rig.flowctl('run', 'flow.yaml');
    expect(run.code).toBe(0);
    expect(JSON.parse(rig.read('told'))).toMatchObject({ flow: 'flow', state: 'succeeded' });
    const folder = rig.path('.flowctl/messages');
    const { readdirSync } = await import('node:fs');
    const [name = ''] = readdirSync(folder).filter((each) => each.endsWith('.json'));
    const kept = readFileSync(join(folder, name), 'utf8');
    expect(kept).not.toContain('s3cr3t');
    writeFileSync(join(folder, name), kept.replace(/"next_at":"[^"]*"/, '"next_at":"2020-01-01T00:00:00.000Z"'));
    answer = null;
    expect((await rig.flowctl('tick')).stdout).toContain('email: delivered late');
    expect(existsSync(join(folder, name))).toBe(false);
    expect(server.mails.map(({ to }) => to)).toEqual([['data@example.com'], ['data@example.com']]);
  });

  it('what cannot be meant is refused before anything runs', async () => {
    rig.write(
      'flow.yaml',
      [
        'secrets: [TOKEN]',
        'steps: { a: { run: ":" } }',
        'finally:',
        '  - notify: { email: data@example.com }',
        '  - notify: { slack: "https://example.com", smtp: "smtp://x" }',
        '  - notify: { command: [curl, "${{ secrets.TOKEN }}"] }',
        '',
      ].join('\n'),
    );
    const { code, stdout, stderr } = await rig.flowctl('validate', 'flow.yaml');
    expect(code).toBe(3);
    expect(`${stdout}${stderr}`).toMatch(/smtp/);
    expect(`${stdout}${stderr}`).toMatch(/flow\.yaml:6:\d+/);
    expect(`${stdout}${stderr}`.match(/^error/gm)).toHaveLength(3);
  });
});

/**
 * Sends a message by e-mail, through nodemailer (https://nodemailer.com), which is no part of flowctl: it is looked for where the flow lies,
 * then beside flowctl. No sentence that leaves this file holds an address or what a server said.
 */

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../base/json.ts';
import type { MessageToSend, SendingSettings, Sent } from './send-message.ts';

/** What of nodemailer is used. */
interface Transport {
  sendMail(mail: { readonly [member: string]: unknown }): Promise<{
    readonly accepted?: readonly unknown[];
    readonly rejected?: readonly unknown[];
  }>;
  close(): void;
}

/** A message whose secrets are revealed. */
export type Email = Pick<
  MessageToSend,
  'options' | 'text' | 'run' | 'flow' | 'step' | 'news' | 'idempotencyKey' | 'directory'
>;

const MISSING =
  '`email` needs the package nodemailer, which is not installed; in the project, or beside flowctl: npm install nodemailer';

/** Sends it. Never rejects. */
export async function sendEmail(email: Email, { signal, limitMs, clock }: SendingSettings): Promise<Sent> {
  const { options, text, flow, news, idempotencyKey } = email;
  const smtp = typeof options['smtp'] === 'string' ? options['smtp'].trim() : '';
  const server = URL.canParse(smtp) ? new URL(smtp) : null;
  if (server === null || !['smtp:', 'smtps:'].includes(server.protocol)) {
    return {
      kind: 'refused',
      why: 'the `smtp` is no address of a mail server, such as smtps://user:password@mail.example.com',
    };
  }
  const to = receivers(options);
  if (to.length === 0) return { kind: 'refused', why: '`email` needs an address' };
  const load = nodemailerFor(email.directory);
  // Somebody may install it, and then the message is sent.
  if (load === null) return { kind: 'momentary', why: MISSING, retryAfterMs: 0 };
  const times = { connectionTimeout: limitMs, greetingTimeout: limitMs, socketTimeout: limitMs, dnsTimeout: limitMs };
  const transport = load({ url: smtp, ...times });
  const title = typeof options['title'] === 'string' && options['title'] !== '' ? options['title'] : null;
  const mail = {
    from: typeof options['from'] === 'string' ? options['from'] : senderAt(server),
    to,
    subject: (title ?? `${flow} ${news.state}`).replace(/\s+/g, ' '),
    text,
    // A mail that comes twice has the same one.
    messageId: `<${createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 32)}@flowctl>`,
    headers: { 'X-Flowctl-Run': email.run, 'X-Flowctl-Flow': flow },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  let takeBack = (): void => {};
  const over = new Promise<Sent>((resolve) => {
    const end = (why: string) => (): void => resolve({ kind: 'momentary', why, retryAfterMs: 0 });
    takeBack = clock.after(limitMs, end(`no answer within ${limitMs / 1_000} s`));
    signal.addEventListener('abort', end('given up'));
    if (signal.aborted) end('given up')();
  });
  const sending = transport.sendMail(mail).then(
    ({ accepted = [], rejected = [] }): Sent => {
      const all = accepted.length + rejected.length;
      return { kind: 'sent', how: rejected.length === 0 ? 'accepted' : `accepted for ${accepted.length} of ${all}` };
    },
    (error: unknown): Sent => judged(error as MailError),
  );
  try {
    return await Promise.race([sending, over]);
  } finally {
    takeBack();
    transport.close();
  }
}

interface MailError {
  readonly code?: string;
  readonly responseCode?: number;
}

/** Replies of 5yz say that the same will not be taken later (RFC 5321, 4.2.1). */
function judged({ code, responseCode }: MailError): Sent {
  if (responseCode !== undefined && responseCode >= 400) {
    const why = `answered ${responseCode}`;
    return responseCode >= 500 ? { kind: 'refused', why } : { kind: 'momentary', why, retryAfterMs: 0 };
  }
  if (code === 'EENVELOPE') return { kind: 'refused', why: 'an address is none' };
  return { kind: 'momentary', why: `cannot be reached (${code ?? 'unknown'})`, retryAfterMs: 0 };
}

function receivers({ url }: JsonObject): readonly string[] {
  const given = Array.isArray(url) ? url : [url];
  return given.filter((address): address is string => typeof address === 'string' && address.trim() !== '');
}

/** The user of the mail server, where that is an address. */
function senderAt({ username }: URL): string {
  const user = decodeURIComponent(username);
  return user.includes('@') ? user : `flowctl@${hostname()}`;
}

function nodemailerFor(directory: string): ((options: object) => Transport) | null {
  for (const from of [join(directory, 'flow.js'), process.argv[1] ?? '/']) {
    try {
      const found = createRequire(from)('nodemailer') as { createTransport(options: object): Transport };
      return (options) => found.createTransport(options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return null;
}

/** Requests as senders of webhooks sign them. */

import { createHmac } from 'node:crypto';

/** The headers of Standard Webhooks. @param secret behind `whsec_` in base64, else as it is. @param now milliseconds since the epoch. */
export function signed(secret: string, id: string, body: string, now: number): { readonly [name: string]: string } {
  const stamp = String(Math.floor(now / 1_000));
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret;
  const digest = createHmac('sha256', key).update(`${id}.${stamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': stamp, 'webhook-signature': `v1,${digest}` };
}

/** The headers of GitHub. */
export function signedByGithub(secret: string, id: string, body: string): { readonly [name: string]: string } {
  const digest = createHmac('sha256', secret).update(body).digest('hex');
  return { 'x-github-delivery': id, 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${digest}` };
}

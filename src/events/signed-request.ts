/**
 * Whether a request was signed with a secret: pure. Two ways are taken: that of Standard Webhooks (standardwebhooks.com, headers
 * `webhook-id`, `webhook-timestamp`, `webhook-signature`), which holds for five minutes; and that of GitHub (`x-hub-signature-256`,
 * `x-github-delivery`), which holds no time, so that it is left to whoever remembers what was accepted.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';

/** The headers of a request by their names in lower case. */
export type RequestHeaders = { readonly [name: string]: string | readonly string[] | undefined };

/** What a signature says. */
export interface SignedRequest {
  /** The sender's own: a request that is sent again has the same. */
  readonly id: string;
  /** The same for the same request, and for no other one. */
  readonly proof: string;
}

/** How long a request holds, either way: clocks differ. */
export const WINDOW_MS = 300_000;

/** As many signatures may stand in one header, while a secret is being exchanged. */
const MOST_SIGNATURES = 10;

const ID = /^[\x21-\x7e]{1,256}$/;
/** Compared with where there is nothing, so that a request without a signature takes as long. */
const NOTHING = Buffer.alloc(32);

/** The key in the text of a secret: behind `whsec_` it is in base64, as Standard Webhooks writes it; else the text itself. */
export const keyOf = (secret: string): Buffer =>
  secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret);

const one = (value: string | readonly string[] | undefined): string => (typeof value === 'string' ? value : '');

/** The SHA-256 in a header; null for what cannot be one. */
function digestIn(text: string, encoding: 'base64' | 'hex'): Buffer | null {
  const bytes = Buffer.from(text, encoding);
  return bytes.length === NOTHING.length ? bytes : null;
}

/**
 * Verifies a request.
 * @param body as it came, byte for byte. @param now milliseconds since the epoch.
 * @returns null for one that is not signed with this secret, or was too long ago.
 */
export function verifyRequest(
  headers: RequestHeaders,
  body: Buffer,
  secret: string,
  now: number,
): SignedRequest | null {
  const isGithub = headers['webhook-signature'] === undefined && headers['x-hub-signature-256'] !== undefined;
  const id = one(headers[isGithub ? 'x-github-delivery' : 'webhook-id']);
  const stamp = one(headers['webhook-timestamp']);
  const key = keyOf(secret);
  const signed = createHmac('sha256', key);
  if (!isGithub) signed.update(`${id}.${stamp}.`);
  const digest = signed.update(body).digest();
  const given = isGithub ? githubDigest(headers) : standardDigests(headers);
  const isSigned = given.map((each) => timingSafeEqual(each, digest)).some(Boolean);
  const age = isGithub ? 0 : now - Number(stamp) * 1_000;
  const isInTime = isGithub || (/^\d{1,12}$/.test(stamp) && Math.abs(age) <= WINDOW_MS);
  // With nothing for a key anybody can sign.
  return isSigned && isInTime && key.length > 0 && ID.test(id)
    ? { id, proof: digest.toString('hex').slice(0, 32) }
    : null;
}

function githubDigest(headers: RequestHeaders): readonly Buffer[] {
  const [, hex = ''] = /^sha256=([0-9a-f]{64})$/.exec(one(headers['x-hub-signature-256'])) ?? [];
  const digest = digestIn(hex, 'hex');
  // The comparison with nothing may never succeed, and takes its time.
  return digest === null ? [NOTHING] : [digest];
}

function standardDigests(headers: RequestHeaders): readonly Buffer[] {
  const signatures = one(headers['webhook-signature']).split(' ', MOST_SIGNATURES);
  const digests = signatures.flatMap((each) => {
    const [, text = ''] = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(each) ?? [];
    return digestIn(text, 'base64') ?? [];
  });
  return digests.length === 0 ? [NOTHING] : digests;
}

/** Takes as long as the verification of a request for which there is a secret. */
export function pretendToVerify(headers: RequestHeaders, body: Buffer, now: number): void {
  verifyRequest(headers, body, NOTHING.toString('hex'), now);
}

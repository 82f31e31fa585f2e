import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { keyOf, type RequestHeaders, verifyRequest, WINDOW_MS } from '../../src/events/signed-request.ts';

// The example of the specification (standardwebhooks.com), as its libraries test it.
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NOW = 1_614_265_330_000;
const BODY = Buffer.from('{"test": 2432232314}');
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
const headers: RequestHeaders = {
  'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  'webhook-timestamp': '1614265330',
  'webhook-signature': SIGNATURE,
};
const isTaken = (more: RequestHeaders, now = NOW, body = BODY, secret = SECRET): boolean =>
  verifyRequest({ ...headers, ...more }, body, secret, now) !== null;

describe('S22: Standard Webhooks', () => {
  it('takes the example of the specification', () => {
    expect(verifyRequest(headers, BODY, SECRET, NOW)).toMatchObject({ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek' });
  });

  it('takes one good signature among others', () => {
    const other = `v1,${Buffer.alloc(32, 1).toString('base64')}`;
    expect(isTaken({ 'webhook-signature': `${other} v1a,AAAA ${SIGNATURE}` })).toBe(true);
    expect(isTaken({ 'webhook-signature': `${`${other} `.repeat(20)}${SIGNATURE}` })).toBe(false);
  });

  it.each<readonly [string, RequestHeaders]>([
    ['another id', { 'webhook-id': 'msg_other' }],
    ['no id', { 'webhook-id': undefined }],
    ['another time', { 'webhook-timestamp': '1614265331' }],
    ['no time', { 'webhook-timestamp': undefined }],
    ['a time that is none', { 'webhook-timestamp': 'NaN' }],
    ['no signature', { 'webhook-signature': undefined }],
    ['an empty signature', { 'webhook-signature': '' }],
    ['a short signature', { 'webhook-signature': 'v1,g0hM9SsE' }],
    ['another version', { 'webhook-signature': SIGNATURE.replace('v1', 'v2') }],
    ['two headers of one name', { 'webhook-signature': [SIGNATURE, SIGNATURE] }],
    ['another signature', { 'webhook-signature': SIGNATURE.replace('g', 'h') }],
  ])('refuses %s', (_, more) => expect(isTaken(more)).toBe(false));

  it('refuses another body, and another secret', () => {
    expect(isTaken({}, NOW, Buffer.from('{"test": 2432232315}'))).toBe(false);
    expect(isTaken({}, NOW, BODY, 'whsec_AAAA')).toBe(false);
    expect(isTaken({}, NOW, BODY, SECRET.slice('whsec_'.length))).toBe(false);
  });

  it('takes nothing that is signed with nothing', () => {
    const digest = createHmac('sha256', '')
      .update(`${String(headers['webhook-id'])}.1614265330.`)
      .update(BODY);
    const empty = { 'webhook-signature': `v1,${digest.digest('base64')}` };
    expect(['', 'whsec_', 'whsec_!'].map((secret) => isTaken(empty, NOW, BODY, secret))).toEqual([false, false, false]);
  });

  it('holds for five minutes either way', () => {
    const at = (ms: number): boolean => isTaken({}, NOW + ms);
    expect([at(WINDOW_MS), at(-WINDOW_MS), at(WINDOW_MS + 1), at(-WINDOW_MS - 1)]).toEqual([true, true, false, false]);
  });

  it('has the same proof for the same request alone', () => {
    const again = { ...headers, 'webhook-timestamp': '1614265390' };
    const digest = createHmac('sha256', keyOf(SECRET))
      .update(`${String(headers['webhook-id'])}.1614265390.`)
      .update(BODY);
    const later = verifyRequest({ ...again, 'webhook-signature': `v1,${digest.digest('base64')}` }, BODY, SECRET, NOW);
    const first = verifyRequest(headers, BODY, SECRET, NOW);
    expect([later?.id, later?.proof === first?.proof]).toEqual([first?.id, false]);
  });
});

describe('S22: GitHub', () => {
  // docs.github.com, "Validating webhook deliveries": the values to test with.
  const github: RequestHeaders = {
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
  };
  const body = Buffer.from('Hello, World!');
  const secret = "It's a Secret to Everybody";

  it('takes the example of its documentation', () => {
    expect(verifyRequest(github, body, secret, NOW)).toMatchObject({ id: github['x-github-delivery'] });
  });

  it.each<readonly [string, RequestHeaders]>([
    ['no id', { 'x-github-delivery': undefined }],
    ['SHA-1', { 'x-hub-signature-256': 'sha1=757107ea0eb2509fc211221cce984b8a37570b6d' }],
    ['another signature', { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` }],
    ['a signature of the other kind beside it', { 'webhook-signature': SIGNATURE }],
  ])('refuses %s', (_, more) => expect(verifyRequest({ ...github, ...more }, body, secret, NOW)).toBeNull());
});

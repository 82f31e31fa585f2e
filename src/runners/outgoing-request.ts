/**
 * HTTP requests of flowctl's own: what a wait looks at, what a notification is sent by. Only http and https; a name is resolved once and
 * what it is resolved to is checked and connected to; redirects are followed as fetch follows them
 * (https://fetch.spec.whatwg.org/#http-redirect-fetch), each checked like the first address. Of an answer nothing but its head is read.
 * No message that leaves this file holds an address, a header or a body: any of them may be a secret.
 */

import { type LookupAddress, lookup } from 'node:dns';
import { type IncomingMessage, request as requestPlainly } from 'node:http';
import { request as requestSecurely } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { Clock } from '../engine/ports.ts';
import type { PrivateHosts } from '../model/project.ts';
import { isAllowedHost, isForbiddenAddress, isPrivateAddress } from './forbidden-addresses.ts';

/** What is asked. */
export interface OutgoingRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: { readonly [name: string]: string };
  /** Null: none. */
  readonly body: string | null;
}

/** What came of it. */
export type Answer =
  | {
      readonly kind: 'answered';
      readonly status: number /** What the server asks for, or null. */;
      readonly retryAfterMs: number | null;
    }
  /** There was no answer this time: the connection failed, or took too long. */
  | { readonly kind: 'unreachable'; readonly message: string }
  /** It never can be sent like this. */
  | { readonly kind: 'refused'; readonly message: string };

/** Finds the addresses of a name; tests give their own. */
export type ResolveName = (
  name: string,
  done: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

/** How requests are made. */
export interface OutgoingSettings {
  readonly clock: Clock;
  /** Ends it at once. */
  readonly signal: AbortSignal;
  /** For the request with all its redirects. Default: 10 s. */
  readonly limitMs?: number;
  /** Default: the system's. */
  readonly resolveName?: ResolveName;
  /** Asked when an address is a private one: which hosts may have such an address. Default: none. */
  readonly privateHosts?: () => PrivateHosts;
}

/** How long an answer may take. */
export const ANSWER_LIMIT_MS = 10_000;
/** As fetch has it. */
const MOST_REDIRECTS = 20;

/** Sends a request and waits for the head of its answer. Never rejects; an aborted one is `unreachable`. */
export async function sendRequest(request: OutgoingRequest, settings: OutgoingSettings): Promise<Answer> {
  const limit = new AbortController();
  const limitMs = settings.limitMs ?? ANSWER_LIMIT_MS;
  const takeBack = settings.clock.after(limitMs, () => limit.abort());
  const signal = AbortSignal.any([settings.signal, limit.signal]);
  try {
    const names = settings.resolveName ?? resolveBySystem;
    return await follow(request, signal, { names, privateHosts: settings.privateHosts ?? (() => []) });
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'refused', message: error.message };
    if (limit.signal.aborted) return { kind: 'unreachable', message: `no answer within ${limitMs / 1_000} s` };
    if (signal.aborted) return { kind: 'unreachable', message: 'given up' };
    const { code } = error as NodeJS.ErrnoException;
    // What Node says of a name or a value that is no header names the header only.
    if (code?.startsWith('ERR_INVALID') === true) return { kind: 'refused', message: (error as Error).message };
    return { kind: 'unreachable', message: `cannot be reached (${code ?? 'unknown'})` };
  } finally {
    takeBack();
  }
}

/** A request that is never sent, with the reason. */
class Refusal extends Error {
  override readonly name = 'Refusal';
}

const resolveBySystem: ResolveName = (name, done) => {
  lookup(name, { all: true }, (error, addresses) => done(error, addresses ?? []));
};

/** What says where a request may go. */
interface Guides {
  readonly names: ResolveName;
  readonly privateHosts: () => PrivateHosts;
}

async function follow(first: OutgoingRequest, signal: AbortSignal, guides: Guides): Promise<Answer> {
  let request = first;
  let url = readUrl(request.url, undefined);
  for (let redirects = 0; ; redirects += 1) {
    const { statusCode = 0, headers } = await ask(url, request, signal, guides);
    const { location } = headers;
    if (![301, 302, 303, 307, 308].includes(statusCode) || location === undefined) {
      return { kind: 'answered', status: statusCode, retryAfterMs: readRetryAfter(headers['retry-after']) };
    }
    if (redirects === MOST_REDIRECTS) throw new Refusal(`redirected more than ${MOST_REDIRECTS} times`);
    const next = readUrl(location, url);
    request = redirected(request, statusCode, next.origin === url.origin);
    url = next;
  }
}

function readUrl(text: string, base: URL | undefined): URL {
  if (!URL.canParse(text, base?.href))
    throw new Refusal(base === undefined ? 'the `url` is none' : 'redirected to no address');
  const url = new URL(text, base);
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  throw new Refusal(`${base === undefined ? 'the `url` is' : 'redirected to'} neither http nor https`);
}

const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie', 'host']);

function redirected(request: OutgoingRequest, status: number, isSameOrigin: boolean): OutgoingRequest {
  const method = request.method.toUpperCase();
  const becomesGet =
    status === 303 ? method !== 'GET' && method !== 'HEAD' : (status === 301 || status === 302) && method === 'POST';
  const kept = Object.entries(request.headers).filter(([name]) => {
    const lower = name.toLowerCase();
    return (isSameOrigin || !CREDENTIALS.has(lower)) && !(becomesGet && lower.startsWith('content-'));
  });
  const headers = Object.fromEntries(kept);
  return becomesGet ? { ...request, method: 'GET', headers, body: null } : { ...request, headers };
}

/** One request, without redirects; resolves with the head of the answer, whose body is thrown away. */
function ask(
  url: URL,
  { method, headers, body }: OutgoingRequest,
  signal: AbortSignal,
  guides: Guides,
): Promise<IncomingMessage> {
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  const refusal = isIP(literal) === 0 ? null : refusalOf(literal, [literal], guides);
  if (refusal !== null) throw refusal;
  const open = url.protocol === 'https:' ? requestSecurely : requestPlainly;
  const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const options = {
      method,
      headers: { 'user-agent': 'flowctl', accept: '*/*', ...headers, ...length },
      signal,
      agent: false,
      lookup: checkedLookup(guides),
    };
    const asked = open(url, options, (answer) => {
      answer.on('error', () => {});
      answer.destroy();
      resolve(answer);
    });
    asked.on('error', reject);
    asked.end(body ?? undefined);
  });
}

/** What the name means is decided here once, and the connection goes to what was checked: a second look-up could say something else. */
const checkedLookup =
  (guides: Guides): LookupFunction =>
  (name, { all }, done) => {
    guides.names(name, (error, addresses) => {
      if (error !== null) return done(error, '');
      const found = addresses.map(({ address }) => address);
      const refusal = refusalOf(name, found, guides);
      if (refusal !== null) return done(refusal, '');
      const [first] = addresses;
      if (first === undefined) return done(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), '');
      return all === true ? done(null, [...addresses]) : done(null, first.address, first.family);
    });
  };

/** Why a host is not asked, whatever it is for; null: it is. One address of several is enough. */
function refusalOf(host: string, addresses: readonly string[], { privateHosts }: Guides): Refusal | null {
  if (addresses.some(isForbiddenAddress)) {
    return new Refusal('an address that gives a machine its credentials (link-local) is never asked');
  }
  const inside = addresses.filter(isPrivateAddress);
  if (inside.length === 0) return null;
  const hosts = privateHosts();
  if (inside.every((address) => isAllowedHost(hosts, host, address))) return null;
  return new Refusal(
    'an address of a private network that the flow does not name: `allow_private_addresses` of flowctl.config.yaml allows it',
  );
}

/** `Retry-After` in seconds (RFC 9110, 10.2.3); its form with a date is passed over. */
const readRetryAfter = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : null;

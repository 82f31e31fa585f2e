/**
 * HTTP for a few who know what they want: bounded in time, size and number, closed to whoever comes by another name, and silent towards
 * all others. It knows requests and answers; what is asked for and who may ask is the business of routes. It must not know runs or flows.
 * Next: `hook-route.ts`. A page for people is one more route.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Json } from '../base/json.ts';

/** A request whose body has come. */
export interface ServedRequest {
  readonly method: string;
  /** As it was written, with everything behind the host. */
  readonly path: string;
  /** By their names in lower case. */
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  readonly body: Buffer;
}

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly body: Json;
}

/** Who answers what. */
export interface Route {
  readonly method: string;
  /** What of the path the route needs; null: it is not meant. Asked before the body has come. */
  match(path: string): readonly string[] | null;
  /** A rejection is answered with 500, and told. */
  answer(request: ServedRequest, matched: readonly string[]): Promise<Answer>;
}

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** What a server is made of. */
export interface ServerOptions {
  readonly address: ListenAddress;
  readonly routes: readonly Route[];
  /** Names that requests may come by beside the address itself and those of loopback. */
  readonly hosts: readonly string[];
  /** Told of what went wrong inside. */
  failed(error: unknown): void;
}

/** A server that listens. */
export interface Listening {
  /** As it is bound. */
  readonly url: string;
  /** Requests under way are finished, for a moment. */
  close(): Promise<void>;
}

/** The longest body. */
export const MOST_BODY_BYTES = 1_048_576;
const MOST_CONNECTIONS = 50;
const MOST_HEADER_BYTES = 16_384;
/** All headers have to be there by then, and the whole request; nobody waits longer for a connection on which nothing comes. */
const HEADERS_MS = 5_000;
const REQUEST_MS = 10_000;
const IDLE_MS = 15_000;
const CLOSING_MS = 2_000;

/** The same for everybody who is not let in, whatever it is that is missing. */
const UNAUTHORIZED: Answer = { status: 401, body: { error: 'unauthorized' } };
const FORBIDDEN: Answer = { status: 403, body: { error: 'forbidden' } };
const TOO_LARGE: Answer = { status: 413, body: { error: 'too large' } };
const FAILED: Answer = { status: 500, body: { error: 'failed' } };

/** Listens. Rejects with the error of the system where that cannot be. */
export async function listen(options: ServerOptions): Promise<Listening> {
  const { address } = options;
  const server = createServer({
    maxHeaderSize: MOST_HEADER_BYTES,
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: HEADERS_MS,
    connectionsCheckingInterval: 1_000,
    requireHostHeader: true,
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.setTimeout(IDLE_MS, (socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  const named = address.host.includes(':') ? `[${address.host}]` : address.host;
  const hosts = hostsOf([named, '127.0.0.1', 'localhost', '[::1]'], options.hosts, port);
  server.on('error', (error) => options.failed(error));
  server.on('request', (request, response) => {
    serve(request, response, hosts, options).catch((error: unknown) => {
      options.failed(error);
      send(response, FAILED);
    });
  });
  return { url: `http://${named}:${port}`, close: () => closed(server) };
}

/** What the header `Host` may say. A name that people gave may be reached through another port. */
function hostsOf(own: readonly string[], given: readonly string[], port: number): ReadonlySet<string> {
  const withPort = own.map((host) => `${host}:${port}`);
  const plain = port === 80 ? own : [];
  return new Set([...withPort, ...plain, ...given].map((host) => host.toLowerCase()));
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  hosts: ReadonlySet<string>,
  { routes }: ServerOptions,
): Promise<void> {
  const { method = '', url = '', headers } = request;
  // A name that was made to lead here (DNS rebinding), or a page that sends forms.
  if (!hosts.has((headers.host ?? '').toLowerCase()) || headers.origin !== undefined) return send(response, FORBIDDEN);
  for (const route of routes) {
    const matched = route.method === method ? route.match(url) : null;
    if (matched === null) continue;
    const body = await bodyOf(request);
    if (body === null) return send(response, TOO_LARGE);
    return send(response, await route.answer({ method, path: url, headers, body }, matched));
  }
  return send(response, UNAUTHORIZED);
}

/** The answer to whoever is not let in. */
export const refusal = (): Answer => UNAUTHORIZED;

/** The body; null for one that is too large, or encoded: what it would become is not known before. */
function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const { 'content-length': length = '0', 'content-encoding': encoding = 'identity' } = request.headers;
  if (Number(length) > MOST_BODY_BYTES || encoding !== 'identity') return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MOST_BODY_BYTES) {
        request.pause();
        chunks.length = 0;
        resolve(null);
      } else chunks.push(chunk);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    // Gone, or too slow: nobody is there to be answered.
    request.once('aborted', () => resolve(null));
    request.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? resolve(null) : reject(error),
    );
  });
}

function send(response: ServerResponse, { status, body }: Answer): void {
  if (response.headersSent || response.destroyed) return;
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // What was not read to its end is not read at all.
    ...(status >= 400 ? { connection: 'close' } : {}),
  });
  response.end(text);
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), CLOSING_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

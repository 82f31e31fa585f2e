/** A server of the test's own on loopback: it says what it was asked, and answers as the test likes. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly body: string;
}

export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** Every request, in the order in which they came. */
  readonly asked: Asked[];
  close(): Promise<void>;
}

/** @param answer called when a request has come whole; it ends the response, or lets it hang. */
export async function serve(
  answer: (asked: Asked, response: ServerResponse, count: number) => void,
): Promise<TestServer> {
  const asked: Asked[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
      asked.push(one);
      answer(one, response, asked.length);
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    asked,
    close: () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(() => closed());
      }),
  };
}

/** Answers with a status, and nothing else. */
export const withStatus =
  (status: number, headers: { readonly [name: string]: string } = {}) =>
  (_: Asked, response: ServerResponse): void => {
    response.writeHead(status, headers).end();
  };

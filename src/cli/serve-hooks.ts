/** `serve --listen`: requests for hooks, for as long as this process looks at the schedules. */

import { unwrap } from '../store/problem.ts';
import { readProjectDocument } from '../store/project-document.ts';
import type { StateLayout } from '../store/layout.ts';
import { hookRoute } from '../server/hook-route.ts';
import { type ListenAddress, type Listening, listen } from '../server/server.ts';
import type { OpenEvents } from './open-events.ts';
import { type Session, UsageError } from './session.ts';

/** What it is told. */
export interface HookServer {
  readonly address: ListenAddress;
  /** Names that requests may come by, beside those of the address. */
  readonly hosts: readonly string[];
  readonly events: OpenEvents;
  say(text: string): void;
  sleep(ms: number): Promise<void>;
  isStopped(): boolean;
}

/** How often an address that is in use is asked for. */
const RETRY_MS = 1_000;

/** Reads `7717`, `127.0.0.1:7717` or `[::1]:7717`. @throws {UsageError} for anything else. */
export function readListenAddress(text: string): ListenAddress {
  const [, host = '127.0.0.1', port = ''] = /^(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535)
    throw new UsageError(`\`--listen ${text}\`: write a port, or an address and a port: 127.0.0.1:7717`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** Reads a name that requests may come by, with its port where that is not the usual one. @throws {UsageError} */
export function readAllowedHost(text: string): string {
  if (/^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?$/.test(text)) return text;
  throw new UsageError(`\`--allow-host ${text}\`: write a name as the header Host says it: hooks.example.com`);
}

/**
 * Listens; where the address is in use, as soon as it is not any more.
 * @returns null when it was stopped before. @throws {UsageError} for an address that this machine does not have, or may not use.
 */
export async function serveHooks(session: Session, state: StateLayout, server: HookServer): Promise<Listening | null> {
  const { address, hosts, events, say } = server;
  const route = hookRoute(async (request) => events.inbox.deliver(unwrap(await readProjectDocument(state)), request));
  const failed = (error: unknown): void => session.complain(`a request failed: ${String(error)}`);
  for (let isSaid = false; !server.isStopped(); isSaid = true) {
    try {
      const listening = await listen({ address, routes: [route], hosts, failed });
      say(`listening on ${listening.url}`);
      return listening;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE') throw new UsageError(`\`--listen\`: ${message}`);
      if (!isSaid) say(`${address.host}:${address.port} is in use: waiting for it`);
      await server.sleep(RETRY_MS);
    }
  }
  return null;
}

/** Prefect 3 to compare with: installed from PyPI into a virtual environment of its own, its server warm, its home in a temporary folder. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { madeFolder } from './reference.ts';

/** The server of this Prefect does not start with a FastAPI that is newer. */
const PACKAGES = ['prefect==3.8.8', 'fastapi==0.139.0'];
const START_LIMIT_MS = 90_000;

/** A server that answers. */
export interface Prefect {
  readonly name: string;
  /** The interpreter that can import it. */
  readonly python: string;
  /** What its client needs to find the server. */
  readonly env: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

/**
 * Installs it where that has not been done, which takes minutes and 400 MB, and starts a server.
 * @param python that makes the environment.
 * @returns why there is none.
 */
export async function startPrefect(python: string): Promise<Prefect | { readonly absent: string }> {
  const folder = join(madeFolder(), 'prefect');
  const own = join(folder, 'bin', 'python');
  const done = (...argv: readonly string[]): boolean => spawnSync(own, argv, { stdio: 'ignore' }).status === 0;
  if (!done('-c', 'import prefect.server.api.server')) {
    rmSync(folder, { recursive: true, force: true });
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES];
    const made = spawnSync(python, ['-m', 'venv', folder], { stdio: 'ignore' }).status === 0 && done(...install);
    if (!made || !existsSync(own)) return { absent: 'pip could not install it' };
  }
  const home = mkdtempSync(join(tmpdir(), 'flowctl-bench-prefect-'));
  const port = await freePort();
  const env = {
    ...process.env,
    PREFECT_HOME: home,
    PREFECT_SERVER_ANALYTICS_ENABLED: 'false',
    PREFECT_LOGGING_LEVEL: 'WARNING',
    DO_NOT_TRACK: '1',
  };
  const command = ['-m', 'prefect', 'server', 'start', '--host', '127.0.0.1', '--port', String(port)];
  const server = spawn(own, command, { env, stdio: 'ignore' });
  const stop = async (): Promise<void> => {
    await end(server);
    rmSync(home, { recursive: true, force: true });
  };
  const api = `http://127.0.0.1:${port}/api`;
  if (!(await answers(server, `${api}/health`))) {
    await stop();
    return { absent: 'its server does not start' };
  }
  const [requirement = ''] = PACKAGES;
  return { name: requirement.replace('==', ' '), python: own, env: { ...env, PREFECT_API_URL: api }, stop };
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  const killing = setTimeout(() => server.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(killing);
}

async function answers(server: ChildProcess, address: string): Promise<boolean> {
  const limit = performance.now() + START_LIMIT_MS;
  while (performance.now() < limit && server.exitCode === null) {
    const response = await fetch(address).catch(() => null);
    if (response?.ok === true) return true;
    await pause(250);
  }
  return false;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

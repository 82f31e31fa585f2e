/** A rig for function hosts: the real host compiled into a temporary folder, user modules written beside it, a pool over both. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Json } from '../../src/base/json.ts';
import type { CallSecrets, FunctionCall, FunctionResult } from '../../src/functions/messages.ts';
import { createModuleLoader, type ModuleLoader } from '../../src/functions/modules.ts';
import {
  createFunctionPool,
  type FunctionListener,
  type FunctionPool,
  type RunningFunction,
} from '../../src/functions/pool.ts';

const source = (name: string): string => fileURLToPath(new URL(`../../src/${name}`, import.meta.url));

/** What a test may say about a call; the rest is made up. */
export interface CallDescription {
  readonly module: string;
  readonly export?: string;
  readonly input?: Json;
  readonly env?: { readonly [name: string]: string };
  readonly log?: string;
  readonly step?: string;
  readonly secrets?: CallSecrets;
}

/**
 * A module that prints `TEXT 1` to `TEXT 10` past `process.stdout`, all but the ninth, which a command gives back: by descriptors, one of them
 * closed before, and by commands that inherit them. TEXT is the secret TOKEN, else `text`.
 */
export const PRINTS_PAST = `import { execSync, fork, spawn, spawnSync } from 'node:child_process';
import { closeSync, close, createWriteStream, write, writeSync } from 'node:fs';
import { once } from 'node:events';
import { promisify } from 'node:util';
export default async (_, { secrets }) => {
  const text = secrets.TOKEN ?? 'text';
  writeSync(1, text + ' 1\\n'); writeSync(2, Buffer.from('--' + text + ' 2\\n'), 2);
  closeSync(1); await promisify(close)(2);
  await promisify(write)(1, text + ' 3\\n');
  const stream = createWriteStream('', { fd: 1 });
  stream.end(text + ' 4\\n');
  await once(stream, 'close');
  const env = { TEXT: text, PATH: process.env.PATH };
  const say = (n) => 'echo "$TEXT ' + n + '" ' + (n % 2 === 0 ? '>&2' : '');
  execSync(say(5), { env, stdio: 'inherit' });
  spawnSync('/bin/sh', ['-c', say(6)], { env, stdio: ['inherit', 1, 'inherit'] });
  await once(spawn('/bin/sh', ['-c', say(7)], { env, stdio: 'inherit' }), 'close');
  await once(spawn(say(8), { env, shell: '/bin/sh', stdio: ['ignore', process.stdout, process.stderr] }), 'close');
  const printed = execSync(say(9), { env, encoding: 'utf8' });
  await once(fork('data:', { env, execArgv: ['-e', 'console.log(process.env.TEXT + " 10")'] }), 'close');
  return printed === text + ' 9\\n';
};`;

/** Everything a test of this room needs. */
export class FunctionRig {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'flowctl-functions-'));
  readonly cacheFolder = path.join(this.folder, 'state', 'modules');
  readonly hostUrl = pathToFileURL(path.join(this.folder, 'program', 'function-host.js'));
  readonly programUrl = pathToFileURL(path.join(this.folder, 'program', 'index.js'));
  readonly #pools: FunctionPool[] = [];
  #logs = 0;

  /** Compiles the host and a stand-in of the library, as the build does: two files that share no code. */
  async prepare(): Promise<this> {
    const options = {
      bundle: true,
      format: 'esm',
      platform: 'node',
      outdir: path.join(this.folder, 'program'),
    } as const;
    await build({ ...options, entryPoints: { 'function-host': source('functions/host.ts') } });
    await build({ ...options, entryPoints: { index: source('functions/context.ts') } });
    return this;
  }

  /** Writes a file below the user's folder. @returns its absolute path. */
  write(name: string, text: string): string {
    const file = path.join(this.folder, 'project', name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** A new loader, as a new run has one. */
  loader(): ModuleLoader {
    return createModuleLoader({ cacheFolder: this.cacheFolder, programUrl: this.programUrl });
  }

  pool(
    settings: {
      readonly maxHosts?: number;
      readonly maxHeapMiB?: number;
      readonly hostUrl?: URL;
      readonly modules?: ModuleLoader;
    } = {},
  ): FunctionPool {
    const pool = createFunctionPool({ hostUrl: this.hostUrl, modules: this.loader(), maxHosts: 4, ...settings });
    this.#pools.push(pool);
    return pool;
  }

  /** A complete call. */
  call(description: CallDescription): FunctionCall {
    this.#logs += 1;
    return {
      module: description.module,
      export: description.export ?? 'default',
      input: description.input ?? {},
      env: { shared: {}, own: description.env ?? {} },
      log: description.log ?? this.logFile(String(this.#logs)),
      context: {
        run: '01h',
        flow: 'demo',
        step: description.step ?? 'load',
        attempt: 1,
        run_dir: this.folder,
        workdir: this.folder,
        idempotency_key: '01h/load',
        vars: {},
      },
      ...(description.secrets === undefined ? {} : { secrets: description.secrets }),
    };
  }

  logFile(name: string): string {
    return path.join(this.folder, `${name}.log`);
  }

  /** Starts one call on a pool and resolves when its host has it. */
  begin(pool: FunctionPool, description: CallDescription): Promise<RunningFunction> {
    return new Promise((resolve) => {
      const listener: FunctionListener = { begun: () => resolve(running) };
      const running = pool.start(this.call(description), listener);
    });
  }

  /** One call from its start to its end, on a pool of its own unless one is given. */
  async run(description: CallDescription, pool = this.pool()): Promise<{ result: FunctionResult; log: string }> {
    const call = this.call(description);
    const result = await pool.start(call).done;
    return { result, log: this.read(call.log) };
  }

  /** The text of a file; empty when there is none. */
  read(file: string): string {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  }

  /** Ends every pool and removes the folder. */
  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.close()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

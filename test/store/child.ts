/** Other processes of flowctl, as small programs that import the store; a test hears each line that they print. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { temporaryFolder } from './fixture.ts';

const STORE = fileURLToPath(new URL('../../src/store/', import.meta.url));

/** Builds a program whose imports from `store/` are the store's files. @returns the path to run with node. */
export async function buildProgram(source: string): Promise<string> {
  const outfile = join(temporaryFolder(), 'program.mjs');
  await build({
    stdin: { contents: source.replaceAll("'store/", `'${STORE}`), resolveDir: STORE, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

/** A program under way. */
export interface Child {
  readonly process: ChildProcess;
  /** The next line it prints; rejects when it ends without one. */
  nextLine(): Promise<string>;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** Runs a program; what it says on stderr goes to the test's own. */
export function runProgram(program: string, args: readonly string[], command: readonly string[] = []): Child {
  const [file = process.execPath, ...rest] = [...command, process.execPath, program, ...args];
  const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  return {
    process: child,
    ended,
    async nextLine() {
      const { done, value } = await lines.next();
      if (done === true) throw new Error(`the program ended with ${await ended}`);
      return value;
    },
  };
}

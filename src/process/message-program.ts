/** Runs a program that is told something on its standard input, for a short time. What it prints is thrown away. */

import { spawn } from 'node:child_process';

/** What is to be run. */
export interface ToldProgram {
  /** The program and its arguments; no shell reads them. */
  readonly argv: readonly string[];
  readonly directory: string;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly input: string;
}

/** How it ended. `none`: it could not be started. */
export type ToldEnd =
  | { readonly kind: 'ended'; readonly code: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly kind: 'none'; readonly code: string };

/**
 * Runs it in a process group of its own.
 * @param signal kills the group at once.
 */
export function tellProgram(
  { argv, directory, environment, input }: ToldProgram,
  signal: AbortSignal,
): Promise<ToldEnd> {
  return new Promise((resolve) => {
    const [program = '', ...words] = argv;
    const child = spawn(program, words, {
      cwd: directory,
      env: environment,
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const kill = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    };
    const end = (how: ToldEnd): void => {
      signal.removeEventListener('abort', kill);
      // What it started must not outlive it.
      kill();
      resolve(how);
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) end({ kind: 'none', code: error.code ?? 'unknown' });
    });
    child.once('exit', (code, by) => end({ kind: 'ended', code, signal: by }));
    // A program that does not read what it is told has its reasons.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    signal.addEventListener('abort', kill);
    if (signal.aborted) kill();
  });
}

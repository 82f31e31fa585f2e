/** The `flock` program (util-linux or busybox): where it is, and one call of it on a descriptor of ours. */

import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, join, sep } from 'node:path';
import { StateError } from './problem.ts';

/** Looked at before PATH, so that a `flock` that somebody planted is not even seen. */
const SYSTEM_DIRECTORIES = ['/usr/bin', '/bin', '/usr/local/bin', '/opt/homebrew/bin', '/run/current-system/sw/bin'];

let resolved: string | null | undefined;

/** The absolute path of `flock`, looked up once; null when there is none. */
export function flockProgram(): string | null {
  if (resolved === undefined) resolved = findProgram('flock', process.env['PATH'] ?? '', process.cwd());
  return resolved;
}

/**
 * Finds a program: in the system's directories, then in PATH's absolute entries but for the current folder, what lies below
 * it, and the `.bin` folders that package managers fill.
 */
export function findProgram(name: string, path: string, currentFolder: string): string | null {
  const entries = path.split(':').filter((entry) => isTrusted(entry, currentFolder));
  for (const directory of [...SYSTEM_DIRECTORIES, ...entries]) {
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // Not here: the next entry may have it.
    }
  }
  return null;
}

function isTrusted(entry: string, currentFolder: string): boolean {
  if (!isAbsolute(entry) || entry.split(sep).includes('.bin')) return false;
  return currentFolder === '/' || !`${join(entry, '.')}/`.startsWith(`${currentFolder}/`);
}

/**
 * Asks for a lock on an open file description, without waiting. The description is shared with our descriptor, so the lock stays
 * with us when the program has ended (flock(2)), and ends with our last descriptor, however we end.
 * @returns true when it is ours, false when another description holds it.
 * @throws {StateError} (74) when there is no `flock`, or it fails in another way.
 */
export async function tryFlock(fd: number, mode: 'exclusive' | 'shared', file: string): Promise<boolean> {
  const program = flockProgram();
  if (program === null) {
    const message = 'runs are owned through the program `flock` (package util-linux), which was not found';
    throw new StateError({ kind: 'io', file, code: 'ENOENT', message });
  }
  const options = mode === 'shared' ? ['-n', '-s', '3'] : ['-n', '3'];
  const status = await new Promise<number | string>((resolve, reject) => {
    // Detached: a Ctrl-C meant for us must not end it half way. `cwd`: ours may have been removed.
    const child = spawn(program, options, {
      stdio: ['ignore', 'ignore', 'ignore', fd],
      cwd: '/',
      env: {},
      detached: true,
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  if (status === 0) return true;
  if (status === 1) return false;
  throw new StateError({ kind: 'io', file, code: 'EIO', message: `\`${program}\` ended with ${status}` });
}

/** Where the few programs that flowctl itself needs are found: never through the folder or the PATH of a project. */

import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

/** The programs that flowctl starts for its own purposes. */
export type SystemProgram = 'sh' | 'bash' | 'flock' | 'setsid' | 'mkfifo' | 'perl' | 'stty';

const SYSTEM_FOLDERS = ['/bin', '/usr/bin', '/usr/local/bin', '/run/current-system/sw/bin', '/opt/homebrew/bin'];
const found = new Map<SystemProgram, string | null>();

/** True for a regular file that this process may execute. */
export function isExecutableFile(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * The absolute path of a program of the system, looked up once per process: first in the system's own folders, then in the
 * absolute entries of `searchPath` that are neither the current folder, nor below it, nor a `node_modules/.bin`.
 * @param searchPath a PATH for systems that keep their programs elsewhere; only the first call for a program uses it.
 * @returns null when the system has no such program.
 */
export function systemProgram(name: SystemProgram, searchPath = ''): string | null {
  const known = found.get(name);
  if (known !== undefined) return known;
  const here = process.cwd();
  const others = searchPath
    .split(':')
    .map((folder) => path.normalize(folder))
    .filter((folder) => path.isAbsolute(folder) && !isWithin(folder, here) && !/node_modules\/\.bin\/?$/.test(folder));
  const file = [...SYSTEM_FOLDERS, ...others].map((folder) => path.join(folder, name)).find(isExecutableFile) ?? null;
  found.set(name, file);
  return file;
}

// A cwd of `/` holds every folder, so it cannot make one suspect.
const isWithin = (folder: string, base: string): boolean =>
  base !== '/' && (folder === base || folder.startsWith(`${base}/`));

/** The C programs of `reference/`, compiled when they are first asked for. */

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

declare const REPOSITORY: string;

/** Where the bench keeps what it makes. */
export const madeFolder = (): string => {
  const folder = join(REPOSITORY, 'node_modules', '.cache', 'flowctl');
  mkdirSync(folder, { recursive: true });
  return folder;
};

const compiled = new Map<string, string | null>();

/**
 * The path of a compiled reference.
 * @param name of its source: `spawn` starts shells in a loop, `measure` runs a program and tells what it took.
 * @returns null where there is no C compiler.
 */
export function compiledReference(name: 'spawn' | 'measure'): string | null {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const binary = join(madeFolder(), name);
  // Renamed into place: another bench may be running it.
  const making = `${binary}.${process.pid}`;
  const source = join(REPOSITORY, 'bench', 'reference', `${name}.c`);
  const made = spawnSync('cc', ['-O2', '-o', making, source], { stdio: 'ignore' });
  const path = made.status === 0 && spawnSync('mv', [making, binary]).status === 0 ? binary : null;
  compiled.set(name, path);
  return path;
}

/** Rungs of a ladder, each in a process of its own, so that none finds a heap, or compiled code, that another one left. */

import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { madeFolder } from './reference.ts';
import type { Sample, Subject } from './protocol.ts';

declare const REPOSITORY: string;

/** What a rung prints: the work without the start of its process; the largest resident set of the process; and figures of its own. */
export interface Told extends Sample {
  readonly more: { readonly [name: string]: number };
}

/** What of a 24 GB machine a rung of a million steps may take; Node's own limit is less. */
const HEAP_MB = 8_192;

let bundle: string | null = null;

/** Makes the program of the rungs. Call it before the first one. @returns what takes it away again. */
export async function prepareRungs(): Promise<() => void> {
  const outfile = join(madeFolder(), `rung-${process.pid}.mjs`);
  await build({
    entryPoints: [join(REPOSITORY, 'bench', 'rung.ts')],
    outfile,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    define: { REPOSITORY: JSON.stringify(REPOSITORY) },
    logLevel: 'warning',
  });
  bundle = outfile;
  return () => rmSync(outfile, { force: true });
}

/**
 * Climbs one rung.
 * @throws {Error} when its work was not right.
 */
export function climb(kind: string, ...words: readonly (string | number)[]): Told {
  if (bundle === null) throw new Error('the rungs are not prepared');
  const argv = ['--expose-gc', `--max-old-space-size=${HEAP_MB}`, bundle, kind, ...words.map(String)];
  const ended = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  if (ended.status !== 0) throw new Error(`${kind} ${words.join(' ')} ended with ${ended.status}: ${ended.stderr}`);
  return JSON.parse(ended.stdout) as Told;
}

/** A rung as something to compare. */
export const rung = (name: string, kind: string, ...words: readonly (string | number)[]): Subject => ({
  name,
  measure: () => climb(kind, ...words),
});

/** The rung with the least CPU time of some rounds: what the machine did besides is none of the subject's growth. */
export function climbBest(rounds: number, kind: string, ...words: readonly (string | number)[]): Told {
  let best = climb(kind, ...words);
  for (let round = 1; round < rounds; round += 1) {
    const told = climb(kind, ...words);
    if (told.cpuMs < best.cpuMs) best = told;
  }
  return best;
}

/** Everything that `flowctl doctor` looks at, and its mends one after the other. */

import { join } from 'node:path';
import { assertNever } from '../../base/result.ts';
import { findUseless, type UselessFile } from '../../cache/checkup.ts';
import { findUselessModules, type UselessModule } from '../../functions/kept-modules.ts';
import { leftover } from '../../store/checkup/entries.ts';
import { type Finding, finding } from '../../store/checkup/finding.ts';
import { checkState, newestInstant } from '../../store/checkup/state.ts';
import type { StateLayout } from '../../store/layout.ts';
import { exitCodeOf, guarded } from '../../store/problem.ts';
import { openExisting } from '../../store/open.ts';
import { thisUser } from '../actor.ts';
import { EXIT } from '../exit-codes.ts';
import type { Session } from '../session.ts';
import { failureOf } from '../state-failure.ts';
import { checkEnvironment, checkLinks } from './environment.ts';
import { checkOrphans } from './orphans.ts';

/** Something that was found, and what became of it. */
export interface Told {
  readonly found: Finding;
  /** `open`: nothing was tried. `busy`: somebody else is at it. */
  readonly end: 'open' | 'mended' | 'busy' | { readonly failed: string; readonly code: number };
}

/** A whole look. */
export interface Checkup {
  readonly runs: number;
  readonly told: readonly Told[];
}

/** Looks at everything, and mends what can be mended where that is wished. */
export async function checkUp(session: Session, state: StateLayout, mends: boolean): Promise<Checkup> {
  const now = Date.now();
  const { name, host } = thisUser();
  const { isThere, runs: folders, findings } = await checkState(state, now, { name, host, by: 'doctor' });
  const all = [...checkEnvironment(state, now, newestInstant(folders)), ...findings];
  if (isThere) all.push(...(await checkOrphans(session, state, folders)), ...(await checkCaches(state, now)));
  const runs = folders.filter(({ kind }) => kind !== 'absent').length;
  if (!mends || !isThere) return { runs, told: all.map((found) => ({ found, end: 'open' })) };
  // Others may write there, or it is not ours: then nothing is touched.
  const opened = await openExisting(state);
  if (!opened.ok) {
    const { message } = failureOf(opened.error);
    const code = exitCodeOf(opened.error);
    return {
      runs,
      told: all.map((found) => ({ found, end: found.mend ? { failed: message, code } : 'open' })),
    };
  }
  all.push(...checkLinks(state));
  const told: Told[] = [];
  for (const found of all) told.push({ found, end: await mended(state, found) });
  return { runs, told };
}

async function mended(state: StateLayout, { mend, file }: Finding): Promise<Told['end']> {
  if (mend === null) return 'open';
  const done = await guarded(file ?? state.root, () => mend.apply());
  if (done.ok) return done.value ? 'mended' : 'busy';
  // What was found is gone: its owner was still at it, and has done it.
  if (done.error.kind === 'io' && done.error.code === 'ENOENT') return 'busy';
  return { failed: failureOf(done.error).message, code: exitCodeOf(done.error) };
}

async function checkCaches({ cache }: StateLayout, now: number): Promise<readonly Finding[]> {
  const modules = await findUselessModules(join(cache, 'modules'), now);
  const kept = await findUseless(cache, now);
  return [...modules, ...kept].map(cacheFinding);
}

function cacheFinding({ path, why }: UselessFile | UselessModule): Finding {
  const { mend } = leftover(path, '');
  switch (why) {
    case 'damaged':
      return finding('warning', 'cache_damaged', 'is not what was kept, and is not used', { file: path, mend });
    case 'other_version':
      return finding('note', 'other_format', 'is of another version of flowctl, and is not used', { file: path });
    case 'unfinished':
    case 'unused':
      return finding('note', 'leftover', `a file of the cache that is ${why}`, { file: path, mend });
    default:
      return assertNever(why, 'reason');
  }
}

/** The exit code: what is left of the worst. Notes are no reason for any but 0. */
export function codeOf({ told }: Checkup): number {
  const left = told.filter(({ end }) => end !== 'mended');
  const isLeft = (wanted: Finding['severity']): boolean => left.some(({ found }) => found.severity === wanted);
  if (isLeft('permission')) return EXIT.permission;
  const failed = left.flatMap(({ end }) => (typeof end === 'object' ? [end.code] : []));
  if (failed.includes(EXIT.permission)) return EXIT.permission;
  if (failed.includes(EXIT.state_io)) return EXIT.state_io;
  if (isLeft('damage')) return EXIT.state_corrupt;
  return isLeft('warning') || failed.length > 0 ? EXIT.failed : EXIT.ok;
}

/** The state directory itself: whose it is, and what lies in it that belongs to no run. */

import { lstat, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { isTemporaryName } from '../durable-files.ts';
import { type StateLayout, trashPath } from '../layout.ts';
import { observeOwners } from '../liveness.ts';
import { judgeDirectory } from '../permissions.ts';
import { systemCode } from '../problem.ts';
import { removeTrash, trashIn } from '../removal.ts';
import { leftover, lookAt, pathsIn } from './entries.ts';
import { type Finding, finding } from './finding.ts';

/** A file that is younger may be one that somebody is just writing. */
const YOUNG_MS = 60_000;
const DRAFT = /^detached-.+\.tmp$/;

/** Whether there is a state directory that can be looked over. */
export type RootCheck = { readonly kind: 'none' | 'unreadable' | 'there'; readonly findings: readonly Finding[] };

/** Looks at the state directory. A link in its place is followed, as everywhere. */
export async function checkRoot(state: StateLayout): Promise<RootCheck> {
  let stats: Awaited<ReturnType<typeof stat>>;
  try {
    stats = await stat(state.root);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { kind: 'none', findings: [] };
    if (systemCode(error) === null) throw error;
    const found = finding('permission', 'unreadable', (error as Error).message, { file: state.root });
    return { kind: 'unreadable', findings: [found] };
  }
  if (!stats.isDirectory()) {
    const found = finding('damage', 'no_folder', 'is no directory', { file: state.root });
    return { kind: 'unreadable', findings: [found] };
  }
  const findings: Finding[] = [];
  const verdict = judgeDirectory(state.root, stats, process.geteuid?.() ?? null);
  if (verdict.kind === 'permission') {
    const { message, help } = verdict;
    findings.push(finding('permission', 'permission', message, { file: state.root, help }));
  } else if (!(await lstat(state.root)).isSymbolicLink())
    await lookAt(state.root, null, (found) => findings.push(found));
  return { kind: 'there', findings };
}

/** Looks at what lies beside the runs. @param now milliseconds since the epoch. */
export async function checkFolders(state: StateLayout, now: number): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const add = (found: Finding): void => {
    findings.push(found);
  };
  for (const { name, path } of await pathsIn(state.root)) {
    const entry = await lookAt(path, null, add);
    if (entry?.kind !== 'file' || now - entry.changedMs < YOUNG_MS) continue;
    if (isTemporaryName(name) || DRAFT.test(name)) add(leftover(path, 'a file that was never finished'));
  }
  findings.push(...(await checkTrash(state)));
  return findings;
}

async function checkTrash(state: StateLayout): Promise<readonly Finding[]> {
  const owners = observeOwners();
  const findings: Finding[] = [];
  for (const run of await trashIn(state)) {
    const file = trashPath(state, run);
    if (await owners.isLive(`${file}/lock`)) continue;
    const mend = {
      what: 'remove it',
      apply: async () => !(await removeTrash(state)).some((left) => basename(left) === basename(file)),
    };
    findings.push(finding('note', 'trash', 'what is left of a run that was deleted', { file, run, mend }));
  }
  return findings;
}

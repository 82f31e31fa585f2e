/** The whole state directory, looked over. */

import { guarded } from '../problem.ts';
import type { StateLayout } from '../layout.ts';
import { runIdsOnDisk } from '../listing.ts';
import { observeOwners } from '../liveness.ts';
import type { Remover } from '../removals.ts';
import { checkTickets } from '../tickets/checkup.ts';
import { type Finding, finding } from './finding.ts';
import { deployedFolder } from '../deployed-flows.ts';
import { checkDeployments, checkVars } from './deployments.ts';
import { checkFolders, checkRoot } from './folders.ts';
import { checkListing } from './listing.ts';
import { checkMessages } from './messages.ts';
import { checkRun, type RunCheck } from './run.ts';

/** What a look found. */
export interface StateCheck {
  /** False: there is no state directory, or none that can be read. */
  readonly isThere: boolean;
  readonly runs: readonly RunCheck[];
  readonly findings: readonly Finding[];
}

/** Runs that are looked at together, with one look at the kernel's locks. */
const BATCH = 16;

/**
 * Looks a state directory over. Neither locks nor writes, but for the momentary locks that readers in containers need.
 * @param now milliseconds since the epoch. @param remover who mends, should somebody.
 */
export async function checkState(state: StateLayout, now: number, remover: Remover): Promise<StateCheck> {
  const root = await checkRoot(state);
  if (root.kind !== 'there') return { isThere: false, runs: [], findings: root.findings };
  const findings = [...root.findings];
  const part = async (file: string, look: () => Promise<readonly Finding[]>): Promise<void> => {
    const looked = await guarded(file, look);
    if (looked.ok) findings.push(...looked.value);
    else findings.push(finding('warning', 'unreadable', 'cannot be looked at', { file }));
  };
  await part(state.root, () => checkFolders(state, now));
  const runs: RunCheck[] = [];
  await part(state.runs, async () => {
    const ids = [...(await runIdsOnDisk(state))].reverse();
    for (let from = 0; from < ids.length; from += BATCH) {
      const around = { state, owners: observeOwners(), now, remover };
      runs.push(...(await Promise.all(ids.slice(from, from + BATCH).map((id) => checkRun(around, id)))));
    }
    return runs.flatMap((run) => run.findings);
  });
  await part(state.open, () => checkListing(state, runs));
  await part(state.root, () => checkTickets(state));
  await part(state.root, () => checkMessages(state));
  await part(deployedFolder(state), () => checkDeployments(state, now));
  await part(state.root, () => checkVars(state));
  return { isThere: true, runs, findings };
}

/** The newest instant that any run recorded, milliseconds since the epoch; null without one. */
export function newestInstant(runs: readonly RunCheck[]): number | null {
  const instants = runs.flatMap(({ row: { finished_at, started_at } }) => {
    const at = Date.parse(finished_at ?? started_at ?? '');
    return Number.isNaN(at) ? [] : [at];
  });
  return instants.length === 0 ? null : Math.max(...instants);
}

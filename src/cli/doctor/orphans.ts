/** Processes of runs that nobody owns any more: by their token, and by what was recorded of them. */

import type { RunId } from '../../base/ids.ts';
import { isSameProcess } from '../../process/identity.ts';
import { findEveryTagged } from '../../process/sweep.ts';
import { stepsOf } from '../../process/token.ts';
import { type Finding, finding } from '../../store/checkup/finding.ts';
import { type RunCheck, whileFree } from '../../store/checkup/run.ts';
import { runLayout, type StateLayout } from '../../store/layout.ts';
import { readRunFolder } from '../../store/run-reading.ts';
import { treeSteps } from '../../store/sub-runs.ts';
import { endEarlierLife, endTagged, recordedProcesses } from '../earlier-life.ts';
import type { Session } from '../session.ts';

/** Looks for them. */
export async function checkOrphans(
  session: Session,
  state: StateLayout,
  runs: readonly RunCheck[],
): Promise<readonly Finding[]> {
  const known = new Map(runs.map((run) => [run.id, run]));
  const found = new Map<RunId, Set<number>>();
  const add = (run: RunId, pid: number): void => {
    found.set(run, (found.get(run) ?? new Set()).add(pid));
  };
  for (const { pid, token } of await findEveryTagged()) {
    // The innermost one that has an owner of its own: a run inside of one that goes on may be dead.
    const run = stepsOf(token).findLast((step) => known.has(step.run))?.run;
    if (run !== undefined && known.get(run)?.kind !== 'live') add(run, pid);
  }
  for (const { id, record } of runs) {
    if (record === null) continue;
    for (const identity of recordedProcesses(await treeSteps(runLayout(state, { id, root: id }), record))) {
      if (isSameProcess(identity)) add(id, identity.pid);
    }
  }
  return [...found].map(([run, pids]) => orphans(session, state, run, [...pids]));
}

function orphans(session: Session, state: StateLayout, run: RunId, pids: readonly number[]): Finding {
  const layout = runLayout(state, { id: run, root: run });
  const apply = (): Promise<boolean> =>
    whileFree(layout, async () => {
      const { record } = await readRunFolder(layout);
      if (record === null) return endTagged(session, run);
      return (await endEarlierLife(session, { record, layout })) !== null;
    });
  const many = pids.length === 1 ? 'a process of it lives' : `${pids.length} processes of it live`;
  const message = `nobody owns the run, and ${many}: ${pids.join(', ')}`;
  return finding('warning', 'orphans', message, { run, mend: { what: 'end them', apply } });
}

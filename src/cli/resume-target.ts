/** Which run `flowctl resume` means. */

import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isFlowName } from '../base/ids.ts';
import type { RunState } from '../model/view.ts';
import { listRuns } from '../store/listing.ts';
import { type RunPlace, type StateLayout, stateLayout } from '../store/layout.ts';
import { StateError } from '../store/problem.ts';
import { readRun, resolveRun } from '../store/runs.ts';
import { EXIT } from './exit-codes.ts';
import { fileOf } from './flow-reference.ts';
import { loadOrComplain } from './flow-file.ts';
import type { GlobalOptions, Session } from './session.ts';
import { stateToRead, statePath } from './state-directory.ts';

/** A run to go on with. */
export interface ResumeTarget {
  readonly state: StateLayout;
  readonly place: RunPlace;
}

/**
 * Finds the run. What cannot be resumed, or need not be, is said here, with its exit code; the answer is null then.
 * @param asked true when steps were asked for by name, so that a run that succeeded may run again.
 */
export async function findResumable(
  session: Session,
  options: GlobalOptions,
  text: string | undefined,
  asked: boolean,
): Promise<ResumeTarget | null> {
  if (text !== undefined && (text === 'last' || (/^\d/.test(text) && !existsSync(text)))) {
    const state = stateToRead(session, options);
    const found = await resolveRun(state, text);
    if (!found.ok) throw new StateError(found.error);
    const place = rootOf(session, found.value);
    return asked || (await isUnfinished(session, state, place)) ? { state, place } : null;
  }
  if (text === undefined) return latest(session, stateToRead(session, options), undefined, asked);
  if (existsSync(fileOf(text))) {
    const loaded = await loadOrComplain(session, text);
    if (loaded === null) return null;
    const state = stateLayout(statePath(session, options, dirname(resolve(fileOf(text)))));
    return latest(session, state, loaded.definition.name, asked);
  }
  if (isFlowName(text)) return latest(session, stateToRead(session, options), text, asked);
  session.complain(`no run, flow file or flow \`${text}\``, '`flowctl runs` lists the runs');
  session.exit(EXIT.not_found);
  return null;
}

/** A sub-run goes on with its root: it lives in that one's process, and what it yields is for a step of it. */
function rootOf(session: Session, { id, root }: RunPlace): RunPlace {
  if (id !== root) session.mention(`run ${id} is part of run ${root}: resuming that one`);
  return { id: root, root };
}

async function isUnfinished(session: Session, state: StateLayout, place: RunPlace): Promise<boolean> {
  const run = await readRun(state, place);
  if (!run.ok) throw new StateError(run.error);
  if (run.value.problem !== null) throw new StateError(run.value.problem);
  if (run.value.record?.ending?.state !== 'succeeded') return true;
  session.mention(`run ${place.id} succeeded: nothing to do`);
  return false;
}

const stateClause = (state: RunState): string =>
  state === 'failed' || state === 'crashed' ? `which ${state}` : `which is ${state}`;

async function latest(
  session: Session,
  state: StateLayout,
  flow: string | undefined,
  asked: boolean,
): Promise<ResumeTarget | null> {
  const unfinished = await listRuns(state, { flow, unfinished: true }, Date.now());
  if (!unfinished.ok) throw new StateError(unfinished.error);
  const newest = await listRuns(state, { flow, limit: 1 }, Date.now());
  if (!newest.ok) throw new StateError(newest.error);
  // One that goes on needs nobody; when there is no other, it is named all the same, and found busy.
  const idle = unfinished.value.find((run) => run.state !== 'running' && run.state !== 'cancelling');
  const row = idle ?? unfinished.value[0] ?? (asked ? newest.value[0] : undefined);
  const which = flow === undefined ? '' : ` of ${flow}`;
  if (row !== undefined) {
    session.mention(`resuming run ${row.id} of ${row.flow ?? 'an unknown flow'}, ${stateClause(row.state)}`);
    return { state, place: { id: row.id, root: row.id } };
  }
  if (newest.value.length === 0) {
    session.complain(`there are no runs${which} in ${state.root}`, 'start one: flowctl run <flow>');
    session.exit(EXIT.not_found);
  } else session.mention(`no run${which} is unfinished: nothing to do`);
  return null;
}

/** What an earlier life of a run left behind. Asked by whoever holds the run's lock and is about to begin another life. */

import type { RunId } from '../base/ids.ts';
import type { EventBody, ProcessIdentity } from '../model/event.ts';
import { systemClock } from '../process/clock.ts';
import { endOrphans } from '../process/orphans.ts';
import type { ResumableRun } from '../store/resume.ts';
import { type TreeStep, treeSteps } from '../store/sub-runs.ts';
import { EXIT } from './exit-codes.ts';
import type { Session } from './session.ts';

/** A wait that is longer than this is explained. */
const PATIENCE_MS = 300;

/**
 * Ends the processes of the earlier life, those of sub-runs too: holding the run's lock proves that nobody watches them, and no step starts beside its own
 * orphan.
 * @param hurry when it is aborted, nothing is waited for any longer: KILL now.
 * @returns whom it ended; null when some refuse: all is said and the exit code is set (75).
 */
export async function endEarlierLife(
  session: Session,
  { record, layout }: Pick<ResumableRun, 'record' | 'layout'>,
  hurry?: AbortSignal,
): Promise<readonly number[] | null> {
  const identities = recordedProcesses(await treeSteps(layout, record));
  return endAll(session, record.id, { identities, graceMs: record.settings.grace_ms, hurry });
}

/** The processes that these steps had when nothing more was recorded of them. */
export const recordedProcesses = (steps: readonly TreeStep[]): readonly ProcessIdentity[] =>
  steps.flatMap(({ step: { phase } }) =>
    phase.kind === 'running' && phase.attempt.process !== null ? [phase.attempt.process] : [],
  );

/** From asking to killing, for what is left of a run that tells no more how long its steps may take. */
const DEFAULT_GRACE_MS = 5_000;

/** The same for a run of which nothing can be read. @returns false when some refuse. */
export const endTagged = async (session: Session, run: RunId): Promise<boolean> =>
  (await endAll(session, run, { identities: [], graceMs: DEFAULT_GRACE_MS, hurry: undefined })) !== null;

async function endAll(
  session: Session,
  run: RunId,
  how: {
    readonly identities: readonly ProcessIdentity[];
    readonly graceMs: number;
    readonly hurry: AbortSignal | undefined;
  },
): Promise<readonly number[] | null> {
  const clock = systemClock();
  const takeBack = clock.after(PATIENCE_MS, () =>
    session.mention('ending what the earlier life of the run left running'),
  );
  const { ended, left } = await endOrphans(run, { clock, ...how });
  takeBack();
  if (left.length === 0) return ended;
  session.complain(
    `run ${run}: processes of its earlier life refuse to end: ${left.join(', ')}`,
    'end them, then try again',
  );
  session.exit(EXIT.busy);
  return null;
}

/** The warning that a torn tail was cut off the journal, to be recorded; nothing when there was none. */
export function tornWarning({ torn }: ResumableRun): EventBody[] {
  if (torn === null) return [];
  const message = `the journal's last record was cut short; what was left of it is kept as ${torn.kept}`;
  return [{ type: 'warning.raised', step: null, attempt: null, code: 'journal_tail_torn', message }];
}

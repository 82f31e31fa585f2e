/** A `flowctl` that was started inside a step: its runs are children of that step, where both are of one project. */

import { lstat } from 'node:fs/promises';
import { parseRunId, recordedStepKey, type RunId } from '../base/ids.ts';
import type { RunRecord } from '../model/run.ts';
import { TOKEN_VARIABLE } from '../process/token.ts';
import { runLayout, type StateLayout } from '../store/layout.ts';
import type { Session } from './session.ts';

/**
 * The step that this program was started in.
 * @param state the state directory of the run that is to begin; a step of another project is none of its business.
 * @returns null outside of any step.
 */
export async function outerStep({ environment }: Session, state: StateLayout): Promise<RunRecord['parent']> {
  const run = parseRunId(environment['FLOWCTL_RUN_ID'] ?? '');
  const step = environment['FLOWCTL_STEP'] ?? '';
  if (run === null || step === '') return null;
  const chain = runsOf(environment[TOKEN_VARIABLE] ?? '');
  // Variables alone may have been copied; the token is that of the processes of the step.
  if (chain.at(-1) !== run) return null;
  for (const root of chain) {
    const { journal } = runLayout(state, { id: run, root });
    if ((await lstat(journal).catch(() => null)) !== null) return { run, step: recordedStepKey(step) };
  }
  return null;
}

/** The runs that a token names, outermost first. */
const runsOf = (token: string): readonly RunId[] =>
  token.split(';').flatMap((element) => parseRunId(element.split('/')[0] ?? '') ?? []);

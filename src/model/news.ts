/** What there is to say of a run to somebody who is told of it while its handlers run. */

import type { StepKey } from '../base/ids.ts';
import { isSettled, type RunRecord, type StepRecord } from './run.ts';

/** What of a run is looked at. */
export interface ToldRun extends Pick<RunRecord, 'cancellation'> {
  readonly steps: ReadonlyMap<StepKey, Pick<StepRecord, 'key' | 'phase' | 'parent' | 'role'>>;
}

const hasFailed = ({ phase }: Pick<StepRecord, 'phase'>): boolean => phase.kind === 'failed' && !phase.tolerated;

/** The steps of the flow that failed and were not allowed to, in their order; not their items and members, for which they stand. */
export const failedSteps = ({ steps }: Pick<ToldRun, 'steps'>): readonly StepKey[] =>
  [...steps.values()]
    .filter((step) => step.parent === null && step.role === 'step' && hasFailed(step))
    .map(({ key }) => key);

/**
 * How a run stands: `running` while steps of the flow are not settled, and then what it is about to end as.
 * @returns `failed`: see `failedSteps`.
 */
export function runNews(run: ToldRun): { readonly state: string; readonly failed: readonly string[] } {
  const failed = failedSteps(run);
  const { cancellation } = run;
  if (cancellation !== null) {
    const { by, signal } = cancellation;
    const isTimedOut = signal === null && by.kind === 'policy' && by.policy === 'timeout';
    return { state: isTimedOut ? 'failed' : 'cancelled', failed };
  }
  const steps = [...run.steps.values()];
  if (steps.some(({ role, phase }) => role !== 'handler' && !isSettled(phase))) return { state: 'running', failed };
  const isFailing = failed.length > 0 || steps.some((step) => step.role === 'handler' && hasFailed(step));
  return { state: isFailing ? 'failed' : 'succeeded', failed };
}

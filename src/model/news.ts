/** What there is to say of a run to somebody who is told of it while its handlers run. */

import type { StepKey } from '../base/ids.ts';
import { HANDLER_PHASES } from './policies.ts';
import { isSettled, type RunRecord, type StepRecord } from './run.ts';

const HANDLER_KEY = new RegExp(`(?:^|/)(?:${HANDLER_PHASES.join('|')})\\[\\d+\\]$`);

/** What of a run is looked at. */
export interface ToldRun extends Pick<RunRecord, 'cancellation'> {
  readonly steps: ReadonlyMap<StepKey, Pick<StepRecord, 'key' | 'phase'>>;
}

/**
 * How a run stands, its handlers left out: `running` while steps are not settled, and then what it is about to end as. `failed`: the
 * keys of the steps that failed and were not allowed to, in their order.
 */
export function runNews(run: ToldRun): { readonly state: string; readonly failed: readonly string[] } {
  let isRunning = false;
  const failed: string[] = [];
  for (const { key, phase } of run.steps.values()) {
    if (HANDLER_KEY.test(key)) continue;
    if (!isSettled(phase)) isRunning = true;
    else if (phase.kind === 'failed' && !phase.tolerated) failed.push(key);
  }
  const ended = failed.length > 0 ? 'failed' : 'succeeded';
  return { state: run.cancellation !== null ? 'cancelled' : isRunning ? 'running' : ended, failed };
}

/** What remains when every step is settled: ending what the steps left running, and evaluating what the run yields. */

import type { Json } from '../base/json.ts';
import type { EventBody } from '../model/event.ts';
import type { Failure } from '../model/outcome.ts';
import type { Executor } from './ports.ts';
import { evaluateOutputs } from './request.ts';
import type { ScopeSource } from './scope.ts';

/** The end of a run, but for its record. */
export interface WoundUp {
  /** What is to be recorded of processes that outlived the steps. */
  readonly leftovers: readonly EventBody[];
  readonly outputs: Json;
  /** Why the outputs could not be evaluated. */
  readonly error: Failure | null;
}

/**
 * Winds a run up.
 * @param yields false when a step failed: such a run has no outputs.
 */
export async function windUp(source: ScopeSource, executor: Executor, yields: boolean): Promise<WoundUp> {
  const { ended, left } = await executor.reapRun();
  const leftovers: EventBody[] = [];
  if (ended.length > 0) {
    leftovers.push({ type: 'processes.reaped', when: 'run_end', step: null, attempt: null, pids: ended });
  }
  if (left.length > 0) {
    const message = `processes of this run refuse to end: ${left.join(', ')}`;
    leftovers.push({ type: 'warning.raised', step: null, attempt: null, code: 'processes_left', message });
  }
  if (!yields) return { leftovers, outputs: null, error: null };
  const outputs = await evaluateOutputs(source);
  return outputs.ok
    ? { leftovers, outputs: outputs.value, error: null }
    : { leftovers, outputs: null, error: outputs.error };
}

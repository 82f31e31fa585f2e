/** What remains when every step is settled: ending what the steps left running, and evaluating what the run yields. */

import type { Json } from '../base/json.ts';
import { ok } from '../base/result.ts';
import type { EventBody } from '../model/event.ts';
import type { Failure, OutputsRef } from '../model/outcome.ts';
import type { Executor } from './ports.ts';
import { evaluateOutputs } from './request.ts';
import type { ScopeSource } from './scope.ts';

/** The end of a run, but for its record. */
export interface WoundUp {
  /** What is to be recorded of processes that outlived the steps. */
  readonly leftovers: readonly EventBody[];
  readonly outputs: OutputsRef | null;
  /** Why the outputs could not be evaluated. */
  readonly error: Failure | null;
}

/**
 * Winds a run up.
 * @param yields false for a run that did not succeed: it has no outputs. @param returned what its function returned; null: it has none.
 * @param hurry aborted when nothing is to be waited for any longer.
 * @throws {Error} when the outputs cannot be kept.
 */
export async function windUp(
  source: ScopeSource,
  executor: Executor,
  { yields, returned }: { readonly yields: boolean; readonly returned: { readonly value: Json } | null },
  hurry: AbortSignal,
): Promise<WoundUp> {
  const { ended, left } = await executor.reapRun(hurry);
  const leftovers: EventBody[] = [];
  if (ended.length > 0) {
    leftovers.push({ type: 'processes.reaped', when: 'run_end', step: null, attempt: null, pids: ended });
  }
  if (left.length > 0) {
    const message = `processes of this run refuse to end: ${left.join(', ')}`;
    leftovers.push({ type: 'warning.raised', step: null, attempt: null, code: 'processes_left', message });
  }
  if (!yields) return { leftovers, outputs: null, error: null };
  const outputs = returned === null ? await evaluateOutputs(source) : ok(returned.value);
  if (!outputs.ok) return { leftovers, outputs: null, error: outputs.error };
  return { leftovers, outputs: outputs.value === null ? null : await source.outputs.store(outputs.value), error: null };
}

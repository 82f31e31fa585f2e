/** The concurrency group of a run: what runs share in order to count together, known before anything of the run begins. */

import type { Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { deepReads, evaluateDeep } from '../expressions/expressions.ts';
import type { ConcurrencyPolicy } from '../model/policies.ts';
import { collectScope, type ScopeSource } from './scope.ts';
import { asText } from './work.ts';

/**
 * The policy of a run with its group evaluated.
 * @returns null where the flow has none; the sentence is why the group has no value.
 */
export function concurrencyOf(source: ScopeSource): Result<ConcurrencyPolicy | null, string> {
  const { concurrency } = source.plan.flow;
  if (concurrency === null) return ok(null);
  const reads = deepReads(concurrency.group);
  const scope = collectScope(source, reads, { node: null, attempt: null });
  // No step can be named here, so nothing is read from disk.
  if (scope instanceof Promise) return err('`concurrency`: its group depends on what steps yield');
  const group: Result<Json, { readonly message: string }> = evaluateDeep(concurrency.group, scope);
  if (!group.ok) return err(`\`concurrency\`: ${group.error.message}`);
  return ok({ ...concurrency, group: asText(group.value) });
}

/** How the items of a called map ended, for the library has hooks to call for each. */

import type { Json } from '../base/json.ts';
import type { StepRecord } from '../model/run.ts';
import { type Eventually, recordedValue, type ScopeSource } from './scope.ts';
import { outcomeOf } from './script-outcome.ts';
import type { ItemOutcome } from './script-ports.ts';

/**
 * The items of a map that have ended, in order. Undefined where that says nothing more than the map's outputs: all succeeded, or the
 * step is no map.
 */
export function itemEnds(
  source: ScopeSource,
  { call, children }: StepRecord,
): Eventually<readonly ItemOutcome[]> | undefined {
  if (call?.kind !== 'map' || children === null) return undefined;
  const records = children.map((key) => source.run.steps.get(key));
  if (records.every((record) => record?.phase.kind === 'succeeded')) return undefined;
  const ended = records.flatMap((record, index) => {
    const kind = record?.phase.kind;
    if (record === undefined || (kind !== 'succeeded' && kind !== 'failed')) return [];
    const endWith = (outputs: Json): ItemOutcome => ({ ...outcomeOf(record, outputs), index });
    const outputs = recordedValue(source, record.outputs);
    return [outputs instanceof Promise ? outputs.then(endWith) : endWith(outputs)];
  });
  return ended.some((end) => end instanceof Promise) ? Promise.all(ended) : (ended as readonly ItemOutcome[]);
}

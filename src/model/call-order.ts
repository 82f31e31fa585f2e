/** Which end a call of a flow function was made upon: outcomes are told one at a time, so what it does next follows from the last of them. */

import type { StepKey } from '../base/ids.ts';
import type { RunRecord } from './run.ts';

/**
 * For every call the one that had ended last when it was made, of those by the same caller; calls that waited for nothing are absent. Where
 * several were waited for it is the last of them.
 */
export function madeUpon({ steps }: Pick<RunRecord, 'steps'>): ReadonlyMap<StepKey, StepKey> {
  const moments = new Map<StepKey | null, Moment[]>();
  for (const { key, call, settled_at } of steps.values()) {
    if (call === null) continue;
    const own = moments.get(call.caller) ?? [];
    moments.set(call.caller, own);
    own.push({ at: call.made_at ?? call.seq, made: key });
    if (settled_at !== null) own.push({ at: settled_at, ended: key });
  }
  const found = new Map<StepKey, StepKey>();
  for (const own of moments.values()) {
    own.sort((one, other) => one.at - other.at);
    let last: StepKey | null = null;
    for (const moment of own) {
      if ('ended' in moment) last = moment.ended;
      else if (last !== null) found.set(moment.made, last);
    }
  }
  return found;
}

type Moment = { readonly at: number } & ({ readonly made: StepKey } | { readonly ended: StepKey });

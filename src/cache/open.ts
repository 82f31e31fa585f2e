/** Reuse in one run, of which nothing is loaded before the first step that has to do with it. */

import type { AttemptRequest, Reuse } from '../engine/ports.ts';
import type { Outcome } from '../model/outcome.ts';
import type { ResultKeeper } from './keeper.ts';
import type { ReuseOptions } from './reuse.ts';

/** Both sides of reuse: what the engine asks, and what stands around attempts. */
export interface OpenedReuse {
  readonly reuse: Reuse;
  readonly results: {
    begin(request: AttemptRequest): Promise<string | null>;
    conclude(
      request: AttemptRequest,
      success: Extract<Outcome, { readonly kind: 'succeeded' }>,
      warn: (message: string) => void,
    ): Promise<Outcome>;
  };
}

/**
 * Opens reuse for a run. Nothing is read or written yet.
 * @param noteOf the path at which it is noted how the files of a step are when an attempt begins.
 */
export function openReuse(options: ReuseOptions, noteOf: (step: AttemptRequest['step']) => string): OpenedReuse {
  let opened: Promise<{ readonly earlier: Reuse; readonly keeper: ResultKeeper }> | null = null;
  const load = async () => {
    const [{ EarlierResults }, { resultKeeper }] = await Promise.all([import('./reuse.ts'), import('./keeper.ts')]);
    const earlier = new EarlierResults(options);
    return { earlier, keeper: resultKeeper(earlier) };
  };
  const open = () => {
    opened ??= load();
    return opened;
  };
  return {
    reuse: { lookup: async (request) => (await open()).earlier.lookup(request) },
    results: {
      begin: async (request) => (await open()).keeper.begin(request, noteOf(request.step)),
      conclude: async (request, success, warn) =>
        (await open()).keeper.conclude(request, noteOf(request.step), success, warn),
    },
  };
}

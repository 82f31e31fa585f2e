/** Reuse in one run, of which nothing is loaded before the first step that has to do with it. */

import { existsSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
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

/** What is to run whatever results are recorded. */
export interface FreshWish {
  readonly noCache: boolean;
  /** Steps, with all that is in them. */
  readonly force: readonly string[];
  /** The same for steps that a person asked for again when the run was resumed. Default: none. */
  readonly again?: readonly string[];
}

/**
 * What tells a flow from others of its project: its file, relative to the project, so that the project may be moved.
 * @param stateRoot the state directory. @param file absolute, as the state directory is.
 */
export const scopeIn = (stateRoot: string, file: string): string => relative(dirname(stateRoot), file);

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

const DAY_MS = 86_400_000;

/**
 * Called when a run has ended: removes what nobody used for long, at most once a day. Never rejects.
 * @param folder `.flowctl/cache`; absolute. @param now milliseconds since the epoch.
 */
export async function pruneNowAndThen(folder: string, now: number): Promise<void> {
  try {
    if (!existsSync(join(folder, 'steps')) && !existsSync(join(folder, 'modules'))) return;
    const mark = join(folder, 'pruned');
    const last = await stat(mark).catch(() => null);
    if (last !== null && now - last.mtimeMs < DAY_MS) return;
    await writeFile(mark, '', { mode: 0o600 });
    const [{ removeKept, removeUnusedModules, UNUSED_MS }, { Records }] = await Promise.all([
      import('./housekeeping.ts'),
      import('./records.ts'),
    ]);
    const unusedSince = now - UNUSED_MS;
    await removeUnusedModules(join(folder, 'modules'), unusedSince);
    await removeKept(new Records(folder), { unusedSince }, now);
  } catch {
    // What is not removed today is removed another day.
  }
}

/**
 * `--output tree`: the live view of a run on a terminal. This room folds published events and draws what they say; it must not know
 * the engine, the store or a process: what steps printed last, the terminal and the time are handed in. Next: `progress` (the fold),
 * `layout` and `step-row` (which lines a frame has), `screen` (the bytes of a frame), `live-view` (when one is drawn).
 */

import type { RunId, StepKey } from '../../base/ids.ts';
import type { RunEvent } from '../../model/event.ts';
import type { RunRecord } from '../../model/run.ts';
import type { Observer } from '../hub.ts';
import { beneath } from '../part-of.ts';
import { createPlainObserver } from '../plain.ts';
import { LiveView, type LiveViewParts } from './live-view.ts';
import { LogEnds } from './log-ends.ts';
import { RunProgress } from './progress.ts';

/** What a tree is made from. */
export interface TreeOptions extends Omit<LiveViewParts, 'progress' | 'logEnds'> {
  readonly run: RunId;
  /** The run as it was when it is resumed; null for a new one. */
  readonly before: RunRecord | null;
  /** The last bytes of an attempt's log as text; null when there are none. */
  readonly logEnd: (step: StepKey, attempt: number) => string | null;
}

/** A live view. */
export interface Tree {
  readonly observer: Observer;
  /** What hears of a sub-run. @param before as it was when it is continued. */
  member(prefix: StepKey, run: RunId, before: RunRecord | null): Observer;
  /** Prints whole lines above the view: what else has to be said on this terminal. */
  above(text: string): void;
  /** Leaves the last state on the screen. Never rejects. Nothing is drawn afterwards. */
  close(): Promise<void>;
}

/** Shows a run from now on, until it is closed. */
export function createTree(options: TreeOptions): Tree {
  const { run, before, clock, logEnd, paint, broken } = options;
  const progress = new RunProgress(run, before, clock.monotonic());
  const view = new LiveView({ ...options, progress, logEnds: new LogEnds(logEnd) });
  const warnings = createPlainObserver(run, (line) => view.above(line), paint);
  let over = (): void => {};
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  // Nobody waits for the library to be loaded: the run goes on meanwhile.
  const shown = import('./listr-renderer.ts')
    .then(({ showWithListr }) => showWithListr(`run ${run}`, view, ended))
    .catch(broken);
  return {
    observer: {
      name: 'tree',
      observe(event) {
        progress.observe(event, clock.monotonic());
        if (isWarning(event)) warnings.observe(event);
      },
    },
    member: (prefix, member, since) => ({
      name: 'tree',
      observe(event) {
        progress.observeMember({ prefix, run: member, before: since }, event, clock.monotonic());
        const told = isWarning(event) ? beneath(prefix, event) : null;
        if (told !== null) warnings.observe(told);
      },
    }),
    above: (text) => view.above(text),
    async close() {
      over();
      await shown;
      view.end();
    },
  };
}

/** What a line of the view cannot say. */
const isWarning = ({ type }: RunEvent): boolean => type === 'warning.raised' || type === 'processes.reaped';

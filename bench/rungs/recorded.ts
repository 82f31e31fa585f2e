/** What it costs to read a long run back, and to go on with it. */

import { statSync } from 'node:fs';
import { parseRunId } from '../../src/base/ids.ts';
import { recover } from '../../src/engine/recover.ts';
import { makePlan } from '../../src/engine/plan.ts';
import { createRun } from '../../src/store/create.ts';
import { type RunLayout, runLayout, stateLayout } from '../../src/store/layout.ts';
import { openState } from '../../src/store/open.ts';
import { openForResume } from '../../src/store/resume.ts';
import { readRunFolder } from '../../src/store/run-reading.ts';
import { definition, type Shape } from '../flows.ts';
import { liveInstantly, RUN } from '../instant.ts';
import type { Prepared } from '../rung.ts';
import { eventsOf } from './scheduling.ts';

const PLACE = { id: RUN, root: RUN };
/** Events that are awaited together while the run is made. */
const BATCH = 1_000;

/** Makes a run of which half the steps have succeeded when its owner dies. Figures: its events, and what its files hold. */
export function recordRun(folder = '', shape = '', size = ''): Prepared {
  return {
    async work() {
      const flow = definition(shape as Shape, Number(size));
      const [started, ...events] = eventsOf(shape, size, Number(size) / 2);
      const state = await openState(folder);
      if (!state.ok || started?.type !== 'run.started') throw new Error('the state cannot be made');
      const run = { id: RUN, definition: flow, started, version: '0' };
      const made = await createRun(state.value, run);
      if (!made.ok) throw new Error(JSON.stringify(made.error));
      const { journal, layout } = made.value;
      for (let from = 0; from < events.length; from += BATCH) await journal.append(events.slice(from, from + BATCH));
      await made.value.close(null);
      return { events: events.length + 1, journalBytes: statSync(layout.journal).size };
    },
  };
}

const layoutIn = (folder: string): RunLayout => runLayout(stateLayout(folder), PLACE);

/** Reads and folds its journal. Figure: events. */
export function replayRun(folder = ''): Prepared {
  return {
    async work() {
      const { record, problem } = await readRunFolder(layoutIn(folder));
      if (record === null || problem !== null) throw new Error(problem?.kind ?? 'no record');
      return { events: record.seq };
    },
  };
}

/**
 * Goes on with it, with attempts that end as soon as they begin and a journal on the disk. Figures: milliseconds until it is read and
 * checked, and until the first attempt of the new life is on disk; how many there were.
 */
export function resumeRun(folder = ''): Prepared {
  return {
    async work() {
      const began = performance.now();
      const opened = await openForResume(stateLayout(folder), PLACE);
      if (!opened.ok) throw new Error(opened.error.kind);
      const { record: run, frozen, journal } = opened.value;
      const openedMs = performance.now() - began;
      const flow = frozen.definition;
      const done = [...run.steps.values()].filter(({ phase }) => phase.kind === 'succeeded').length;
      const opening = recover(run, makePlan(flow), {
        by: { kind: 'user', name: 'bench', host: 'bench' },
        settings: run.settings,
        params: {},
        revision: 1,
        flow_hash: run.flow_hash,
        again: [],
        reaped: [],
      });
      let firstMs: number | null = null;
      let started = 0;
      const publish = (events: readonly { readonly type: string }[]): void => {
        for (const { type } of events) {
          if (type !== 'attempt.started') continue;
          firstMs ??= performance.now() - began;
          started += 1;
        }
      };
      await liveInstantly({ run, flow, journal, hub: { publish }, opening });
      await opened.value.close(run);
      if (firstMs === null || started !== flow.steps.length - done || parseRunId(run.id) === null) {
        throw new Error(`${started} steps were started, ${flow.steps.length - done} were left`);
      }
      return { openedMs, firstMs, started };
    },
  };
}

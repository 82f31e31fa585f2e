/** Where candidates come from. Every source answers with what it finds, never with an error, and makes nothing. */

import { existsSync } from 'node:fs';
import { loadFlow } from '../../load/load.ts';
import { withoutControls } from '../../observers/terminal-filter.ts';
import { listRuns } from '../../store/listing.ts';
import type { StateLayout } from '../../store/layout.ts';
import { latestUnfinished, readRun, resolveRun } from '../../store/runs.ts';
import { treeSteps } from '../../store/sub-runs.ts';
import { askedApprovals, isOpen, messageOf } from '../approvals.ts';
import { COMMANDS } from '../command-table.ts';

/** Something that could stand at the cursor. */
export interface Candidate {
  readonly value: string;
  /** A few words about it, for shells that show them. */
  readonly about?: string;
}

/** What can be asked for; `files` and `folders` are found by the shell itself. */
export type Source =
  | 'files'
  | 'folders'
  | 'runs'
  | 'unfinished_runs'
  | 'flows'
  /** Steps of the flow file that was typed, else of the run that was typed, else of the last run. */
  | 'steps'
  /** Steps of the run that was typed that wait for a person. */
  | 'questions'
  /** What `help` knows. */
  | 'topics'
  | readonly string[];

/** What the sources look at. */
export interface Surroundings {
  readonly state: StateLayout;
  /** The operands that were typed before. */
  readonly operands: readonly string[];
  /** Wall clock, milliseconds since the epoch. */
  readonly now: number;
}

const MOST_RUNS = 50;

/** Asks a source. */
export async function candidatesFrom(source: Source, around: Surroundings): Promise<readonly Candidate[]> {
  if (typeof source !== 'string') return source.map((value) => ({ value }));
  switch (source) {
    case 'files':
    case 'folders':
      return [];
    case 'runs':
      return [{ value: 'last', about: 'the newest run' }, ...(await runs(around, false))];
    case 'unfinished_runs':
      return runs(around, true);
    case 'flows':
      return flows(around);
    case 'steps':
      return (await steps(around)).map((value) => ({ value }));
    case 'questions':
      return questions(around);
    case 'topics':
      return [...COMMANDS.map(({ name }) => name), 'exit-codes'].map((value) => ({ value }));
  }
}

async function runs({ state, now }: Surroundings, unfinished: boolean): Promise<readonly Candidate[]> {
  const rows = await listRuns(state, { limit: MOST_RUNS, unfinished }, now);
  if (!rows.ok) return [];
  return rows.value.map(({ id, flow, state: runState, started_at }) => ({
    value: id,
    about: withoutControls([flow ?? 'unknown flow', runState, started_at ?? ''].join(', ')),
  }));
}

async function flows({ state, now }: Surroundings): Promise<readonly Candidate[]> {
  const rows = await listRuns(state, { limit: MOST_RUNS }, now);
  if (!rows.ok) return [];
  const names = rows.value.flatMap(({ flow }) => (flow === null ? [] : [flow]));
  return [...new Set(names)].map((value) => ({ value, about: 'a flow that ran' }));
}

async function steps({ state, operands, now }: Surroundings): Promise<readonly string[]> {
  const [first] = operands;
  if (first !== undefined && existsSync(first)) {
    const flow = await loadFlow(first);
    return flow.kind === 'loaded' ? flow.definition.steps.map(({ id }) => id) : [];
  }
  const place = await runMeant(state, first, now);
  if (place === null) return [];
  const run = await readRun(state, place);
  if (!run.ok || run.value.record === null) return [];
  return (await treeSteps(run.value.layout, run.value.record)).map(({ key }) => key);
}

async function questions({ state, operands, now }: Surroundings): Promise<readonly Candidate[]> {
  const place = await runMeant(state, operands[0], now);
  const run = place === null ? null : await readRun(state, place);
  if (run === null || !run.ok || run.value.record === null) return [];
  const asked = await askedApprovals(run.value.layout, run.value.record);
  return asked.filter(isOpen).map((each) => ({ value: each.key, about: withoutControls(messageOf(each.step)) }));
}

async function runMeant(state: StateLayout, text: string | undefined, now: number) {
  if (text !== undefined && !/^\d/.test(text) && text !== 'last') {
    const row = await latestUnfinished(state, now, text);
    return row.ok && row.value !== null ? { id: row.value.id, root: row.value.id } : null;
  }
  const place = await resolveRun(state, text ?? 'last');
  return place.ok ? place.value : null;
}

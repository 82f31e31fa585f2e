/** The line of one step: its sign, its name, a time, and what is worth knowing beside it. */

import { formatDuration } from '../../base/duration.ts';
import { assertNever } from '../../base/result.ts';
import type { StepRecord } from '../../model/run.ts';
import type { StepState } from '../../model/view.ts';
import { skipSentence } from '../plain.ts';
import { withoutControls } from '../terminal-filter.ts';
import { aligned, cutText, padded, type Row, type Segment, segment } from './row.ts';
import type { Standing } from './progress.ts';
import { elapsed, movingSign, remaining, type Scene } from './scene.ts';

/** Columns of the cell with the time; longer times push the rest aside. */
const TIME_COLUMNS = 6;
/** In a narrower terminal names and times are not lined up. */
const NARROW_COLUMNS = 40;
const WIDEST_NAME = 32;
/** A message longer than any terminal is wide need not be looked at character by character. */
const LONGEST_MESSAGE = 1_000;

/** How far a name is moved in, and the columns of the longest one with that. */
export interface NamePlace {
  readonly depth: number;
  readonly nameColumns: number;
}

/** The parts of a line that differ by state. */
interface Cells {
  readonly state: StepState;
  readonly sign?: string;
  readonly time: string;
  readonly details: Row;
}

/** The line of a step as it stands now. Uncut: it may be wider than the terminal. @param place where its name stands; default: not moved in. */
export function stepRow(step: StepRecord, scene: Scene, place?: NamePlace): Row {
  const { state, sign, time, details: own } = cellsOf(step, scene);
  const details = [...itemsCell(step, scene), ...own];
  const { sign: still, tone } = scene.look(state);
  const name: Segment = segment(
    nameCell(step.key, scene, place ?? { depth: 0, nameColumns: scene.progress.keyColumns }),
    state === 'pending' || state === 'skipped' ? 'faint' : state === 'running' ? 'strong' : 'plain',
  );
  const row = [segment(`${sign ?? still} `, tone), name];
  const isNarrow = scene.columns < NARROW_COLUMNS;
  if (time === '' && details.length === 0) return row;
  if (!isNarrow || time !== '') {
    row.push(segment(`  ${isNarrow ? time : aligned(time, TIME_COLUMNS)}`, state === 'retrying' ? 'odd' : 'faint'));
  }
  for (const detail of details) row.push(segment('  '), detail);
  return row;
}

function nameCell(key: string, { columns }: Scene, { depth, nameColumns }: NamePlace): string {
  const widest = Math.max(8, Math.min(WIDEST_NAME, Math.floor(columns * 0.45)));
  const isNarrow = columns < NARROW_COLUMNS;
  const name = cutText(`${isNarrow ? '' : '  '.repeat(depth)}${key}`, widest);
  return isNarrow ? name : padded(name, Math.min(nameColumns, widest));
}

function cellsOf(step: StepRecord, scene: Scene): Cells {
  const { phase } = step;
  switch (phase.kind) {
    case 'pending':
      return { state: 'pending', time: '', details: [] };
    case 'running':
    case 'undecided':
      return runningCells(step, scene);
    case 'open':
      return { state: 'running', time: '', details: [] };
    case 'queued':
      return { state: 'queued', time: '', details: [segment(`waits for ${phase.resources.join(', ')}`, 'odd')] };
    case 'retrying': {
      const dueMs = scene.progress.retrying.get(step.key)?.atMs ?? scene.nowMs;
      const details = [segment(`attempt ${phase.attempt}`, 'odd'), ...messageOf(step.attempts.at(-1)?.error?.message)];
      const time = scene.isFinal ? '' : `in ${remaining(dueMs - scene.nowMs)}`;
      return { state: 'retrying', time, details };
    }
    case 'waiting':
      return { state: 'waiting', time: '', details: waitingCells(step, phase.for) };
    case 'succeeded': {
      const details = phase.reused ? [segment('reused', 'faint')] : attemptCell(step.attempts.length);
      return { state: 'succeeded', time: tookOf(step), details };
    }
    case 'failed': {
      const { error, tolerated } = phase;
      const message = messageOf(error?.message ?? 'failed', tolerated ? 'odd' : 'bad');
      const details = [...(tolerated ? [segment('tolerated', 'odd')] : attemptCell(step.attempts.length)), ...message];
      return { state: 'failed', time: tookOf(step), details };
    }
    case 'skipped':
      return { state: 'skipped', time: '', details: [segment(skipSentence(phase.reason), 'faint')] };
    case 'cancelled':
      return { state: 'cancelled', time: tookOf(step), details: [segment('cancelled', 'odd')] };
    default:
      return assertNever(phase, 'phase');
  }
}

/** Of a map: how many of its items are done, and how many failed. */
function itemsCell({ key, children }: StepRecord, { progress }: Scene): Row {
  const count = (standing: Standing): number => progress.itemCount(key, standing);
  const all = children?.length ?? 0;
  const done = DONE.reduce((sum, standing) => sum + count(standing), 0);
  if (all === 0 || ALL.every((standing) => count(standing) === 0)) return [];
  const failed = count('failed') + count('tolerated');
  return [
    segment(`${done.toLocaleString('en')}/${all.toLocaleString('en')}`),
    ...(failed === 0 ? [] : [segment(`${failed.toLocaleString('en')} failed`, count('failed') > 0 ? 'bad' : 'odd')]),
  ];
}

const DONE: readonly Standing[] = ['succeeded', 'failed', 'tolerated', 'skipped', 'cancelled'];
const ALL: readonly Standing[] = [...DONE, 'pending', 'running', 'retrying', 'waiting'];

/** What a person is asked; of anything else what kind of thing is waited for. */
function waitingCells({ question }: StepRecord, what: keyof typeof WAITS): Row {
  const message = question?.['message'];
  const row = [segment(`waits for ${WAITS[what]}`, 'odd')];
  return what === 'approval' && typeof message === 'string' ? [...row, ...messageOf(message)] : row;
}

const WAITS = {
  time: 'a time',
  condition: 'a condition',
  approval: 'a person',
  iteration: 'its next iteration',
} as const;

function runningCells(step: StepRecord, scene: Scene): Cells {
  const begun = scene.progress.running.get(step.key);
  const attempt = step.attempts.at(-1)?.number ?? 1;
  const line = scene.isFinal ? null : scene.lastLine(step.key, attempt);
  return {
    state: 'running',
    sign: movingSign(scene, scene.look('running').sign),
    time: begun === undefined || scene.isFinal ? '' : elapsed(scene.nowMs - begun.atMs),
    details: [...attemptCell(attempt), ...(line === null ? [] : [segment(line, 'faint')])],
  };
}

const attemptCell = (attempt: number): Row => (attempt > 1 ? [segment(`attempt ${attempt}`, 'odd')] : []);

const messageOf = (message: string | undefined, tone: 'faint' | 'bad' | 'odd' = 'faint'): Row =>
  message === undefined ? [] : [segment(withoutControls(message.slice(0, LONGEST_MESSAGE)), tone)];

/** How long the last attempt took. */
function tookOf(step: StepRecord): string {
  const took = step.attempts.at(-1)?.duration_ms;
  return took === undefined || took === null ? '' : formatDuration(took);
}

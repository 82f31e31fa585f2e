/**
 * Which lines a frame has. Where every step has a line of its own on the screen, a checklist in the order of the file; else a digest:
 * what runs (oldest first), what waits for another try, what failed, and a line with the counts of everything. Pure: the same scene
 * gives the same lines, and work that does not grow with the number of steps.
 */

import type { StepRecord } from '../../model/run.ts';
import type { RunState } from '../../model/view.ts';
import type { RunProgress, Standing } from './progress.ts';
import { fitted, type Row, type Segment, segment } from './row.ts';
import { elapsed, movingSign, type Scene } from './scene.ts';
import { stepRow } from './step-row.ts';

/** Characters of a run's id that tell it from any other run of the last years: its time in milliseconds. */
const SHORT_ID = 10;
const BAR_COLUMNS = 24;
/** In a narrower terminal the counts have no bar before them. */
const NARROW_COLUMNS = 60;

/** The lines of a frame: at most a screenful less the line on which the cursor rests, each a column short of the screen's width. */
export function layout(scene: Scene): readonly Row[] {
  const { progress } = scene;
  const columns = Math.max(1, scene.columns - 1);
  const room = Math.max(1, scene.rows - 1);
  const { record } = progress;
  if (record === null) return [];
  const isChecklist = progress.total + 1 <= room;
  const rows = isChecklist
    ? [header(scene), ...[...record.steps.values()].map((step) => indented(stepRow(step, scene)))]
    : digest(scene, room);
  return rows.map((row) => fitted(row, columns));
}

const indented = (row: Row): Row => [segment('  '), ...row];

function header(scene: Scene): Row {
  const { progress, nowMs, isFinal } = scene;
  const { record } = progress;
  if (record === null) return [];
  const ended = record.ending?.state;
  const still = endSign(scene, ended);
  const row: Segment[] = [
    segment(`${movingSign(scene, still.text)} `, isFinal ? still.tone : 'strong'),
    segment(record.flow, 'strong'),
    segment(`  ${isFinal ? record.id : record.id.slice(0, SHORT_ID)}`, 'faint'),
  ];
  if (isFinal) return row;
  row.push(segment(`  ${progress.settled}/${progress.total}`));
  const time = elapsed(nowMs - (progress.startedMs ?? nowMs));
  if (time !== '') row.push(segment(`  ${time}`, 'faint'));
  const { cancellation } = record;
  if (cancellation !== null) {
    const { signal, signals } = cancellation;
    const what = signal === null ? 'cancelling' : `${signal}: ending`;
    row.push(segment(`  ${what}${signals > 1 ? ' at once' : signals === 1 ? ', again to end at once' : ''}`, 'odd'));
  }
  return row;
}

function endSign({ look }: Scene, state: RunState | undefined): Segment {
  const shown = state === 'succeeded' || state === 'failed' || state === 'cancelled' ? look(state) : look('running');
  return segment(shown.sign, shown.tone);
}

/** A group of lines of the digest, of which the first or the last are shown when there is no room for all. */
interface Group {
  readonly size: number;
  readonly what: string;
  readonly rows: (most: number) => Iterable<StepRecord>;
}

function digest(scene: Scene, room: number): readonly Row[] {
  const { progress } = scene;
  const failed: Group = { size: progress.failed.size, what: 'failed', rows: (most) => last(progress.failed, most) };
  const groups: readonly Group[] = scene.isFinal
    ? [failed]
    : [
        { size: progress.running.size, what: 'running', rows: (most) => first(progress.running, most) },
        {
          size: progress.retrying.size,
          what: 'waiting to be tried again',
          rows: (most) => first(progress.retrying, most),
        },
        failed,
      ];
  const shares = sharesOf(
    groups.map(({ size }) => size),
    Math.max(0, room - 2),
  );
  const rows: Row[] = [header(scene)];
  groups.forEach(({ size, what, rows: choose }, index) => {
    const share = shares[index] ?? 0;
    if (share === 0) return;
    const shown = size > share ? share - 1 : share;
    for (const step of choose(shown)) rows.push(indented(stepRow(step, scene)));
    if (shown < size) rows.push([segment(`  + ${(size - shown).toLocaleString('en')} more ${what}`, 'faint')]);
  });
  if (room > 1) rows.push(countsRow(scene));
  return rows;
}

/**
 * Divides lines among groups: the later groups, which are the smaller ones in a run that goes well, may have a quarter each before
 * the first takes what is left; what that one does not need is theirs.
 */
export function sharesOf(sizes: readonly number[], room: number): readonly number[] {
  const shares = sizes.map((size, index) => (index === 0 ? 0 : Math.min(size, Math.floor(room / 4))));
  let left = room - shares.reduce((sum, share) => sum + share, 0);
  sizes.forEach((size, index) => {
    const more = Math.min(left, size - (shares[index] ?? 0));
    shares[index] = (shares[index] ?? 0) + more;
    left -= more;
  });
  return shares;
}

function* first(steps: ReadonlyMap<string, { readonly step: StepRecord }>, most: number): Iterable<StepRecord> {
  let left = most;
  for (const { step } of steps.values()) {
    if (left <= 0) return;
    left -= 1;
    yield step;
  }
}

function* last(steps: ReadonlyMap<string, StepRecord>, most: number): Iterable<StepRecord> {
  let before = steps.size - most;
  for (const step of steps.values()) {
    before -= 1;
    if (before < 0) yield step;
  }
}

const COUNTED: readonly (readonly [Standing, string])[] = [
  ['succeeded', 'succeeded'],
  ['failed', 'failed'],
  ['tolerated', 'failed but tolerated'],
  ['skipped', 'skipped'],
  ['cancelled', 'cancelled'],
  ['running', 'running'],
  ['retrying', 'retrying'],
  ['waiting', 'waiting'],
  ['pending', 'pending'],
];

function countsRow(scene: Scene): Row {
  const { progress } = scene;
  const row: Segment[] = scene.columns < NARROW_COLUMNS ? [] : [...bar(progress), segment('  ')];
  COUNTED.filter(([standing]) => progress.count(standing) > 0).forEach(([standing, word], index) => {
    if (index > 0) row.push(segment(', ', 'faint'));
    row.push(segment(`${progress.count(standing).toLocaleString('en')} ${word}`, toneOf(scene, standing)));
  });
  return [segment('  '), ...row];
}

function toneOf({ look }: Scene, standing: Standing): Segment['tone'] {
  if (standing === 'tolerated' || standing === 'retrying') return 'odd';
  return look(standing).tone;
}

/** Shares of a bar: what went well, what failed, what will not run, and the rest. */
function bar(progress: RunProgress): Row {
  const { total } = progress;
  const good = progress.count('succeeded') + progress.count('tolerated');
  const bad = good + progress.count('failed');
  const ends = [good, bad, progress.settled, total].map((count) =>
    total === 0 ? 0 : Math.floor((count / total) * BAR_COLUMNS),
  );
  const tones = ['good', 'bad', 'odd', 'faint'] as const;
  return tones.map((tone, index) => {
    const columns = (ends[index] ?? 0) - (ends[index - 1] ?? 0);
    return segment((tone === 'faint' ? '─' : '━').repeat(columns), tone);
  });
}

/**
 * Which lines a frame has. Where every step that people know by name has a line of its own on the screen, a checklist (`checklist`); else
 * a digest: what runs (oldest first), what waits for another try, what failed, maps, and a line with the counts of everything. Pure: the same scene
 * gives the same lines, and no frame walks over all steps of a large run.
 */

import type { StepRecord } from '../../model/run.ts';
import { withoutControls } from '../terminal-filter.ts';
import type { RunState, StepState } from '../../model/view.ts';
import { checklist } from './checklist.ts';
import type { RunProgress, Standing } from './progress.ts';
import { fitted, type Row, rowColumns, type Segment, segment, type Tone } from './row.ts';
import { elapsed, movingSign, type Scene } from './scene.ts';
import { stepRow } from './step-row.ts';

/** Characters of a run's id that tell it from any other run of the last years: its time in milliseconds. */
const SHORT_ID = 10;
const BAR_COLUMNS = 24;
/** In a narrower terminal the header has no bar. */
const BAR_FROM_COLUMNS = 60;
/** In a narrower one it has no id either, and nothing is moved in. */
const WIDE_FROM_COLUMNS = 40;

/** The lines of a frame: at most a screenful less the line on which the cursor rests, each a column short of the screen's width. */
export function layout(scene: Scene): readonly Row[] {
  const { progress } = scene;
  const columns = Math.max(1, scene.columns - 1);
  const room = Math.max(1, scene.rows - 1);
  const { record } = progress;
  if (record === null) return [];
  const isChecklist = progress.named.size + 1 <= room;
  const isWhole = progress.total + 1 <= room;
  const rows = isChecklist
    ? [header(scene, isWhole ? [] : barFor(scene)), ...checklist(scene, room - 1).map((row) => indented(row, scene))]
    : digest(scene, room);
  return rows.map((row) => fitted(row, columns));
}

const grouped = (count: number): string => count.toLocaleString('en');

const indented = (row: Row, { columns }: Scene): Row => (columns < WIDE_FROM_COLUMNS ? row : [segment('  '), ...row]);

function header(scene: Scene, progressBar: Row): Row {
  const { progress, nowMs, isFinal } = scene;
  const { record } = progress;
  if (record === null) return [];
  const ended = record.ending?.state;
  const still = endSign(scene, ended);
  const row: Segment[] = [
    segment(`${movingSign(scene, still.text)} `, isFinal ? still.tone : 'strong'),
    segment(record.flow, 'strong'),
  ];
  if (isFinal) return [...row, segment(`  ${record.id}`, 'faint')];
  if (scene.columns >= WIDE_FROM_COLUMNS) row.push(segment(`  ${record.id.slice(0, SHORT_ID)}`, 'faint'));
  if (progressBar.length > 0) row.push(segment('  '), ...progressBar);
  row.push(segment(`  ${grouped(progress.settled)}/${grouped(progress.total)}`));
  const time = elapsed(nowMs - (progress.startedMs ?? nowMs));
  if (time !== '') row.push(segment(`  ${time}`, 'faint'));
  const { cancellation, queued_for } = record;
  if (queued_for !== null && cancellation === null)
    row.push(segment(`  waits for others of ${withoutControls(queued_for)}`, 'odd'));
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
        { size: progress.openMaps.size, what: 'maps', rows: (most) => last(progress.openMaps, most) },
      ];
  const shares = sharesOf(
    groups.map(({ size }) => size),
    Math.max(0, room - 2),
  );
  const rows: Row[] = [header(scene, barFor(scene))];
  groups.forEach(({ size, what, rows: choose }, index) => {
    const share = shares[index] ?? 0;
    if (share === 0) return;
    const shown = size > share ? share - 1 : share;
    for (const step of choose(shown)) rows.push(indented(stepRow(step, scene), scene));
    if (shown < size) rows.push(indented([segment(`+ ${grouped(size - shown)} more ${what}`, 'faint')], scene));
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

/** The counts in words; where those do not fit, with the signs of the states. */
function countsRow(scene: Scene): Row {
  const counted = COUNTED.filter(([standing]) => scene.progress.count(standing) > 0);
  const row = (between: string, write: (count: string, standing: Standing, word: string) => string): Row =>
    counted.flatMap(([standing, word], index) => {
      const text = write(grouped(scene.progress.count(standing)), standing, word);
      return [segment(index === 0 ? '' : between, 'faint'), segment(text, toneOf(scene, standing))];
    });
  const words = indented(
    row(', ', (count, _, word) => `${count} ${word}`),
    scene,
  );
  if (rowColumns(words) < scene.columns) return words;
  const signs = row('  ', (count, standing) => `${scene.look(stateOf(standing)).sign} ${count}`);
  return indented(signs, scene);
}

const stateOf = (standing: Standing): StepState => (standing === 'tolerated' ? 'failed' : standing);

const toneOf = ({ look }: Scene, standing: Standing): Tone => (standing === 'tolerated' ? 'odd' : look(standing).tone);

const barFor = ({ columns, progress }: Scene): Row => (columns < BAR_FROM_COLUMNS ? [] : bar(progress));

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

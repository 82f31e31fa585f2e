/** `flowctl runs` for people: one line per run. */

import { formatDuration } from '../base/duration.ts';
import type { RunRow } from '../model/view.ts';
import { withoutControls } from '../observers/terminal-filter.ts';
import { runTone } from './states.ts';
import type { Style } from './style.ts';
import { type Cell, table } from './table.ts';

/** Prints rows under a headline; a sentence when there are none. @param parents true: with the run that each belongs to. */
export function runsText(rows: readonly RunRow[], style: Style, parents: boolean): string {
  if (rows.length === 0) return 'no runs\n';
  const isNamed = rows.some(({ name }) => hasName(name));
  const names = [
    'run',
    ...(parents ? ['part of'] : []),
    'flow',
    ...(isNamed ? ['name'] : []),
    'state',
    'started',
    'took',
    'steps',
  ];
  const head = names.map((text): Cell => ({ text, paint: style.faint }));
  return table([head, ...rows.map((row) => cellsOf(row, style, { parents, isNamed }))]);
}

// A row of an index that an earlier version wrote has no such member.
const hasName = (name: string | null | undefined): name is string => typeof name === 'string';

function cellsOf(
  row: RunRow,
  style: Style,
  { parents, isNamed }: { readonly parents: boolean; readonly isNamed: boolean },
): readonly Cell[] {
  return [
    { text: row.id },
    ...(parents ? [{ text: row.parent ?? '' }] : []),
    { text: row.flow ?? '?' },
    ...(isNamed ? [{ text: hasName(row.name) ? withoutControls(row.name) : '' }] : []),
    { text: row.timed_out ? `${row.state} (timed out)` : row.state, paint: runTone(style, row.state) },
    { text: row.started_at?.replace(/\.\d+Z$/, 'Z') ?? '' },
    { text: row.duration_ms === null ? '' : formatDuration(row.duration_ms), align: 'right' },
    { text: row.problem === undefined ? stepsOf(row) : `${row.problem.code}: ${row.problem.message}` },
  ];
}

function stepsOf({ steps }: RunRow): string {
  const { total, succeeded, failed, skipped } = steps;
  const parts = [`${succeeded}/${total}`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return parts.join(', ');
}

/** The steps of a run as `flowctl show` prints them: one per line, members and items moved in beneath what they belong to. */

import { formatDuration } from '../base/duration.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import type { RunDetail, StepView } from '../model/view.ts';
import { skipSentence } from '../observers/plain.ts';
import { withoutControls } from '../observers/terminal-filter.ts';
import { byWhom } from './actor.ts';
import { stepSign, stepTone } from './states.ts';
import type { Style } from './style.ts';
import { type Cell, table } from './table.ts';

/** How the steps are printed. */
export interface StepTableOptions {
  readonly style: Style;
  /** True: every item of every map. Else a large map is summed up, and of its items those that went well are left out. */
  readonly all: boolean;
}

/** A map of more items is summed up. */
const MOST_ITEMS = 20;
const LONGEST_ITEM = 60;

/** The table of steps. */
export function stepTable(run: RunDetail, options: StepTableOptions): string {
  const known = new Set<string>(run.steps.map(({ key }) => key));
  const children = new Map<string, StepView[]>();
  const top: StepView[] = [];
  for (const step of run.steps) {
    const { parent } = step;
    if (parent === null || !known.has(parent)) top.push(step);
    else children.set(parent, [...(children.get(parent) ?? []), step]);
  }
  const rows: (readonly Cell[])[] = [];
  const print = (step: StepView, depth: number): void => {
    const beneath = children.get(step.key) ?? [];
    const items = beneath.filter(({ role }) => role === 'item');
    rows.push(rowOf(step, { items, depth, run, style: options.style }));
    const shown = options.all || items.length <= MOST_ITEMS ? items : items.filter(isTrouble).slice(0, MOST_ITEMS);
    const kept = new Set(shown);
    for (const child of beneath) if (child.role !== 'item' || kept.has(child)) print(child, depth + 1);
    const hidden = items.length - shown.length;
    if (hidden > 0) rows.push(moreRow(hidden, depth + 1, run, options.style));
  };
  for (const step of top) print(step, 0);
  return table(rows);
}

/** What one looks for among many: not what went well, and not what has not begun. */
const isTrouble = ({ state }: StepView): boolean => state !== 'succeeded' && state !== 'pending' && state !== 'skipped';

interface RowContext {
  /** Of a map. */
  readonly items: readonly StepView[];
  readonly depth: number;
  readonly run: RunDetail;
  readonly style: Style;
}

const moved = (depth: number, text: string): string => `${'  '.repeat(depth)}${text}`;

function rowOf(step: StepView, { items, depth, run, style }: RowContext): readonly Cell[] {
  const remarks = [
    ...(items.length === 0 ? [] : [countsOf(items)]),
    ...(step.call?.run_name ? [withoutControls(step.call.run_name)] : []),
    ...(step.role === 'item' ? itemOf(step) : []),
    ...remarksOf(step, run),
  ];
  return [
    { text: stepSign(step.state), paint: stepTone(style, step.state) },
    { text: moved(depth, step.key) },
    { text: wordOf(step), paint: stepTone(style, step.state) },
    { text: step.duration_ms === null ? '' : formatDuration(step.duration_ms), align: 'right' },
    { text: remarks.join(', '), paint: style.faint },
  ];
}

function moreRow(hidden: number, depth: number, run: RunDetail, style: Style): readonly Cell[] {
  const text = moved(depth, `and ${hidden} more`);
  const help = `flowctl show ${run.id} --all`;
  return [{ text: '' }, { text, paint: style.faint }, { text: '' }, { text: '' }, { text: help, paint: style.faint }];
}

function countsOf(items: readonly StepView[]): string {
  const counts = new Map<string, number>();
  for (const item of items) {
    const word = item.tolerated ? 'failed but tolerated' : wordOf(item);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const parts = [...counts].map(([word, count]) => `${count} ${word}`);
  return `${items.length} item${items.length === 1 ? '' : 's'}: ${parts.join(', ')}`;
}

/** What an item stands for, where its key does not say it. */
function itemOf({ item, key }: StepView): readonly string[] {
  if (item === null) return [];
  const text = isJsonObject(item)
    ? Object.entries(item)
        .map(([name, value]) => `${name}=${inShort(value)}`)
        .join(' ')
    : inShort(item);
  const cut = withoutControls(text.length > LONGEST_ITEM ? `${text.slice(0, LONGEST_ITEM - 1)}…` : text);
  return key.endsWith(`[${cut}]`) ? [] : [cut];
}

const inShort = (value: Json | undefined): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, LONGEST_ITEM + 1);

function wordOf(step: StepView): string {
  if (step.timed_out) return 'timed out';
  if (step.tolerated) return 'failed, tolerated';
  return step.cached ? 'reused' : step.state;
}

function remarksOf(step: StepView, run: RunDetail): readonly string[] {
  if (step.skip_reason !== null) return [skipSentence(step.skip_reason)];
  if (step.why !== null) return [withoutControls(step.why)];
  const remarks: string[] = [];
  if (step.attempts.length > 1) remarks.push(`${step.attempts.length} attempts`);
  const last = step.attempts.at(-1);
  if (last?.outcome === 'lost') {
    const isLeft = last.error?.code === 'left_waiting';
    remarks.push(isLeft ? 'its sub-flow was left waiting' : 'lost: flowctl ended while it ran');
  }
  const message = step.question?.['message'];
  if (step.state === 'waiting' && typeof message === 'string') {
    remarks.push(`${withoutControls(message)} (flowctl approve ${run.id} ${step.key})`);
  } else if (step.retry_due !== null) {
    remarks.push(step.state === 'waiting' ? `until ${step.retry_due}` : `next attempt at ${step.retry_due}`);
  }
  if (step.answer !== null) remarks.push(withoutControls(answerOf(step.answer)));
  return remarks;
}

function answerOf({ approved, by, comment }: NonNullable<StepView['answer']>): string {
  const how = `${approved ? 'approved' : 'rejected'} ${byWhom(by)}`;
  return comment === null ? how : `${how}: ${comment}`;
}

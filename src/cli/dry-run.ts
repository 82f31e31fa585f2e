/** `run --dry-run`: what would run, in order, and why the rest would not. Nothing is started, nothing is written. */

import { basename } from 'node:path';
import type { JsonObject } from '../base/json.ts';
import type { MapDefinition } from '../model/action.ts';
import { topologicalOrder } from '../model/graph.ts';
import type { FlowDefinition, StepDefinition } from '../model/flow.ts';
import { withoutControls } from '../observers/terminal-filter.ts';
import type { Prediction } from './predict-reuse.ts';
import type { SelectedSteps } from './selection.ts';
import type { Session } from './session.ts';
import { type Cell, table } from './table.ts';

type Verdict = readonly [word: string, why: string, paint: (text: string) => string];

/**
 * Prints the plan of a run.
 * @param predict says which recorded results would stand for steps, by the steps' numbers; null: all is said, and nothing is printed.
 */
export async function dryRun(
  session: Session,
  { name, steps }: FlowDefinition,
  paramsFor: (run: JsonObject) => Promise<JsonObject | null>,
  select: (params: JsonObject) => Promise<SelectedSteps | null>,
  predict: (params: JsonObject, selection: SelectedSteps) => Promise<ReadonlyMap<number, Prediction> | null>,
): Promise<void> {
  const now = new Date().toISOString();
  const params = await paramsFor({ id: null, started_at: now, scheduled_for: now, previous_scheduled_for: null });
  if (params === null) return;
  const selection = await select(params);
  if (selection === null) return;
  const predictions = await predict(params, selection);
  if (predictions === null) return;
  const { style, stdout } = session;
  const rows = [...topologicalOrder(selection.plan.graph)].flatMap((index): (readonly Cell[])[] => {
    const step = steps[index];
    return step === undefined ? [] : [rowOf(step, selection, index, predictions, style)];
  });
  const shown = Object.entries(params).map(([param, value]) => `${param}=${JSON.stringify(value)}`);
  stdout.write(`${style.strong(name)}${shown.length === 0 ? '' : ` with ${withoutControls(shown.join(' '))}`}\n`);
  if (rows.length === 0) stdout.write('a function: its steps are known when it has run\n');
  await stdout.writeAll(table(rows));
}

function rowOf(
  step: StepDefinition,
  selection: SelectedSteps,
  index: number,
  predictions: ReadonlyMap<number, Prediction>,
  style: Session['style'],
): readonly Cell[] {
  const [word, why, paint] =
    predictedVerdict(predictions.get(index), step, style) ?? verdictOn(step, selection, index, style);
  return [{ text: step.id }, { text: word, paint }, { text: why, paint: style.faint }];
}

function predictedVerdict(
  prediction: Prediction | undefined,
  { if: condition, inferred_needs: files }: StepDefinition,
  style: Session['style'],
): Verdict | null {
  if (prediction === undefined) return null;
  const { kind, why } = prediction;
  const paint = kind === 'reused' ? style.odd : style.good;
  const parts = [
    why,
    ...(files.length === 0 ? [] : [filesInWords(files)]),
    ...(condition === null ? [] : [`if ${condition}`]),
  ];
  return [kind.replace('_', ' '), parts.join('; '), paint];
}

// Needs that nobody wrote are never silent.
const filesInWords = (files: readonly string[]): string => `reads files of ${files.join(', ')}`;

function needsInWords({ needs, inferred_needs: files }: StepDefinition): string {
  const written = needs.filter((need) => !files.includes(need));
  if (files.length === 0) return written.length === 0 ? 'needs nothing' : `needs ${written.join(', ')}`;
  return [...(written.length === 0 ? [] : [`needs ${written.join(', ')}`]), filesInWords(files)].join('; ');
}

/** What is more to a step than one command or function. */
function kindInWords({ action, map, repeat }: StepDefinition): readonly string[] {
  const words: string[] = [];
  if (map !== null) words.push(mapInWords(map));
  if (action.kind === 'group') words.push(`a group of ${counted(action.steps.length, 'step')}`);
  else if (action.kind === 'flow') words.push(`the flow ${basename(action.flow)}`);
  else if (action.kind === 'approve') words.push('asks a person');
  else if (action.kind === 'wait') words.push('waits');
  if (repeat !== null) words.push(`repeated ${repeat.kind} ${repeat.condition}`);
  return words;
}

function mapInWords({ over }: MapDefinition): string {
  if (over.kind === 'matrix') return 'for each combination of a matrix';
  return Array.isArray(over.items) ? `for each of ${counted(over.items.length, 'item')}` : 'for each item of a list';
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function verdictOn(
  step: StepDefinition,
  { selected, borrowed, lender }: SelectedSteps,
  index: number,
  style: Session['style'],
): Verdict {
  if (selected.has(index)) {
    const parts = [...kindInWords(step), needsInWords(step), ...(step.if === null ? [] : [`if ${step.if}`])];
    return ['runs', parts.join('; '), style.good];
  }
  if (borrowed.referred.includes(step.id)) return ['reused', `its result in run ${lender?.id ?? ''}`, style.odd];
  if (borrowed.ordered.includes(step.id)) return ['reused', 'nothing refers to its result', style.odd];
  return ['skipped', 'not selected', style.faint];
}

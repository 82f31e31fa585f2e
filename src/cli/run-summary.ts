/** What is said when a run has ended. */

import { formatDuration } from '../base/duration.ts';
import type { StepKey } from '../base/ids.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import type { Failure } from '../model/outcome.ts';
import type { RunRecord, StepRecord } from '../model/run.ts';
import { withoutControls } from '../observers/terminal-filter.ts';
import { tail } from '../process/tail.ts';
import { logPath, type RunLayout } from '../store/layout.ts';
import { isBeneath, type TreeStep } from '../store/sub-runs.ts';
import { runTone } from './states.ts';
import type { Style } from './style.ts';

const TAIL_LINES = 10;
const TAIL_BYTES = 4_096;
const MOST_FAILURES = 5;
const LONGEST_VALUE = 500;

/** How a summary is printed. */
export interface SummaryOptions {
  readonly style: Style;
  /** Whether the last lines of the logs of what failed are part of it. */
  readonly logs: boolean;
  /** What the run yields, as it was read back. */
  readonly outputs: Json;
  /** Of the terminal that shows it; null where it is no terminal. */
  readonly columns: number | null;
  /** What the commands of its hints need to find this run from where the user stands; empty, or begins with a space. */
  readonly suffix: string;
  /** The steps of the run, and those of its sub-runs beneath theirs. */
  readonly tree: readonly TreeStep[];
}

/** What is said when a run has ended: what failed, the last lines of its log, and how to go on. */
export function summaryOf(
  layout: RunLayout,
  run: RunRecord,
  { style, logs, outputs, columns, suffix, tree }: SummaryOptions,
): string {
  const { ending } = run;
  if (ending === null) return '';
  const steps = [...run.steps.values()];
  const failed = rootCauses(tree, layout);
  const lines: string[] = [];
  for (const step of failed.slice(0, MOST_FAILURES))
    lines.push('', ...failureLines({ style, logs, suffix }, layout, step));
  if (failed.length > MOST_FAILURES)
    lines.push('', `and ${failed.length - MOST_FAILURES} more failed: flowctl show ${run.id}${suffix}`);
  if (ending.error !== null) {
    const message = `${style.bad('error')}: ${withoutControls(ending.error.message)}`;
    lines.push('', message, ...helpLines(style, ending.error));
  }
  lines.push(
    '',
    `${runTone(style, ending.state)(ending.state)}${ending.timed_out ? ' (timed out)' : ''} in ${[formatDuration(run.duration_ms), countsOf(steps)].filter((part) => part !== '').join(': ')}`,
  );
  if (isJsonObject(outputs)) {
    for (const [name, value] of Object.entries(outputs)) lines.push(outputLine(name, value, columns));
  } else if (outputs !== null) lines.push(outputLine('outputs', outputs, columns));
  if (ending.state !== 'succeeded' && ending.state !== 'skipped')
    lines.push(`to go on: flowctl resume ${run.id}${namedSteps(failed)}${suffix}`);
  return `${lines.join('\n')}\n`;
}

/** A value on one line, which is a line of the terminal for all that is no text; `show --json` has the whole of it. */
function outputLine(name: string, value: Json, columns: number | null): string {
  const label = `  ${withoutControls(name)}: `;
  const isText = typeof value === 'string';
  const room = columns === null || isText ? LONGEST_VALUE : Math.max(20, columns - label.length - 4);
  const text = withoutControls((isText ? value : JSON.stringify(value)).slice(0, room + 1));
  return `${label}${text.length > room ? `${text.slice(0, room)}...` : text}`;
}

/**
 * The steps that failed and were not allowed to; where one failed for the sake of others that are beneath it, in a sub-run, only those.
 * What failed beneath a step that was allowed to fail is none, but for a handler of the run itself, whose failure nothing allows.
 */
function rootCauses(tree: readonly TreeStep[], { place }: RunLayout): readonly TreeStep[] {
  const allowed = new Set<string>();
  for (const { key, step } of tree) if (step.phase.kind === 'failed' && step.phase.tolerated) allowed.add(key);
  const causes: TreeStep[] = [];
  let passedOver: string | null = null;
  let last: TreeStep | null = null;
  for (const each of tree) {
    const { child, phase, role } = each.step;
    const isOwnHandler = role === 'handler' && each.layout.place.id === place.id;
    // What is in a sub-run follows its step.
    const isPassedOver: boolean = passedOver !== null && isBeneath(each.key, passedOver);
    if (isPassedOver && !isOwnHandler) continue;
    if (!isPassedOver) passedOver = null;
    if (phase.kind === 'failed' && !phase.tolerated) {
      if (!isOwnHandler && isBeneathAny(each.key, allowed)) continue;
      if (last !== null && last.step.child !== null && isBeneath(each.key, last.key)) causes.pop();
      causes.push(each);
      last = each;
    } else if (child !== null && phase.kind !== 'failed') passedOver = each.key;
  }
  return causes;
}

/** True for a step in a map, a group or a sub-flow that is one of these, at any depth. */
function isBeneathAny(key: string, steps: ReadonlySet<string>): boolean {
  if (steps.size === 0) return false;
  for (let end = 1; end < key.length; end += 1) {
    if ((key[end] === '/' || key[end] === '[') && steps.has(key.slice(0, end))) return true;
  }
  return false;
}

/** Steps that only a person may start again have to be named. */
function namedSteps(failed: readonly TreeStep[]): string {
  const lost = failed.filter(({ step }) => step.phase.kind === 'failed' && step.phase.error?.code === 'lost_attempt');
  return lost.map(({ key }) => ` --from ${key}`).join('');
}

/** What to do about an expression without a value; the detail of any other failure is a stack, which the log has. */
function helpLines({ diagnostics }: Style, error: Failure | null): string[] {
  if (error?.code !== 'expression' || error.detail === undefined) return [];
  return [`  ${diagnostics.help('help')}: ${withoutControls(error.detail)}`];
}

function failureLines(
  { style, logs, suffix }: Pick<SummaryOptions, 'style' | 'logs' | 'suffix'>,
  { place }: RunLayout,
  { key, step, layout }: TreeStep,
): string[] {
  const { bad, faint } = style;
  const error = step.phase.kind === 'failed' ? step.phase.error : null;
  const attempt = step.attempts.at(-1);
  const message = `${bad(key)}: ${withoutControls(error?.message ?? 'failed')}`;
  const first = [message, ...helpLines(style, error)];
  if (attempt === undefined || step.child !== null) return first;
  const printed = lastLines(layout, step.key, attempt.number);
  if (printed.length === 0) return [...first, faint('  (it printed nothing)')];
  const shown = logs ? printed.map((line) => faint(`  ${line}`)) : [];
  return [...first, ...shown, faint(`  all of it: flowctl logs ${place.id} ${key}${suffix}`)];
}

/** The last lines of an attempt's log, fit for a terminal, after `...` where more stands before them; none when it is empty. */
export function lastLines(layout: RunLayout, step: StepKey, attempt: number): readonly string[] {
  const end = tail(logPath(layout, step, attempt), TAIL_LINES, TAIL_BYTES);
  if (end === null || end.text === '') return [];
  return [...(end.isCut ? ['...'] : []), ...end.text.split('\n').map(withoutControls)];
}

function wordFor(phase: StepRecord['phase']): string {
  if (phase.kind === 'failed' && phase.tolerated) return 'failed but tolerated';
  return phase.kind === 'succeeded' && phase.reused ? 'reused' : phase.kind;
}

function countsOf(steps: readonly StepRecord[]): string {
  const counts = new Map<string, number>();
  for (const { phase } of steps) {
    const word = wordFor(phase);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
}

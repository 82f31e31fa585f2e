/** `flowctl show` for people: the run, its steps one per line, and what went wrong. */

import { formatDuration } from '../base/duration.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import type { RunDetail, StepView } from '../model/view.ts';
import { skipSentence } from '../observers/plain.ts';
import { withoutControls } from '../observers/terminal-filter.ts';
import { byWhom } from './actor.ts';
import { runTone, stepSign, stepTone } from './states.ts';
import type { Style } from './style.ts';
import { type Cell, table } from './table.ts';

/** Prints a run. */
export function showText(run: RunDetail, style: Style): string {
  const lines = [
    `${style.strong(run.id)}  ${run.flow ?? 'unknown flow'}  ${runTone(style, run.state)(run.state)}${endingOf(run)}`,
    ...headFacts(run).map(([name, value]) => `${style.faint(name.padEnd(9))} ${value}`),
    '',
  ];
  const parts = [
    `${lines.join('\n')}\n`,
    stepTable(run.steps, style),
    ...run.steps.map((step) => troubleOf(step, style)),
  ];
  if (run.error !== null) parts.push(`\n${style.bad('error')}: ${withoutControls(run.error.message)}\n`);
  if (run.outputs !== null)
    parts.push(`\n${style.strong('outputs')}\n${indented(JSON.stringify(run.outputs, null, 2))}`);
  if (run.artifacts.length > 0) parts.push(`\n${style.strong('artifacts')}\n`, artifactTable(run.artifacts, style));
  for (const { step, message } of run.warnings) {
    parts.push(`\n${style.odd('warning')}: ${step === null ? '' : `${step}: `}${withoutControls(message)}\n`);
  }
  if (run.problem !== undefined) {
    const { code, message, file, offset } = run.problem;
    parts.push(`\n${style.bad(code)}: ${file}${offset === null ? '' : ` at byte ${offset}`}: ${message}\n`);
  }
  return parts.join('');
}

function endingOf(run: RunDetail): string {
  const code = run.exit_code === null ? '' : `, exit code ${run.exit_code}`;
  const took = run.duration_ms === null ? '' : ` in ${formatDuration(run.duration_ms)}`;
  return `${run.timed_out ? ' (timed out)' : ''}${took}${code}`;
}

function headFacts(run: RunDetail): readonly (readonly [string, string])[] {
  const facts: [string, string][] = [];
  if (run.name !== null) facts.push(['name', withoutControls(run.name)]);
  if (run.started_at !== null) facts.push(['started', run.started_at]);
  if (run.finished_at !== null) facts.push(['finished', run.finished_at]);
  if (run.resumes > 0) facts.push(['resumed', `${run.resumes} time${run.resumes === 1 ? '' : 's'}`]);
  if (run.cancellation !== null) {
    const { by, at, reason } = run.cancellation;
    facts.push(['cancelled', withoutControls(`${byWhom(by)}, ${at}${reason === null ? '' : `: ${reason}`}`)]);
  }
  if (run.parent !== null) facts.push(['part of', `run ${run.parent}`]);
  const params = Object.entries(run.params);
  if (params.length > 0) {
    facts.push([
      'params',
      params.map(([name, value]) => withoutControls(`${name}=${JSON.stringify(value)}`)).join(' '),
    ]);
  }
  if (run.durability !== 'full')
    facts.push(['durable', `${run.durability}: safe against kill -9, not against power loss`]);
  return facts;
}

function stepTable(steps: readonly StepView[], style: Style): string {
  return table(
    steps.map((step): Cell[] => [
      { text: stepSign(step.state), paint: stepTone(style, step.state) },
      { text: step.key },
      { text: wordOf(step), paint: stepTone(style, step.state) },
      { text: step.duration_ms === null ? '' : formatDuration(step.duration_ms), align: 'right' },
      { text: remarkOf(step), paint: style.faint },
    ]),
  );
}

const ARTIFACTS_SHOWN = 50;

/** Files by their paths, values in a few words: the whole of them is in `--json`. */
function artifactTable(artifacts: RunDetail['artifacts'], style: Style): string {
  const rows = artifacts
    .slice(0, ARTIFACTS_SHOWN)
    .map(({ step, name, kind, file, value }): Cell[] => [
      { text: `  ${step}` },
      { text: withoutControls(name) },
      { text: kind, paint: style.faint },
      { text: withoutControls(file ?? inWords(value ?? null)), paint: style.faint },
    ]);
  const more = artifacts.length - ARTIFACTS_SHOWN;
  return `${table(rows)}${more > 0 ? `  and ${more} more: flowctl show --json\n` : ''}`;
}

function inWords(value: Json): string {
  if (Array.isArray(value)) return `${value.length} row${value.length === 1 ? '' : 's'}`;
  if (isJsonObject(value)) return String(value['url']);
  const [first = ''] = String(value).trim().split('\n');
  return first.length > 60 ? `${first.slice(0, 59)}…` : first;
}

function wordOf(step: StepView): string {
  if (step.timed_out) return 'timed out';
  if (step.tolerated) return 'failed, tolerated';
  return step.cached ? 'reused' : step.state;
}

function remarkOf(step: StepView): string {
  if (step.skip_reason !== null) return skipSentence(step.skip_reason);
  if (step.why !== null) return step.why;
  const remarks: string[] = [];
  if (step.attempts.length > 1) remarks.push(`${step.attempts.length} attempts`);
  if (step.attempts.at(-1)?.outcome === 'lost') remarks.push('lost: flowctl ended while it ran');
  if (step.retry_due !== null) remarks.push(`next attempt at ${step.retry_due}`);
  return remarks.join(', ');
}

function troubleOf(step: StepView, style: Style): string {
  if (step.error === null) return '';
  const detail = step.error.detail === undefined ? '' : indented(step.error.detail);
  return `\n${style.bad(step.key)}: ${withoutControls(step.error.message)}\n${detail}`;
}

const indented = (text: string): string =>
  text
    .split('\n')
    .map((line) => `  ${withoutControls(line)}\n`)
    .join('');

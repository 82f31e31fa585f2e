/** `flowctl show` for people: the run, its steps one per line, and what went wrong. */

import { formatDuration } from '../base/duration.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import type { RunDetail, StepView } from '../model/view.ts';
import { withoutControls } from '../observers/terminal-filter.ts';
import { byWhom } from './actor.ts';
import { stepTable } from './show-steps.ts';
import { runTone } from './states.ts';
import type { Style } from './style.ts';
import { type Cell, table } from './table.ts';

/** Prints a run. @param all true: every item of every map. */
export function showText(run: RunDetail, style: Style, all: boolean): string {
  const lines = [
    `${style.strong(run.id)}  ${withoutControls(run.flow ?? 'unknown flow')}  ${runTone(style, run.state)(run.state)}${endingOf(run)}`,
    ...headFacts(run).map(([name, value]) => `${style.faint(name.padEnd(9))} ${value}`),
    '',
  ];
  const parts = [`${lines.join('\n')}\n`, stepTable(run, { style, all }), ...troubles(run, style, all)];
  if (run.error !== null) parts.push(`\n${style.bad('error')}: ${withoutControls(run.error.message)}\n`);
  if (run.outputs !== null) parts.push(`\n${style.strong('outputs')}\n${indented(outputsText(run, all))}`);
  if (run.artifacts.length > 0) parts.push(`\n${style.strong('artifacts')}\n`, artifactTable(run.artifacts, style));
  for (const { step, message } of run.warnings) {
    parts.push(`\n${style.odd('warning')}: ${withoutControls(`${step === null ? '' : `${step}: `}${message}`)}\n`);
  }
  if (run.problem !== undefined) {
    const { code, message, file, offset } = run.problem;
    const place = `${file}${offset === null ? '' : ` at byte ${offset}`}`;
    parts.push(`\n${style.bad(code)}: ${withoutControls(`${place}: ${message}`)}\n`);
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
  if (run.started_at !== null) facts.push(['started', withoutControls(run.started_at)]);
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
  if (isJsonObject(value)) return typeof value['url'] === 'string' ? value['url'] : JSON.stringify(value);
  const [first = ''] = String(value).trim().split('\n');
  return first.length > 60 ? `${first.slice(0, 59)}…` : first;
}

const TROUBLES_SHOWN = 20;

function troubles({ id, steps }: RunDetail, style: Style, all: boolean): readonly string[] {
  const failed = steps.filter(({ error }) => error !== null);
  const shown = all ? failed : failed.slice(0, TROUBLES_SHOWN);
  const more = failed.length - shown.length;
  return [
    ...shown.map((step) => troubleOf(step, style)),
    ...(more === 0 ? [] : [style.faint(`\nand ${more} more failed: flowctl show ${id} --all\n`)]),
  ];
}

function troubleOf(step: StepView, style: Style): string {
  if (step.error === null) return '';
  const detail = step.error.detail === undefined ? '' : indented(step.error.detail);
  return `\n${style.bad(withoutControls(step.key))}: ${withoutControls(step.error.message)}\n${detail}`;
}

const OUTPUT_LINES_SHOWN = 50;

/** What a run yields; of much the beginning. */
function outputsText({ outputs }: RunDetail, all: boolean): string {
  const lines = JSON.stringify(outputs, null, 2).split('\n');
  const more = lines.length - OUTPUT_LINES_SHOWN;
  if (all || more <= 1) return lines.join('\n');
  return [...lines.slice(0, OUTPUT_LINES_SHOWN), `and ${more} more lines: flowctl show --all`].join('\n');
}

const indented = (text: string): string =>
  text
    .split('\n')
    .map((line) => `  ${withoutControls(line)}\n`)
    .join('');

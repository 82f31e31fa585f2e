/** What `run` and `resume` show while a run goes on, and when it has ended. */

import type { RunId } from '../base/ids.ts';
import { formatDuration } from '../base/duration.ts';
import type { RunRecord, StepRecord } from '../model/run.ts';
import type { Observer } from '../observers/hub.ts';
import { createNdjsonObserver } from '../observers/ndjson.ts';
import { createPlainObserver } from '../observers/plain.ts';
import { withoutControls } from '../observers/terminal-filter.ts';
import { tail } from '../process/tail.ts';
import { logPath, type RunLayout } from '../store/layout.ts';
import type { LogLevel, Session } from './session.ts';
import { UsageError } from './session.ts';
import { runTone } from './states.ts';

/** How a run is shown: `auto` is plain so far, `json` one event per line and nothing else on stdout. */
export type OutputMode = 'auto' | 'plain' | 'json';

/** Reads `--output`. */
export function readOutputMode(text: string): OutputMode {
  if (text === 'auto' || text === 'plain' || text === 'json') return text;
  throw new UsageError(`\`--output ${text}\`: expected auto, plain or json`);
}

/** What is shown while the run goes on. */
export function viewOf(
  session: Session,
  run: RunId,
  mode: OutputMode,
  { quiet, logLevel }: { readonly quiet?: boolean; readonly logLevel?: LogLevel },
): Observer[] {
  const { stdout, style } = session;
  stdout.neverBlock();
  if (mode === 'json') return [createNdjsonObserver(run, (line) => stdout.write(line))];
  if (quiet === true || logLevel === 'error') return [];
  const plain = createPlainObserver(run, (line) => stdout.write(line), style);
  return logLevel === 'warn' ? [onlyTrouble(plain)] : [plain];
}

function onlyTrouble(observer: Observer): Observer {
  return {
    name: observer.name,
    observe(event) {
      const isFine =
        event.type === 'attempt.started' || (event.type === 'attempt.finished' && event.outcome === 'succeeded');
      if (!isFine) observer.observe(event);
    },
  };
}

const TAIL_LINES = 10;
const TAIL_BYTES = 4_096;
const MOST_FAILURES = 5;

/** What is said when a run has ended: what failed, the last lines of its log, and how to go on. */
export function summaryOf(session: Session, layout: RunLayout, run: RunRecord, mode: OutputMode): string {
  const style = mode === 'json' ? session.errorStyle : session.style;
  const { ending } = run;
  if (ending === null) return '';
  const steps = [...run.steps.values()];
  const failed = steps.filter(({ phase }) => phase.kind === 'failed' && !phase.tolerated);
  const lines: string[] = [];
  for (const step of failed.slice(0, MOST_FAILURES))
    lines.push('', ...failureLines(style.bad, style.faint, layout, step));
  if (failed.length > MOST_FAILURES)
    lines.push('', `and ${failed.length - MOST_FAILURES} more failed: flowctl show ${run.id}`);
  if (ending.error !== null) lines.push('', `${style.bad('error')}: ${withoutControls(ending.error.message)}`);
  lines.push(
    '',
    `${runTone(style, ending.state)(ending.state)} in ${formatDuration(run.duration_ms)}: ${countsOf(steps)}`,
  );
  if (ending.outputs !== null && ending.state === 'succeeded') {
    for (const [name, value] of Object.entries(ending.outputs)) {
      lines.push(`  ${name}: ${withoutControls(typeof value === 'string' ? value : JSON.stringify(value))}`);
    }
  }
  if (ending.state !== 'succeeded') lines.push(`to go on: flowctl resume ${run.id}`);
  return `${lines.join('\n')}\n`;
}

function failureLines(
  bad: (text: string) => string,
  faint: (text: string) => string,
  layout: RunLayout,
  step: StepRecord,
): string[] {
  const message = step.phase.kind === 'failed' ? (step.phase.error?.message ?? 'failed') : 'failed';
  const attempt = step.attempts.at(-1);
  const lines = [`${bad(step.key)}: ${withoutControls(message)}`];
  if (attempt === undefined) return lines;
  const end = tail(logPath(layout, step.key, attempt.number), TAIL_LINES, TAIL_BYTES);
  if (end === null || end.text === '') return [...lines, faint('  (it printed nothing)')];
  if (end.isCut) lines.push(faint('  ...'));
  for (const line of end.text.split('\n')) lines.push(faint(`  ${withoutControls(line)}`));
  return [...lines, faint(`  all of it: flowctl logs ${layout.place.id} ${step.key}`)];
}

function countsOf(steps: readonly StepRecord[]): string {
  const counts = new Map<string, number>();
  for (const { phase } of steps) {
    const word = phase.kind === 'failed' && phase.tolerated ? 'failed but tolerated' : phase.kind;
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
}

/**
 * One life of a run, from the command line: shown while it goes on, summed up when it has ended, and its end told by the exit code
 * or by the signal that flowctl dies of. `run` and `resume` come here with a run that they own.
 */

import { isatty } from 'node:tty';
import type { EngineEnd } from '../engine/engine.ts';
import type { EndingSignal } from '../model/outcome.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { RunRecord } from '../model/run.ts';
import { StateError } from '../store/problem.ts';
import { hasMessages } from '../store/outbox-folder.ts';
import { isRetentionDue } from '../store/retention-mark.ts';
import { treeSteps } from '../store/sub-runs.ts';
import { withoutControls } from '../observers/terminal-filter.ts';
import type { RunLayout } from '../store/layout.ts';
import type { ApprovalPrompts } from './approval-prompts.ts';
import { askedApprovals, isOpen, messageOf } from './approvals.ts';
import { EXIT } from './exit-codes.ts';
import { forRunner } from './github.ts';
import { type LifeToRun, type LifeViews, live } from './life.ts';
import { summaryOf } from './run-summary.ts';
import { type OutputMode, openView, type RunView } from './run-view.ts';
import { flowsOf } from './secrets.ts';
import type { GlobalOptions, Session } from './session.ts';
import { dieOf, type SignalHandlers } from './signals.ts';
import { isAttended } from './terminal.ts';
import { hintSuffix } from './state-directory.ts';
import { failureOf } from './state-failure.ts';

/** How it is to be shown. */
export interface LifeView extends GlobalOptions {
  readonly output: OutputMode;
  /** A run that its concurrency policy refuses is no failure. */
  readonly skipOk?: boolean;
}

/** Orphans are handed to the first process of a container, and Node collects only its own children. */
const FIRST_PROCESS =
  'warning: flowctl is process 1 here, so what its steps leave behind stays listed as defunct until it ends; start it under an init, as `docker run --init` does';

/** Runs to the end. Sets the exit code, or dies of the signal that ended the run. */
export async function runToEnd(
  session: Session,
  life: LifeToRun,
  view: LifeView,
  signals: SignalHandlers,
): Promise<void> {
  const { owned, record, definition, before } = life;
  if (process.pid === 1) session.mention(FIRST_PROCESS);
  const shown = await openView(session, { layout: owned.layout, definition, before }, view);
  const prompts = await promptsFor(session, life, view);
  const views = prompts === null ? shown : withPrompts(shown, prompts);
  const end = await live(session, life, views, signals).finally(
    () => prompts?.close().then(() => shown.close()) ?? shown.close(),
  );
  if (end.kind === 'parked') {
    session.mention(await parkedSentence(owned.layout, record, hintSuffix(session, view, life.state)));
    return finish(session, EXIT.waiting, null, signals);
  }
  if (end.kind !== 'finished') {
    complainAboutState(session, record, end);
    signals.remove();
    return;
  }
  const isShort = view.output === 'json' || view.quiet === true;
  const style = view.output === 'json' ? session.errorStyle : session.style;
  const ref = record.ending?.outputs ?? null;
  const outputs = ref === null ? null : await owned.outputs.read(ref);
  const summary = forRunner(
    session,
    summaryOf(owned.layout, record, {
      style,
      logs: !shown.showsLogs,
      outputs,
      columns: session.stdout.isTerminal ? session.stdout.columns : null,
      suffix: hintSuffix(session, view, life.state),
      tree: await treeSteps(owned.layout, record),
    }),
  );
  const failed = record.ending?.state !== 'succeeded';
  const isWelcome = view.skipOk === true && record.ending?.state === 'skipped';
  if (!isShort) session.stdout.write(summary);
  else if (failed && !isWelcome) session.stderr.write(summary);
  const code = isWelcome ? EXIT.ok : (record.ending?.exit_code ?? EXIT.internal);
  const signal = record.cancellation?.signal ?? null;
  // Nobody who wants this program ended waits for what is not theirs.
  if (signal === null) {
    await deliverLeftBehind(session, life);
    await retainNowAndThen(session, life);
  }
  await finish(session, code, signal, signals);
}

/** Messages of earlier runs that did not arrive. */
async function deliverLeftBehind(session: Session, { state }: LifeToRun): Promise<void> {
  if (!(await hasMessages(state))) return;
  await (await import('./deliver-messages.ts')).deliverMessages(session, state, { budgetMs: DELIVERY_BUDGET_MS });
}

/** Whoever waits for the end of a run does not wait longer than this for the messages of others. */
const DELIVERY_BUDGET_MS = 2_000;

async function retainNowAndThen(session: Session, { state, retention = null }: LifeToRun): Promise<void> {
  try {
    if (retention === null || !(await isRetentionDue(state, Date.now()))) return;
  } catch {
    // A state that cannot be written: it was said where it mattered.
    return;
  }
  await (await import('./automatic-retention.ts')).retain(session, state, retention);
}

/** Somebody is asked where they sit at the terminal and want to see what the run does, unless nobody is to be waited for. */
async function promptsFor(
  session: Session,
  { definition, before, waits }: LifeToRun,
  { output, quiet }: LifeView,
): Promise<ApprovalPrompts | null> {
  if (waits === 'park' || output === 'json' || quiet === true || !flowsOf(definition).some(asksSomebody)) return null;
  const isOnTerminal = session.stdout.isTerminal || session.stderr.isTerminal;
  const place = { stdin: isatty(0), output: isOnTerminal, environment: session.environment };
  if (!isAttended(place)) return null;
  const { openApprovalPrompts } = await import('./approval-prompts.ts');
  return openApprovalPrompts(session, definition, before);
}

const asksSomebody = ({ steps }: Pick<FlowDefinition, 'steps'>): boolean =>
  steps.some(
    ({ action }) => action.kind === 'approve' || (action.kind === 'group' && asksSomebody({ steps: action.steps })),
  );

const withPrompts = (shown: RunView, prompts: ApprovalPrompts): LifeViews => ({
  observers: [...shown.observers, prompts.observer],
  ofChild: (child) => [...shown.ofChild(child), prompts.ofChild(child)],
  answerWith: (give) => prompts.answerWith(give),
});

/** What the run waits for, and what to type when it has come. */
async function parkedSentence(layout: RunLayout, record: RunRecord, suffix: string): Promise<string> {
  const open = (await askedApprovals(layout, record)).filter(isOpen);
  const lines = open.map(
    ({ key, step }) =>
      `  ${key}: ${withoutControls(messageOf(step))}\n    flowctl approve ${record.id} ${key}${suffix}`,
  );
  const help = open.length === 0 ? [`  to go on when the time has come: flowctl resume ${record.id}${suffix}`] : lines;
  return [`run ${record.id} is left waiting`, ...help].join('\n');
}

async function finish(
  session: Session,
  code: number,
  signal: EndingSignal | null,
  signals: SignalHandlers,
): Promise<void> {
  session.exit(code);
  if (signal === null) {
    signals.remove();
    return;
  }
  await session.stdout.flush(FLUSH_LIMIT_MS);
  await session.stderr.flush(FLUSH_LIMIT_MS);
  signals.remove();
  dieOf(signal);
}

/** A reader that does not read must not keep flowctl from dying of the signal that it was sent. */
const FLUSH_LIMIT_MS = 300;

function complainAboutState(
  session: Session,
  record: RunRecord,
  end: Extract<EngineEnd, { kind: 'state_lost' }>,
): void {
  const failure =
    end.error instanceof StateError
      ? failureOf(end.error.problem)
      : { message: String(end.error), help: null, code: EXIT.state_io };
  session.complain(`run ${record.id}: ${failure.message}`, failure.help);
  for (const { step, attempt, outcome } of end.unrecorded) {
    // What was not let begin left nothing behind that anybody has to know of.
    if (outcome !== null)
      session.stderr.write(`  ran but not recorded: ${step}, attempt ${attempt}: ${outcome.kind}\n`);
  }
  session.exit(failure.code === EXIT.state_corrupt ? EXIT.state_corrupt : EXIT.state_io);
}

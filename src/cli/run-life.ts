/**
 * One life of a run, from the command line: shown while it goes on, summed up when it has ended, and its end told by the exit code
 * or by the signal that flowctl dies of. `run` and `resume` come here with a run that they own.
 */

import { composeLife, type Environment } from '../compose.ts';
import type { EngineEnd } from '../engine/engine.ts';
import type { EventBody, RunEvent } from '../model/event.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { EndingSignal } from '../model/outcome.ts';
import type { RunRecord } from '../model/run.ts';
import type { Observer } from '../observers/hub.ts';
import { systemClock } from '../process/clock.ts';
import type { StateLayout } from '../store/layout.ts';
import type { OwnedRun } from '../store/owned-run.ts';
import { describeProblem, StateError } from '../store/problem.ts';
import { SnapshotWriter } from '../store/snapshot.ts';
import { EXIT } from './exit-codes.ts';
import { type OutputMode, summaryOf, viewOf } from './run-view.ts';
import type { GlobalOptions, Session } from './session.ts';
import { dieOf, type SignalHandlers } from './signals.ts';
import { failureOf } from './state-failure.ts';

/** A run that this process owns, and what is to be done with it. */
export interface LifeToRun {
  readonly state: StateLayout;
  readonly owned: OwnedRun;
  readonly record: RunRecord;
  readonly definition: FlowDefinition;
  /** Events that are recorded and that nobody was told of yet: `run.started` of a new run. */
  readonly told: readonly RunEvent[];
  readonly opening: readonly EventBody[];
  /** The record as readers know it now; null for a new run. */
  readonly before: RunRecord | null;
}

/** How it is to be shown. */
export interface LifeView extends GlobalOptions {
  readonly output: OutputMode;
}

/** Runs to the end. Sets the exit code, or dies of the signal that ended the run. */
export async function runToEnd(
  session: Session,
  life: LifeToRun,
  view: LifeView,
  signals: SignalHandlers,
): Promise<void> {
  const { state, owned, record, definition } = life;
  enterFolder(definition.directory);
  const snapshot = new SnapshotWriter(owned.layout, systemClock(), life.before);
  const observers: Observer[] = [
    ...viewOf(session, record.id, view.output, view),
    { name: 'snapshot', observe: (event) => snapshot.publish([event]) },
  ];
  for (const event of life.told) for (const observer of observers) observer.observe(event);
  const { engine, execute } = composeLife({
    state,
    layout: owned.layout,
    record,
    definition,
    journal: owned.journal,
    opening: life.opening,
    environment: session.environment as Environment,
    observers,
    broken: (name, error) => session.complain(`internal: the ${name} view broke and is left out: ${String(error)}`),
  });
  signals.deliverTo((signal) => engine.signal(signal));
  // A bug anywhere must not leave steps running: the loop ends them and rejects.
  const onBug = (error: unknown): void => engine.fail(error);
  process.on('uncaughtException', onBug);
  const end = await execute().finally(() => process.off('uncaughtException', onBug));
  await snapshot.finish();
  const ended = end.kind === 'finished';
  const problem = await owned.close(ended ? end.run : null);
  if (problem !== null) session.mention(`warning: ${describeProblem(problem)}`);
  if (!ended) {
    complainAboutState(session, record, end);
    signals.remove();
    return;
  }
  const summary = summaryOf(session, owned.layout, record, view.output);
  const failed = record.ending?.state !== 'succeeded';
  if (view.output === 'json' || view.quiet === true) {
    if (failed) session.stderr.write(summary);
  } else session.stdout.write(summary);
  await finish(session, record.ending?.exit_code ?? EXIT.internal, record.cancellation?.signal ?? null, signals);
}

/**
 * A thread cannot change its folder, so functions run in that of the process: it has to be the flow's, wherever flowctl was started.
 * Every path of ours is absolute by now. A folder that is gone fails the steps, each with its reason.
 */
function enterFolder(folder: string): void {
  try {
    process.chdir(folder);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
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
    const how = outcome === null ? 'nothing is known of its end' : outcome.kind;
    session.stderr.write(`  ran but not recorded: ${step}, attempt ${attempt}: ${how}\n`);
  }
  session.exit(failure.code === EXIT.state_corrupt ? EXIT.state_corrupt : EXIT.state_io);
}

/** One life of a run that this process owns: put together, told to whoever listens, asked to end from outside, and given up again. */

import { recordedStepKey, type RunId, type StepKey } from '../base/ids.ts';
import type { RunAgain, ShownChild } from '../children/family.ts';
import type { FreshWish } from '../cache/open.ts';
import { composeLife, type Environment, type Life } from '../compose.ts';
import type { EngineEnd } from '../engine/engine.ts';
import type { EventBody, RunEvent } from '../model/event.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { ProjectConfig } from '../model/project.ts';
import type { RunRecord } from '../model/run.ts';
import type { Observer } from '../observers/hub.ts';
import type { RunSecrets } from '../secrets/run-secrets.ts';
import { systemClock } from '../process/clock.ts';
import { RunInbox } from '../store/inbox.ts';
import type { StateLayout } from '../store/layout.ts';
import type { OwnedRun } from '../store/owned-run.ts';
import { describeProblem } from '../store/problem.ts';
import { SnapshotWriter } from '../store/snapshot.ts';
import { environmentOfRun } from './dotenv.ts';
import { moduleSubFlows } from './module-sub-flows.ts';
import type { Session } from './session.ts';
import type { SignalHandlers } from './signals.ts';

/** A run that this process owns, and what is to be done with it. */
export interface LifeToRun {
  readonly state: StateLayout;
  readonly owned: OwnedRun;
  readonly record: RunRecord;
  readonly definition: FlowDefinition;
  /** What steps inherit, and expressions see as `env`. */
  readonly environment: Environment;
  readonly secrets: RunSecrets;
  /** What the project has for the steps of all its runs; absent for a run that is only taken over to be ended. */
  readonly resources?: ProjectConfig['resources'];
  /** See `ProjectConfig`. Default: none. */
  readonly private_hosts?: ProjectConfig['private_hosts'];
  /** Which runs are deleted now and then when one has ended. Default: none. */
  readonly retention?: ProjectConfig['retention'];
  /** Events that are recorded and that nobody was told of yet: `run.started` of a new run. */
  readonly told: readonly RunEvent[];
  readonly opening: readonly EventBody[];
  /** The record as it is before this life; whoever wants to know that later copies it. Null for a new run. */
  readonly before: RunRecord | null;
  /** What is to run whatever results are recorded. Default: nothing. */
  readonly fresh?: FreshWish;
  /** What happens when nothing is left but to wait for a person or an instant. Default: flowctl stays. */
  readonly waits?: 'stay' | 'park';
  /** Steps of sub-runs that had succeeded and are to run again, by the run they belong to. Default: none. */
  readonly again?: ReadonlyMap<RunId, RunAgain>;
}

/** What shows a run while it goes on, and its sub-runs. */
export interface LifeViews {
  readonly observers: readonly Observer[];
  readonly ofChild: (child: ShownChild) => readonly Observer[];
  /** Told how a step that waits for a person is answered. Default: nobody answers here. */
  readonly answerWith?: ((give: Life['answer']) => void) | undefined;
}

/** The longest that a timer of Node's can be told. */
const LONGEST_INTERVAL_MS = 2 ** 31 - 1;

declare const FLOWCTL_VERSION: string;

/**
 * Lives one life, and gives the run up. Signals end it, and so does a request in the run's inbox; the handlers of signals stay.
 * @param views what shows the run while it goes on.
 */
export async function live(
  session: Session,
  life: LifeToRun,
  views: LifeViews,
  signals: SignalHandlers,
): Promise<EngineEnd> {
  const { state, owned, record, definition, environment } = life;
  enterFolder(definition.directory);
  const snapshot = new SnapshotWriter({ ...owned, record }, systemClock());
  const inbox = new RunInbox(owned.layout);
  const observers: Observer[] = [
    ...views.observers,
    { name: 'snapshot', observe: (event) => snapshot.publish([event]) },
    {
      name: 'inbox',
      observe: (event) => {
        if (event.type === 'run.cancel_requested') inbox.acknowledge(({ kind }) => kind === 'cancel');
        else acknowledgeAnswer(inbox, null, event);
      },
    },
  ];
  const { engine, answer, execute } = composeLife({
    state,
    layout: owned.layout,
    record,
    definition,
    journal: owned.journal,
    told: life.told,
    opening: life.opening,
    environment,
    secrets: life.secrets,
    ...(life.resources === undefined ? {} : { resources: life.resources }),
    ...(life.private_hosts === undefined ? {} : { privateHosts: life.private_hosts }),
    version: FLOWCTL_VERSION,
    observers,
    environmentFor: (flow) => environmentOfRun(session, flow),
    moduleFlow: moduleSubFlows(session, definition, life.secrets),
    childListeners: (child) => [
      ...views.ofChild(child),
      {
        name: 'inbox',
        observe: (event) => {
          acknowledgeAnswer(inbox, child.prefix, event);
        },
      },
    ],
    ...(life.waits === undefined ? {} : { waits: life.waits }),
    ...(life.fresh === undefined ? {} : { fresh: life.fresh }),
    ...(life.again === undefined ? {} : { again: life.again }),
    broken: (name, error) => session.complain(`internal: the ${name} view broke and is left out: ${String(error)}`),
  });
  signals.deliverTo((signal) => engine.signal(signal));
  views.answerWith?.(answer);
  const delivered = inbox.deliverTo({
    take: (request) => {
      const { by } = request;
      const user = { kind: 'user', name: by.name, host: by.host } as const;
      if (request.kind === 'cancel') {
        const { policy, reason } = request;
        engine.cancel(policy === undefined ? user : { kind: 'policy', policy }, reason);
      } else {
        const { step, approved, params, comment } = request;
        answer(recordedStepKey(step), { approved, by: user, params, comment });
      }
    },
    refuse: (file, why) =>
      session.mention(`warning: a request to this run was refused, for ${why}; it is kept as ${file}`),
  });
  // A run that is to be left when it waits must not be left before it hears what was answered already.
  if (life.waits === 'park') await delivered;
  // A bug anywhere must not leave steps running: the loop ends them and rejects.
  const onBug = (error: unknown): void => engine.fail(error);
  process.on('uncaughtException', onBug);
  // A run that waits for a person has nothing else that would keep the program alive.
  const alive = setInterval(() => {}, LONGEST_INTERVAL_MS);
  // A run that nobody stays with is left as soon as it waits: what was answered meanwhile has to be there before.
  if (life.waits === 'park') await inbox.delivered();
  const end = await execute().finally(() => {
    clearInterval(alive);
    process.off('uncaughtException', onBug);
  });
  // A cache and the index wait for the disk together.
  const finished = snapshot.finish();
  const ended = end.kind === 'finished';
  await inbox.close(ended);
  const problem = await owned.close(ended ? end.run : null, finished);
  if (problem !== null) session.mention(`warning: ${describeProblem(problem)}`);
  return end;
}

/** An answer that is on record goes from the inbox. @param prefix where the steps of the event's run stand; null: at the top. */
function acknowledgeAnswer(inbox: RunInbox, prefix: StepKey | null, event: RunEvent): void {
  if (event.type !== 'approval.answered') return;
  const step = prefix === null ? event.step : `${prefix}/${event.step}`;
  inbox.acknowledge((request) => request.kind === 'approve' && request.step === step);
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

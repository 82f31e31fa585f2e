/** Starting a run of a flow that was loaded: `run` and `rerun` differ only in where the params come from and what made them begin. */

import type { RunId } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import type { FreshWish } from '../cache/open.ts';
import type { RunEvent, RunSettings, Trigger } from '../model/event.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { beginRun } from '../model/fold.ts';
import { createRun, type NewRun } from '../store/create.ts';
import { mintRunId } from '../store/mint.ts';
import { runLayout, type StateLayout, stateLayout } from '../store/layout.ts';
import { openState } from '../store/open.ts';
import type { OwnedRun } from '../store/owned-run.ts';
import { StateError } from '../store/problem.ts';
import { environmentOrComplain } from './dotenv.ts';
import { hasGroup } from './group-check.ts';
import type { LoadedFlow } from './flow-file.ts';
import { outerStep } from './outer-run.ts';
import { nameOrComplain } from './run-name.ts';
import type { LifeView } from './run-life.ts';
import { type EarlierLife, SettingError, settingsFor, type SettingsRequest } from './run-settings.ts';
import type { SelectedSteps } from './selection.ts';
import { secretsOrComplain } from './secrets.ts';
import { type Session, UsageError } from './session.ts';
import { withVars } from './stored-vars.ts';
import { takeSignals } from './signals.ts';
import { warnOfNetwork } from './state-directory.ts';

declare const FLOWCTL_VERSION: string;

/** What the flags of a command say about the run that it starts. */
export interface StartOptions extends LifeView {
  readonly maxParallel?: number;
  readonly failFast?: boolean;
  /** False: where nothing is left but to wait for a person or an instant, nobody stays. */
  readonly wait?: boolean;
  /** Another process lives the run; this one ends when it is on disk. */
  readonly detach?: boolean;
}

/** A run that was promised before it was started: on record with this id. */
export interface StartClaim {
  readonly run: RunId;
  /** RFC 3339. */
  readonly scheduled_for: string;
  readonly previous_scheduled_for: string | null;
}

/** A run to be started. */
export interface RunToStart {
  readonly flow: LoadedFlow;
  /** The state directory; made when it is missing. */
  readonly stateDirectory: string;
  readonly trigger: Trigger;
  /** What made a scheduler start it; absent: a person did. */
  readonly claim?: StartClaim;
  /** Values that are kept across runs, as they are now. Default: none. */
  readonly vars?: JsonObject;
  /** Which steps are to run; absent: all of them. Asked when the params are known. Null: all is said, and nothing is started. */
  readonly selection?: (params: JsonObject) => Promise<SelectedSteps | null>;
  /** What is to run whatever results are recorded. Default: nothing. */
  readonly fresh?: FreshWish;
  /**
   * Computes the params.
   * @param run what expressions in defaults see as `run`.
   * @returns null when they are wrong: all is said, the exit code is set, and nothing is started.
   */
  params(run: JsonObject): Promise<JsonObject | null>;
}

/** Starts a run and stays with it to its end, unless it is detached. Sets the exit code, or dies of the signal that ended the run. */
export async function startRun(session: Session, start: RunToStart, options: StartOptions): Promise<void> {
  const { definition, hash } = start.flow;
  const environment = environmentOrComplain(session, definition);
  if (environment === null) return;
  const detaching = options.detach === true ? await import('./detach.ts') : null;
  const taken = (await detaching?.detachedStart()) ?? null;
  const secrets = taken?.secrets ?? (await secretsOrComplain(session, definition, environment));
  if (secrets === null) return;
  const { claim } = start;
  const id = taken?.id ?? claim?.run ?? mintRunId();
  const now = taken?.now ?? new Date().toISOString();
  const scheduled_for = claim?.scheduled_for ?? now;
  const previous = claim?.previous_scheduled_for ?? null;
  const run = { id, started_at: now, scheduled_for, previous_scheduled_for: previous, attempt: 1 };
  const params = await start.params(run);
  if (params === null) return;
  const vars = start.vars ?? {};
  const named = nameOrComplain(session, withVars(definition, vars), environment, { run, params });
  if (named === null) return;
  const selection = (await start.selection?.(params)) ?? null;
  if (selection === null && start.selection !== undefined) return;
  const parent = await outerStep(session, stateLayout(start.stateDirectory));
  const started: NewRun['started'] = {
    type: 'run.started',
    flow: definition.name,
    ...named,
    version: definition.deployed?.version ?? null,
    flow_hash: hash,
    params,
    tags: definition.tags,
    trigger: parent !== null && start.trigger === 'manual' ? 'parent' : start.trigger,
    parent,
    scheduled_for,
    ...(previous === null ? {} : { previous_scheduled_for: previous }),
    ...(Object.keys(vars).length === 0 ? {} : { vars }),
    settings: settingsOrUsage(definition, { ...options, project: start.flow.project }, session, null),
    steps: definition.steps.map(({ id: step, needs }) => ({ id: step, needs })),
    seq: 1,
    time: now,
  };
  const runDirectory = runLayout(stateLayout(start.stateDirectory), { id, root: id }).private;
  const ahead = { run: beginRun(id, started), definition, environment, secrets, runDirectory };
  if (!hasGroup(session, ahead)) return;
  const signals = takeSignals(session.environment, taken !== null);
  const state = valueOrThrow(await openState(start.stateDirectory));
  warnOfNetwork(session, state);
  if (detaching !== null && taken === null) return detaching.detach(session, { state, id, now, secrets }, signals);
  const creating = create(state, { id, definition, started, version: FLOWCTL_VERSION }, claim !== undefined);
  // The rest is loaded while the lock is asked for and the disk is written.
  const [owned, { runToEnd }] = await Promise.all([creating, import('./run-life.ts')]);
  await taken?.isBegun(state, owned.layout);
  const record = beginRun(owned.layout.place.id, started);
  const told: readonly RunEvent[] = [started];
  const opening = selection === null ? [] : await selection.open(owned);
  const fresh = start.fresh ?? { noCache: false, force: [] };
  const { resources, retention, private_hosts } = start.flow.project;
  const made = { state, owned, record, definition, environment, secrets, resources, retention, private_hosts };
  await runToEnd(
    session,
    { ...made, told, opening, before: null, fresh, waits: options.wait === false ? 'park' : 'stay' },
    options,
    signals,
  );
}

/** The settings of a run; a variable that cannot be understood is a usage error. */
export function settingsOrUsage(
  definition: FlowDefinition,
  request: SettingsRequest,
  session: Session,
  before: EarlierLife | null,
): RunSettings {
  try {
    return settingsFor(definition, request, session.environment, before);
  } catch (error) {
    throw error instanceof SettingError ? new UsageError(error.message) : error;
  }
}

async function create(state: StateLayout, run: NewRun, isClaimed: boolean): Promise<OwnedRun> {
  const created = await createRun(state, run);
  if (created.ok) return created.value;
  if (created.error.kind === 'id_taken') {
    if (!isClaimed) throw new Bug(`run id ${run.id} was minted twice`);
    throw new UsageError(`run ${run.id} was started already`);
  }
  throw new StateError(created.error);
}

function valueOrThrow(state: Awaited<ReturnType<typeof openState>>): StateLayout {
  if (state.ok) return state.value;
  throw new StateError(state.error);
}

/**
 * The composition root: the only file that names concrete classes. It joins a run on disk with the engine, an executor, a watchdog
 * and the listeners, and gives back one life of that run. Commands decide what to run and what to print; this file decides of what
 * the machine is made.
 */

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseDuration } from './base/duration.ts';
import type { RunId, StepId, StepKey } from './base/ids.ts';
import { ok } from './base/result.ts';
import { type Family, type Member, memberAt, type Unrecorded } from './children/family.ts';
import { Engine, type EngineEnd } from './engine/engine.ts';
import { makePlan } from './engine/plan.ts';
import type { Journal, Slots } from './engine/ports.ts';
import { type Admission, createAdmission } from './executors/admission.ts';
import { createLocalExecutor } from './executors/local.ts';
import { createSlots } from './executors/slots.ts';
import { type LazyPool, lazyFunctionPool } from './functions/lazy-pool.ts';
import { findMismatch as checkOutputs } from './load/param-schema.ts';
import type { EventBody, RunEvent, RunResumed, RunSettings } from './model/event.ts';
import type { FlowDefinition } from './model/flow.ts';
import { runNews } from './model/news.ts';
import type { RunRecord } from './model/run.ts';
import { createHub, type Observer } from './observers/hub.ts';
import { systemClock } from './process/clock.ts';
import { directLauncher } from './process/launcher.ts';
import { startWatchdog, type Watchdog } from './process/watchdog.ts';
import { commandRunner } from './runners/command.ts';
import { functionRunner } from './runners/function.ts';
import { flowRunner, type SubRuns } from './runners/flow.ts';
import { keepingArtifacts } from './runners/keeping-artifacts.ts';
import { notifyRunner } from './runners/notify.ts';
import type { Runner, StoreOutputs } from './runners/runner.ts';
import { waitRunner } from './runners/wait.ts';
import { withSecrets } from './runners/with-secrets.ts';
import { NO_SECRETS, type RunSecrets } from './secrets/run-secrets.ts';
import { attemptPlaces, type RunLayout, type StateLayout } from './store/layout.ts';
import { runOutputs } from './store/outputs.ts';

/** The environment flowctl was started with. */
export type Environment = { readonly [name: string]: string | undefined };

const DEFAULT_GRACE_MS = 5_000;
const LEAST_PARALLEL = 4;

/** What a caller may change about the settings of a run. */
export interface SettingsRequest {
  readonly maxParallel?: number | undefined;
  readonly failFast?: boolean | undefined;
}

/** What a resume takes its settings over from. */
export interface EarlierLife {
  readonly settings: RunSettings;
  readonly definition: FlowDefinition;
}

/** A setting of the environment that cannot be understood. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

/**
 * The settings of a run: flags first, then the flow, then the machine. FLOWCTL_GRACE is the time from asking to killing,
 * FLOWCTL_DURABILITY `full` or `process`. A resumed run keeps what it had, but for flags, FLOWCTL_GRACE and what was edited in the
 * flow; its durability never changes.
 * @param before the run as it was, when it is resumed.
 * @throws {SettingError} when one of the two variables is not understood.
 */
export function settingsFor(
  flow: FlowDefinition,
  request: SettingsRequest,
  environment: Environment,
  before: EarlierLife | null,
): RunSettings {
  const grace = environment['FLOWCTL_GRACE'] ?? '';
  const parsed = parseDuration(grace);
  if (grace !== '' && !parsed.ok) throw new SettingError(`FLOWCTL_GRACE: \`${grace}\` is no duration, such as 5s`);
  const durability = environment['FLOWCTL_DURABILITY'] ?? '';
  if (!['', 'full', 'process'].includes(durability)) {
    throw new SettingError(`FLOWCTL_DURABILITY: \`${durability}\` is neither full nor process`);
  }
  const keepsParallel = before !== null && before.definition.max_parallel === flow.max_parallel;
  const keepsFailFast = before !== null && before.definition.fail_fast === flow.fail_fast;
  const parallel = keepsParallel ? before.settings.max_parallel : flow.max_parallel;
  return {
    max_parallel: request.maxParallel ?? parallel ?? Math.max(LEAST_PARALLEL, availableParallelism()),
    fail_fast: request.failFast ?? (keepsFailFast ? before.settings.fail_fast : flow.fail_fast),
    grace_ms: grace !== '' && parsed.ok ? parsed.value : (before?.settings.grace_ms ?? DEFAULT_GRACE_MS),
    durability: before?.settings.durability ?? (durability === 'process' ? 'process' : 'full'),
  };
}

/** A run that is owned, and what is to happen to it. */
export interface LifeRequest {
  readonly state: StateLayout;
  readonly layout: RunLayout;
  readonly record: RunRecord;
  readonly definition: FlowDefinition;
  readonly journal: Journal;
  /** Events that are recorded and that nobody was told of yet. */
  readonly told: readonly RunEvent[];
  /** The events that open this life; none for a new run. */
  readonly opening: readonly EventBody[];
  readonly environment: Environment;
  /** Default: none. */
  readonly secrets?: RunSecrets;
  /** Of flowctl. */
  readonly version: string;
  readonly observers: readonly Observer[];
  /** Told once for each observer that broke. */
  readonly broken: (name: string, error: unknown) => void;
  /** The environment of a sub-flow. Default: that of the run. */
  readonly environmentFor?: Family['environmentFor'];
  /** Who hears of a sub-run. Default: nobody. */
  readonly childListeners?: Family['listenersFor'];
  /** Steps of sub-runs that had succeeded and are to run again. */
  readonly again?: ReadonlyMap<RunId, readonly StepId[]>;
}

/** One life of a run, put together. */
export interface Life {
  readonly engine: Engine;
  /**
   * The engine of the run that a step belongs to, and the step's key there: those of sub-runs are found while they live.
   * @param step as the root sees it, such as `report/extract`.
   */
  engineAt(step: StepKey): { readonly engine: Engine; readonly step: StepKey };
  /** Runs to the end, then sends everything home that was started for it. */
  execute(): Promise<EngineEnd>;
}

/** Puts one life of a run together, and of whatever sub-runs it comes to have. */
export function composeLife(request: LifeRequest): Life {
  const { state, layout, record, definition, journal, environment } = request;
  const clock = systemClock();
  // What opens this life is folded only when the engine is made; everything is made for the settings that hold then.
  const resumed = request.opening.find((event): event is RunResumed => event.type === 'run.resumed');
  const settings = resumed?.settings ?? record.settings;
  const graceMs = settings.grace_ms;
  const watchdog = startWatchdog({ run: record.id, graceMs });
  const functions = lazyFunctionPool(join(state.root, 'cache', 'modules'), settings.max_parallel);
  const secrets = request.secrets ?? NO_SECRETS;
  const living = new Map<StepKey, Engine>();
  const unrecorded: Unrecorded[number][] = [];
  const family: Family = {
    state,
    root: record.id,
    flows: { [definition.file]: { ...definition, flows: {} }, ...definition.flows },
    clock,
    version: request.version,
    environmentFor: request.environmentFor ?? (() => ok(environment)),
    visible: (inherited) => secrets.visible(inherited),
    again: new Map(request.again),
    listenersFor: request.childListeners ?? (() => []),
    compose: (member) => assemble(tree, member),
    living,
    unrecorded,
    loseState: (error) => engine.loseState(error),
  };
  const tree: Tree = {
    family,
    watchdog,
    functions,
    secrets,
    graceMs,
    slots: createSlots(settings.max_parallel),
    admission: createAdmission(),
    broken: request.broken,
  };
  const outputs = runOutputs(layout);
  const { told, opening, observers: listeners } = request;
  const root = { layout, record, definition, journal, outputs, environment, told, opening, listeners };
  const engine: Engine = assemble(tree, { ...root, depth: 0, prefix: null, parent: null });
  return {
    engine,
    engineAt: (step) => memberAt(living, step) ?? { engine, step },
    async execute() {
      try {
        const end = await engine.execute();
        return end.kind === 'finished' ? end : { ...end, unrecorded: [...end.unrecorded, ...unrecorded] };
      } finally {
        await functions.close();
        await watchdog.close();
      }
    },
  };
}

/** What the engines of a tree of runs share. */
interface Tree {
  readonly family: Family;
  readonly watchdog: Watchdog;
  readonly functions: LazyPool;
  readonly secrets: RunSecrets;
  readonly graceMs: number;
  readonly slots: Slots;
  readonly admission: Admission;
  readonly broken: LifeRequest['broken'];
}

/** Puts the engine of one run of a tree together. */
function assemble(tree: Tree, member: Member): Engine {
  const { family, watchdog, functions, slots } = tree;
  const { record, layout, outputs, environment } = member;
  const { clock } = family;
  /** An output that cannot be kept is a fault of the state, not of the step: nothing more is to be started. */
  const storeOutputs: StoreOutputs = (value) =>
    outputs.store(value).catch((error: unknown) => {
      engine.loseState(error);
      throw error;
    });
  const secrets = tree.secrets.of(member.definition.file);
  const { reveal } = secrets;
  const guarded = (runner: Runner): Runner => {
    const keeping = keepingArtifacts(runner);
    return tree.secrets.isEmpty ? keeping : withSecrets(keeping, secrets);
  };
  const keeping = { storeOutputs, checkOutputs };
  const command = commandRunner({ ...keeping, launcher: directLauncher(), watchdog, inherited: environment });
  const executor = createLocalExecutor({
    run: record.id,
    clock,
    runners: {
      command: guarded(command),
      wait: guarded(waitRunner({ command, reveal })),
      notify: guarded(notifyRunner({ news: () => runNews(record), reveal })),
      function: guarded(functionRunner({ ...keeping, pool: functions.pool, inherited: environment })),
      flow: guarded(flowRunner({ ...keeping, subRuns: lazySubRuns(family, member) })),
    },
    watchdog,
    places: (step, attempt) => attemptPlaces(layout, step, attempt),
    graceMs: tree.graceMs,
    admission: tree.admission,
  });
  const hub = createHub(member.listeners, tree.broken);
  hub.publish(member.told);
  const parts = {
    run: record,
    plan: makePlan(member.definition),
    journal: member.journal,
    hub,
    executor,
    clock,
    random: Math.random,
    environment: definedOnly(tree.secrets.visible(environment)),
    runDirectory: layout.private,
    outputs,
    slots,
  };
  const engine: Engine = new Engine(parts, member.opening);
  return engine;
}

/** Their code is loaded with the first sub-flow. */
const lazySubRuns = (family: Family, member: Member): SubRuns => ({
  open: async (...attempt) => (await import('./children/sub-runs.ts')).subRunsOf(family, member).open(...attempt),
});

function definedOnly(environment: Environment): { readonly [name: string]: string } {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

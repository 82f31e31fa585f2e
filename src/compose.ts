/**
 * The composition root: the only file that names concrete classes. It joins a run on disk with the engine, an executor, a watchdog
 * and the listeners, and gives back one life of that run. Commands decide what to run and what to print; this file decides of what
 * the machine is made.
 */

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseDuration } from './base/duration.ts';
import { Engine, type EngineEnd } from './engine/engine.ts';
import { makePlan } from './engine/plan.ts';
import type { Journal } from './engine/ports.ts';
import { createLocalExecutor } from './executors/local.ts';
import type { FunctionPool } from './functions/pool.ts';
import { findMismatch as checkOutputs } from './load/param-schema.ts';
import type { EventBody, RunEvent, RunResumed, RunSettings } from './model/event.ts';
import type { FlowDefinition } from './model/flow.ts';
import { runNews } from './model/news.ts';
import type { RunRecord } from './model/run.ts';
import { createHub, type Observer } from './observers/hub.ts';
import { systemClock } from './process/clock.ts';
import { directLauncher } from './process/launcher.ts';
import { startWatchdog } from './process/watchdog.ts';
import { commandRunner } from './runners/command.ts';
import { functionRunner } from './runners/function.ts';
import { notifyRunner } from './runners/notify.ts';
import type { StoreOutputs } from './runners/runner.ts';
import { waitRunner } from './runners/wait.ts';
import { logName, logPath, type RunLayout, type StateLayout } from './store/layout.ts';
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
  readonly observers: readonly Observer[];
  /** Told once for each observer that broke. */
  readonly broken: (name: string, error: unknown) => void;
}

/** One life of a run, put together. */
export interface Life {
  readonly engine: Engine;
  /** Runs to the end, then sends everything home that was started for it. */
  execute(): Promise<EngineEnd>;
}

/** Puts one life of a run together. */
export function composeLife(request: LifeRequest): Life {
  const { state, layout, record, definition, journal, environment } = request;
  const clock = systemClock();
  // What opens this life is folded only when the engine is made; everything is made for the settings that hold then.
  const resumed = request.opening.find((event): event is RunResumed => event.type === 'run.resumed');
  const settings = resumed?.settings ?? record.settings;
  const graceMs = settings.grace_ms;
  const outputs = runOutputs(layout);
  const watchdog = startWatchdog({ run: record.id, graceMs });
  /** An output that cannot be kept is a fault of the state, not of the step: nothing more is to be started. */
  const storeOutputs: StoreOutputs = (value) =>
    outputs.store(value).catch((error: unknown) => {
      engine.loseState(error);
      throw error;
    });
  const functions = lazyFunctionPool(join(state.root, 'cache', 'modules'), settings.max_parallel);
  const reveal = (text: string): string => text;
  const command = commandRunner({
    launcher: directLauncher(),
    watchdog,
    inherited: environment,
    storeOutputs,
    checkOutputs,
  });
  const executor = createLocalExecutor({
    run: record.id,
    clock,
    runners: {
      command,
      wait: waitRunner({ command, reveal }),
      notify: notifyRunner({ news: () => runNews(record), reveal }),
      function: functionRunner({ pool: functions.pool, inherited: environment, storeOutputs, checkOutputs }),
    },
    watchdog,
    places: (step, attempt) => {
      const name = logName(step, attempt).replace(/\.log$/, '');
      return {
        log: logPath(layout, step, attempt),
        output: join(layout.outputs, `${name}.output`),
        artifacts: join(layout.artifacts, name),
        runDirectory: layout.private,
        script: join(layout.outputs, `${name}.script`),
        input: join(layout.outputs, `${name}.input`),
      };
    },
    graceMs,
  });
  const hub = createHub(request.observers, request.broken);
  hub.publish(request.told);
  const engine: Engine = new Engine(
    {
      run: record,
      plan: makePlan(definition),
      journal,
      hub,
      executor,
      clock,
      random: Math.random,
      environment: definedOnly(environment),
      runDirectory: layout.private,
      outputs,
    },
    request.opening,
  );
  return {
    engine,
    async execute() {
      try {
        return await engine.execute();
      } finally {
        await functions.close();
        await executor.close();
      }
    },
  };
}

/** A pool whose code, and whose threads, are loaded with the first call: a run without functions pays for neither. */
function lazyFunctionPool(cacheFolder: string, maxHosts: number) {
  let pool: Promise<FunctionPool> | null = null;
  const open = async (): Promise<FunctionPool> => {
    const [{ createFunctionPool }, { createModuleLoader }] = await Promise.all([
      import('./functions/pool.ts'),
      import('./functions/modules.ts'),
    ]);
    const modules = createModuleLoader({ cacheFolder, programUrl: new URL('./index.js', import.meta.url) });
    return createFunctionPool({ hostUrl: new URL('./function-host.js', import.meta.url), modules, maxHosts });
  };
  return {
    pool: (): Promise<FunctionPool> => {
      pool ??= open();
      return pool;
    },
    close: async (): Promise<void> => {
      if (pool !== null) await (await pool).close();
    },
  };
}

function definedOnly(environment: Environment): { readonly [name: string]: string } {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

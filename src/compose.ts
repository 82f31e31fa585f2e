/**
 * The composition root: the only file that names concrete classes. It joins a run on disk with the engine, an executor, a watchdog
 * and the listeners, and gives back one life of that run. Commands decide what to run and what to print; this file decides of what
 * the machine is made.
 */

import { join } from 'node:path';
import type { RunId, StepKey } from './base/ids.ts';
import { err, ok } from './base/result.ts';
import { type FreshWish, openReuse, pruneNowAndThen, scopeIn } from './cache/open.ts';
import { Answers } from './children/answers.ts';
import {
  definedOnly,
  type Family,
  type Member,
  relativesOf,
  type RunAgain,
  type Unrecorded,
} from './children/family.ts';
import { Engine, type EngineEnd } from './engine/engine.ts';
import { concurrencyOf } from './engine/group.ts';
import type { ApprovalGiven } from './engine/inbox.ts';
import { makePlan } from './engine/plan.ts';
import type { Admission, Journal, OutputStore, Slots } from './engine/ports.ts';
import { createAdmission as createShortage } from './executors/admission.ts';
import { createLocalExecutor } from './executors/local.ts';
import { createSlots } from './executors/slots.ts';
import { type LazyPool, lazyFunctionPool } from './functions/lazy-pool.ts';
import { findMismatch as checkOutputs } from './load/param-schema.ts';
import type { EventBody, RunEvent, RunResumed } from './model/event.ts';
import type { FlowDefinition } from './model/flow.ts';
import { runNews } from './model/news.ts';
import type { Capacity, PrivateHosts } from './model/project.ts';
import type { RunRecord } from './model/run.ts';
import { createHub, type Observer } from './observers/hub.ts';
import { systemClock } from './process/clock.ts';
import { stepsOf, TOKEN_VARIABLE } from './process/token.ts';
import { startWatchdog, type Watchdog } from './process/watchdog.ts';
import { commandRunner } from './runners/command.ts';
import { ResidentTree } from './runners/resident-tree.ts';
import { functionRunner } from './runners/function.ts';
import { flowRunner, type SubRuns } from './runners/flow.ts';
import { lazyScripts } from './runners/lazy-scripts.ts';
import { keepingArtifacts } from './runners/keeping-artifacts.ts';
import { outboxOf } from './runners/kept-messages.ts';
import { reachableHosts } from './runners/named-hosts.ts';
import { notifyRunner } from './runners/notify.ts';
import type { Runner, StoreOutputs } from './runners/runner.ts';
import { waitRunner } from './runners/wait.ts';
import { withSecrets } from './runners/with-secrets.ts';
import { NO_SECRETS, type RunSecrets } from './secrets/run-secrets.ts';
import { attemptPlaces, notePath, type RunLayout, type StateLayout } from './store/layout.ts';
import { messageDesk } from './store/outbox.ts';
import { runOutputs } from './store/outputs.ts';
import { StateError } from './store/problem.ts';
import { createAdmission } from './store/tickets/admission.ts';
import type { Seat } from './store/tickets/seat.ts';
import { TreeSeats } from './store/tickets/tree-seats.ts';

/** The environment flowctl was started with. */
export type Environment = { readonly [name: string]: string | undefined };

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
  /** What steps of all runs of the project share. Absent: the run waits for no others, for it is only taken over to be ended. */
  readonly resources?: { readonly [name: string]: Capacity };
  /** See `reachableHosts`. Default: none. */
  readonly privateHosts?: PrivateHosts;
  /** Of flowctl. */
  readonly version: string;
  readonly observers: readonly Observer[];
  /** What happens when nothing is left but to wait for a person or an instant. Default: it stays. */
  readonly waits?: 'stay' | 'park';
  /** Told once for each observer that broke. */
  readonly broken: (name: string, error: unknown) => void;
  /** The environment of a sub-flow. Default: that of the run. */
  readonly environmentFor?: Family['environmentFor'];
  /** Who hears of a sub-run. Default: nobody. */
  readonly childListeners?: Family['listenersFor'];
  /** Loads flows that modules make, when steps come to run them. Default: there are none. */
  readonly moduleFlow?: Family['moduleFlow'];
  /** What is not to be reused: nothing, or these steps. Default: whatever can be is. */
  readonly fresh?: FreshWish;
  /** Steps of sub-runs that had succeeded and are to run again. */
  readonly again?: ReadonlyMap<RunId, RunAgain>;
}

/** One life of a run, put together. */
export interface Life {
  readonly engine: Engine;
  /**
   * A person answered an approval, of the run itself or of a sub-run, which has it as soon as it lives.
   * @param step as the root sees it, such as `report/gate`.
   */
  answer(step: StepKey, answer: ApprovalGiven): void;
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
  const secrets = request.secrets ?? NO_SECRETS;
  const functions = lazyFunctionPool(join(state.cache, 'modules'), settings.max_parallel);
  const living = new Map<StepKey, Engine>();
  const answers = new Answers(living);
  const unrecorded: Unrecorded[number][] = [];
  const family: Family = {
    state,
    root: record.id,
    flows: { [definition.file]: { ...definition, flows: {} }, ...definition.flows },
    clock,
    version: request.version,
    environmentFor: request.environmentFor ?? (() => ok(environment)),
    moduleFlow: request.moduleFlow ?? (async (key) => err({ code: 'sub_flow', message: `nothing is known of ${key}` })),
    visible: (inherited) => secrets.visible(inherited),
    again: new Map(request.again),
    listenersFor: request.childListeners ?? (() => []),
    compose: (member) => assemble(tree, member),
    living,
    answers,
    lives: new Set(),
    unrecorded,
    loseState: (error) => engine.loseState(error),
  };
  const tree: Tree = {
    ...{ family, watchdog, functions, secrets, graceMs },
    waits: request.waits ?? 'stay',
    engines: new WeakMap(),
    slots: createSlots(settings.max_parallel),
    shortage: createShortage(),
    resident: new ResidentTree(environment),
    seats: seatsOf(request),
    fresh: request.fresh ?? { noCache: false, force: [] },
    flow: scopeIn(state.root, definition.file),
    broken: request.broken,
    privateHosts: request.privateHosts ?? [],
  };
  const outputs = runOutputs(layout);
  const { told, opening, observers: listeners } = request;
  const own = { layout, record, definition, journal, outputs, environment, told, opening, listeners };
  const root: Member = { ...own, depth: 0, prefix: null, parent: null };
  const engine: Engine = assemble(tree, root);
  return {
    engine,
    answer: (step, answer) => answers.give(step, answer, engine),
    async execute() {
      try {
        if (record.cancellation !== null && [...record.steps.values()].some(({ child }) => child !== null)) {
          await (await import('./children/ending.ts')).endLeftOpen(family, root);
        }
        const end = await engine.execute();
        if (end.kind === 'parked') await Promise.allSettled(family.lives);
        return end.kind !== 'state_lost' ? end : { ...end, unrecorded: [...end.unrecorded, ...unrecorded] };
      } finally {
        await tree.seats?.close();
        await Promise.all([functions.close(), tree.resident.close()]);
        await watchdog.close();
        await pruneNowAndThen(state.cache, clock.wall());
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
  readonly waits: 'stay' | 'park';
  readonly engines: WeakMap<Member, Engine>;
  readonly slots: Slots;
  readonly resident: ResidentTree;
  readonly shortage: ReturnType<typeof createShortage>;
  readonly seats: TreeSeats | null;
  readonly fresh: FreshWish;
  /** The flow of the root, see `scopeIn`. */
  readonly flow: string;
  readonly broken: LifeRequest['broken'];
  readonly privateHosts: PrivateHosts;
}

/** Puts the engine of one run of a tree together. */
function assemble(tree: Tree, member: Member): Engine {
  const { family, watchdog, functions, slots } = tree;
  const { record, layout, outputs, environment, definition } = member;
  const [{ clock }, vars] = [family, { ...definition.vars, ...record.vars }];
  /** An output that cannot be kept is a fault of the state, not of the step: nothing more is to be started. */
  const storeOutputs: StoreOutputs = (value) =>
    outputs.store(value).catch((error: unknown) => {
      engine.loseState(error);
      throw error;
    });
  const secrets = tree.secrets.of(definition.file);
  const guarded = (runner: Runner): Runner => {
    const kept = keepingArtifacts(runner);
    return tree.secrets.isEmpty ? kept : withSecrets(kept, secrets);
  };
  const { reuse, results } = reuseOf(tree, member, { store: storeOutputs, read: (ref) => outputs.read(ref) });
  const keeping = { storeOutputs, checkOutputs, ...tree.resident.forRun(environment) };
  const command = commandRunner({ ...keeping, watchdog, inherited: environment });
  const isolated = { host: functions.isolated, command };
  const places = (step: StepKey, attempt: number) => attemptPlaces(layout, step, attempt);
  const privateHosts = reachableHosts(tree.privateHosts, [...Object.values(family.flows), definition]);
  const outbox = outboxOf({ flow: definition, ...family, ...messageDesk(family.state), privateHosts });
  const telling = { news: () => runNews(record), reveal: secrets.reveal, privateHosts };
  const inherited = tree.secrets.visible(environment);
  const executor = createLocalExecutor({
    run: record.id,
    clock,
    runners: {
      command: guarded(command),
      wait: guarded(waitRunner({ command, ...telling })),
      notify: guarded(notifyRunner({ ...telling, outbox, environment: inherited })),
      function: guarded(functionRunner({ ...keeping, pool: functions.pool, inherited: environment, isolated, vars })),
      flow: guarded(flowRunner({ ...keeping, subRuns: lazySubRuns(family, member) })),
    },
    ...{ watchdog, places, results, graceMs: tree.graceMs, admission: tree.shortage },
    rested: () => keeping.resident?.spares.clear(),
    stateLost: ({ file, code, message }) => engine.loseState(new StateError({ kind: 'io', file, code, message })),
  });
  const hub = createHub(member.listeners, tree.broken);
  hub.publish(member.told);
  const source = {
    run: record,
    plan: makePlan(definition),
    environment: definedOnly(inherited),
    runDirectory: layout.private,
    outputs,
  };
  const seat = tree.seats?.seatOf(record.id, member.parent === null ? null : record.parent) ?? null;
  const engine: Engine = new Engine(
    {
      ...{ ...source, journal: member.journal, hub, executor, clock, random: Math.random, slots, reuse },
      scripts: lazyScripts(functions.scripts, member, { inherited, log: places }),
      tickets: seat,
      admission: seat === null ? null : admissionOf(seat, concurrencyOf(source)),
      ...relativesOf(tree, family, member),
    },
    member.opening,
  );
  tree.engines.set(member, engine);
  return engine;
}

const seatsOf = ({ state, record, resources, environment }: LifeRequest): TreeSeats | null =>
  resources === undefined
    ? null
    : new TreeSeats({ state, root: record.id, resources }, stepsOf(environment[TOKEN_VARIABLE] ?? ''));

/** Null where the flow has no policy. A group without a value is told before a run begins; that of a sub-run refuses it. */
function admissionOf(seat: Seat, policy: ReturnType<typeof concurrencyOf>): Admission | null {
  if (policy.ok) return policy.value === null ? null : createAdmission(seat, policy.value);
  const answer = Promise.resolve({ kind: 'refused', message: policy.error } as const);
  return { group: '', limit: 0, request: () => ({ answer, withdraw: () => undefined }) };
}

const reuseOf = ({ family, functions, fresh, flow }: Tree, member: Member, outputs: OutputStore) =>
  openReuse(
    {
      ...fresh,
      folder: family.state.cache,
      scope: scopeIn(family.state.root, member.definition.file),
      directory: member.definition.directory,
      root: flow,
      prefix: member.prefix,
      run: member.record.id,
      clock: family.clock,
      outputs,
      flows: family.flows,
      codeOf: (module) => functions.contentHash(module).then((hash) => (hash.ok ? hash : err(hash.error.message))),
    },
    (step) => notePath(member.layout, step),
  );

/** Their code is loaded with the first sub-flow. */
const lazySubRuns = (family: Family, member: Member): SubRuns => ({
  open: async (...attempt) => (await import('./children/sub-runs.ts')).subRunsOf(family, member).open(...attempt),
});

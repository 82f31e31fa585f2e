/** A world without files, processes or real time: everything that the engine needs, owned by the test. */

import type { Json } from '../../src/base/json.ts';
import type { HandlerPhase, Handlers } from '../../src/model/policies.ts';
import type { RunId, StepId, StepKey } from '../../src/base/ids.ts';
import { contentHash, stepKeyOf } from '../../src/base/ids.ts';
import { Engine, type EngineEnd } from '../../src/engine/engine.ts';
import { makePlan, type Plan } from '../../src/engine/plan.ts';
import type {
  AttemptListener,
  AttemptRequest,
  Clock,
  Executor,
  Journal,
  RunningAttempt,
  ScriptHost,
  StopReason,
  Tickets,
} from '../../src/engine/ports.ts';
import { cancelUnowned, recover } from '../../src/engine/recover.ts';
import type { EventBody, RunEvent, RunSettings } from '../../src/model/event.ts';
import type { FlowDefinition, StepDefinition } from '../../src/model/flow.ts';
import { FLOW_DEFAULTS, NO_RETRY, STEP_DEFAULTS } from '../../src/model/defaults.ts';
import { foldRun } from '../../src/model/fold.ts';
import type { Actor, Outcome } from '../../src/model/outcome.ts';
import type { RunRecord } from '../../src/model/run.ts';

export const RUN = '01jd0000000000000000000000' as RunId;
const HASH = contentHash('0'.repeat(64));

/** Time that moves only when nothing else can happen. */
export class ManualClock implements Clock {
  private now = 0;
  private timers: { due: number; callback: () => void }[] = [];

  wall(): number {
    return Date.parse('2026-01-01T00:00:00.000Z') + this.now;
  }

  monotonic(): number {
    return this.now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { due: this.now + delayMs, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  /** Jumps to the next timer and fires it; false when there is none. */
  advance(): boolean {
    this.timers.sort((a, b) => a.due - b.due);
    const next = this.timers.shift();
    if (next === undefined) return false;
    this.now = Math.max(this.now, next.due);
    next.callback();
    return true;
  }
}

/** What a fake step does at each of its attempts, counted from 1 over all lives of the run. */
export type Behaviour = (step: string, attempt: number) => 'succeed' | 'fail' | 'time_out' | 'hang' | 'lose' | 'skip';

export interface StepSketch {
  readonly id: string;
  readonly needs?: readonly string[];
  readonly if?: string;
  readonly retries?: number;
  readonly delayMs?: number;
  readonly continueOnError?: boolean;
  readonly ifLost?: 'run_again' | 'fail';
  /** Makes it a group. */
  readonly steps?: readonly StepSketch[];
  /** Makes it a map: a list, or the text of an expression. */
  readonly foreach?: Json;
  readonly tolerate?: number;
  readonly on?: { readonly [Phase in HandlerPhase]?: number };
  readonly more?: Partial<StepDefinition>;
}

/** Handlers that the executor of the test plays, as many for each phase as asked for. */
export function handlersOf(counts: { readonly [Phase in HandlerPhase]?: number } = {}): Handlers {
  const list = (phase: HandlerPhase): readonly StepDefinition[] =>
    Array.from({ length: counts[phase] ?? 0 }, (_, index) => ({
      ...STEP_DEFAULTS,
      id: `${phase}[${index}]` as StepId,
      action: { kind: 'argv', argv: ['true'] },
    }));
  return {
    on_success: list('on_success'),
    on_failure: list('on_failure'),
    on_cancel: list('on_cancel'),
    finally: list('finally'),
  };
}

function stepsOf(sketch: readonly StepSketch[]): readonly StepDefinition[] {
  return sketch.map(
    (step): StepDefinition => ({
      ...STEP_DEFAULTS,
      id: step.id as StepId,
      action:
        step.steps === undefined ? { kind: 'argv', argv: ['true'] } : { kind: 'group', steps: stepsOf(step.steps) },
      map:
        step.foreach === undefined
          ? null
          : {
              over: { kind: 'foreach', items: step.foreach },
              key: null,
              tolerate: { kind: 'count', value: step.tolerate ?? 0 },
            },
      handlers: handlersOf(step.on),
      needs: (step.needs ?? []) as StepId[],
      if: step.if ?? null,
      retry: { ...NO_RETRY, max: step.retries ?? 0, delay_ms: step.delayMs ?? 0 },
      continue_on_error: step.continueOnError ?? false,
      if_lost: step.ifLost ?? 'run_again',
      ...step.more,
    }),
  );
}

/** A definition from a sketch. */
export function flowOf(sketch: readonly StepSketch[], flow: Partial<FlowDefinition> = {}): FlowDefinition {
  const steps = stepsOf(sketch);
  return { ...FLOW_DEFAULTS, name: 'sketch', file: '/sketch/flow.yaml', directory: '/sketch', ...flow, steps };
}

/** What the disk of the test holds: the lines that were durable. */
export class MemoryJournal implements Journal {
  readonly events: RunEvent[] = [];
  /** Accept this many events and then fail every write. */
  failAfter = Number.POSITIVE_INFINITY;
  private poison: Error | null = null;

  append(events: readonly RunEvent[]): Promise<void> {
    return this.appendWritten(events);
  }

  async appendWritten(events: readonly RunEvent[]): Promise<void> {
    await Promise.resolve();
    if (this.events.length + events.length > this.failAfter) this.poison ??= new Error('ENOSPC');
    if (this.poison) throw this.poison;
    this.events.push(...events);
  }
}

interface Open {
  readonly request: AttemptRequest;
  readonly settle: (outcome: Outcome) => void;
}

/** Attempts that end when the test lets them. */
export class FakeExecutor implements Executor {
  readonly started: { readonly step: string; readonly attempt: number }[] = [];
  readonly open = new Map<string, Open>();
  highest = 0;
  private readonly behaviour: Behaviour;

  private readonly stubborn: boolean;

  constructor(behaviour: Behaviour, stubborn = false) {
    this.behaviour = behaviour;
    this.stubborn = stubborn;
  }

  start(request: AttemptRequest, _listener: AttemptListener): RunningAttempt {
    this.started.push({ step: request.step, attempt: request.attempt });
    let settle: (outcome: Outcome) => void = () => {};
    const done = new Promise<Outcome>((resolve) => {
      settle = resolve;
    });
    this.open.set(request.step, { request, settle });
    this.highest = Math.max(this.highest, this.open.size);
    const end = (outcome: Outcome) => {
      if (this.open.get(request.step)?.settle === settle) this.open.delete(request.step);
      settle(outcome);
    };
    return {
      done,
      stop: (reason: StopReason) => {
        if (reason.kind === 'cancelled' && !this.stubborn)
          end({ kind: 'cancelled', by: reason.by, exit_code: null, signal: reason.signal });
        if (reason.kind === 'timed_out' && !this.stubborn)
          end({ kind: 'timed_out', after_ms: reason.after_ms, exit_code: null, signal: 'SIGTERM' });
      },
      kill: () =>
        end({ kind: 'cancelled', by: { kind: 'signal', signal: 'SIGINT' }, exit_code: null, signal: 'SIGKILL' }),
    };
  }

  /** Lets one open attempt end as its behaviour says; false when it hangs. */
  finish(step: string): boolean {
    const open = this.open.get(step);
    if (open === undefined) return false;
    const act = this.behaviour(step, open.request.attempt);
    if (act === 'hang') return false;
    this.open.delete(step);
    const failure = { code: 'exit_code', message: 'exited with code 7' } as const;
    if (act === 'succeed') open.settle({ kind: 'succeeded', exit_code: 0, outputs: { kind: 'inline', value: step } });
    else if (act === 'skip') open.settle({ kind: 'succeeded', exit_code: 99, outputs: null, skips: true });
    else if (act === 'lose') open.settle({ kind: 'lost', detail: 'its host was ended' });
    else if (act === 'fail') open.settle({ kind: 'failed', failure, exit_code: 7, signal: null });
    else open.settle({ kind: 'timed_out', after_ms: 1, exit_code: null, signal: 'SIGTERM' });
    return true;
  }

  /** Called while the run is wound up. */
  onReap: () => void = () => {};

  reapRun(): ReturnType<Executor['reapRun']> {
    this.onReap();
    return Promise.resolve({ ended: [], left: [] });
  }
}

/** Lets every microtask that is queued run. */
export const settleMicrotasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface LifeOptions {
  readonly behaviour?: Behaviour;
  readonly maxParallel?: number;
  /** Picks which open attempt ends next, from their number; default: the first. */
  readonly pick?: (count: number) => number;
  /** Called before every move of the world, with the engine and what was started so far. */
  readonly onMove?: (engine: Engine, executor: FakeExecutor, move: number) => void;
  /** Called before the engine begins. */
  readonly onReady?: (engine: Engine) => void;
  readonly failAfter?: number;
  /** Called while the run is wound up, when every step is settled. */
  readonly onReap?: (engine: Engine) => void;
  /** The definition that held until now, of a run that is resumed with another one. */
  readonly before?: FlowDefinition;
  /** Nothing is left but to wait for a person: default `stay`. */
  readonly waits?: 'stay' | 'park';
  /** Attempts that are asked to end go on until they are killed. */
  readonly stubborn?: boolean;
  /** Runs the flow's function. */
  readonly scripts?: ScriptHost;
  /** Lets everything happen that needs no move of the world. Default: the microtasks. */
  readonly settle?: () => Promise<void>;
  readonly tickets?: Tickets;
}

export interface Life {
  readonly end: EngineEnd;
  readonly run: RunRecord;
  readonly journal: MemoryJournal;
  readonly executor: FakeExecutor;
  readonly published: readonly RunEvent[];
}

const settingsOf = (flow: FlowDefinition, maxParallel: number): RunSettings => ({
  max_parallel: maxParallel,
  fail_fast: flow.fail_fast,
  grace_ms: 5_000,
  durability: 'full',
});

/** The event every journal begins with. */
export function startedEvent(flow: FlowDefinition, maxParallel: number): RunEvent {
  return {
    type: 'run.started',
    flow: flow.name,
    version: null,
    flow_hash: HASH,
    params: {},
    tags: [],
    trigger: 'manual',
    parent: null,
    scheduled_for: '2026-01-01T00:00:00.000Z',
    settings: settingsOf(flow, maxParallel),
    steps: flow.steps.map(({ id, needs }) => ({ id, needs })),
    seq: 1,
    time: '2026-01-01T00:00:00.000Z',
  };
}

/** Runs a flow from the beginning. */
export function runLife(flow: FlowDefinition, options: LifeOptions = {}): Promise<Life> {
  return live(flow, [startedEvent(flow, options.maxParallel ?? 4)], null, options);
}

/** Resumes a run from what its journal holds. */
export function resumeLife(
  flow: FlowDefinition,
  events: readonly RunEvent[],
  options: LifeOptions & { readonly again?: readonly string[] } = {},
): Promise<Life> {
  return live(flow, events, options.again ?? [], options);
}

/** Ends a run that nobody owns, from what its journal holds. */
export function cancelLife(
  flow: FlowDefinition,
  events: readonly RunEvent[],
  options: LifeOptions = {},
): Promise<Life> {
  return live(flow, events, 'cancel', options);
}

async function live(
  flow: FlowDefinition,
  events: readonly RunEvent[],
  again: readonly string[] | 'cancel' | null,
  options: LifeOptions,
): Promise<Life> {
  const { run, problem } = foldRun(RUN, events);
  if (run === null || problem !== null) throw new Error(`journal does not fold: ${problem?.message}`);
  const plan: Plan = makePlan(flow);
  const by: Actor = { kind: 'user', name: 'test', host: 'here' };
  const openings = {
    resume: () =>
      recover(run, plan, {
        by,
        settings: settingsOf(flow, options.maxParallel ?? 4),
        params: run.params,
        revision: run.revision,
        flow_hash: run.flow_hash,
        again: again as readonly string[],
        ...(options.before === undefined ? {} : { before: options.before }),
        reaped: [],
      }),
    cancel: () => cancelUnowned(run, { by, reason: null, reaped: [] }),
  };
  const opening: readonly EventBody[] = again === null ? [] : openings[again === 'cancel' ? 'cancel' : 'resume']();
  const journal = new MemoryJournal();
  journal.events.push(...events);
  if (options.failAfter !== undefined) journal.failAfter = options.failAfter;
  const executor = new FakeExecutor(options.behaviour ?? (() => 'succeed'), options.stubborn);
  const clock = new ManualClock();
  const published: RunEvent[] = [];
  const engine = new Engine(
    {
      run,
      plan,
      journal,
      executor,
      clock,
      hub: { publish: (batch) => published.push(...batch) },
      random: () => 0.5,
      ...(options.waits === undefined ? {} : { waits: options.waits }),
      ...(options.scripts === undefined ? {} : { scripts: options.scripts }),
      ...(options.tickets === undefined ? {} : { tickets: options.tickets }),
      environment: {},
      runDirectory: '/sketch/run',
      outputs: {
        store: (value) => Promise.resolve({ kind: 'inline', value }),
        read: () => Promise.reject(new Error('no stored outputs')),
      },
    },
    opening,
  );
  executor.onReap = () => options.onReap?.(engine);
  options.onReady?.(engine);
  let end: EngineEnd | null = null;
  let failure: { readonly error: unknown } | null = null;
  engine.execute().then(
    (value) => {
      end = value;
    },
    (error: unknown) => {
      failure = { error };
    },
  );
  const settle = options.settle ?? settleMicrotasks;
  for (let move = 0; end === null && failure === null; move += 1) {
    await settle();
    if (end !== null || failure !== null) break;
    options.onMove?.(engine, executor, move);
    await settle();
    const steps = [...executor.open.keys()];
    const chosen = steps[options.pick?.(steps.length) ?? 0];
    const moved = chosen !== undefined && (executor.finish(chosen) || steps.some((step) => executor.finish(step)));
    if (!moved && !clock.advance()) {
      await settle();
      if (end === null && failure === null)
        throw new Error(`dead-lock: ${steps.length} attempts hang, no timer is set`);
    }
  }
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  if (end === null) throw new Error('the engine did not end');
  return { end, run, journal, executor, published };
}

/** The end of a run in short: its state, and each step's phase with its detail. */
export function endOf(run: RunRecord): Record<string, string> {
  const end: Record<string, string> = { run: run.ending?.state ?? 'open' };
  for (const { key, phase } of run.steps.values()) {
    const detail =
      phase.kind === 'skipped' ? `:${phase.reason}` : phase.kind === 'failed' && phase.tolerated ? ':tolerated' : '';
    end[key] = `${phase.kind}${detail}`;
  }
  return end;
}

export const keyOf = (id: string): StepKey => stepKeyOf(id as StepId);

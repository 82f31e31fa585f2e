/**
 * Where the steps of a run stand, sorted as a view needs it: a fold of published events that costs constant time for each, so that
 * a frame never walks over all steps. Times are those of a monotonic clock, taken when an event is heard of.
 */

import type { RunId, StepKey } from '../../base/ids.ts';
import { assertNever } from '../../base/result.ts';
import type { RunEvent } from '../../model/event.ts';
import { applyEvent, beginRun } from '../../model/fold.ts';
import { handlersOf } from '../../model/order.ts';
import type { RunRecord, StepPhase, StepRecord } from '../../model/run.ts';
import { MemberSteps } from './member-steps.ts';
import { widthOf } from './row.ts';

/** Where a step stands, for counting. `tolerated`: failed, but allowed to. */
export type Standing =
  | 'pending'
  | 'running'
  | 'retrying'
  | 'waiting'
  | 'succeeded'
  | 'failed'
  | 'tolerated'
  | 'skipped'
  | 'cancelled';

/** A step with the moment that its row counts from: when the attempt began, or when the next one is due. */
export interface TimedStep {
  readonly step: StepRecord;
  readonly attempt: number;
  readonly atMs: number;
}

/** The fold. Read it between events; it is changed in place. */
export class RunProgress {
  /** Null until the first event of a new run. */
  record: RunRecord | null;
  /** Oldest first. */
  readonly running = new Map<StepKey, TimedStep>();
  /** In the order in which they began to wait. */
  readonly retrying = new Map<StepKey, TimedStep>();
  /** Those that failed and were not allowed to, in that order. */
  readonly failed = new Map<StepKey, StepRecord>();
  /** Steps that are no items of maps and not in one, which people know by name. */
  readonly named = new Map<StepKey, StepRecord>();
  /** Maps whose items are under way. */
  readonly openMaps = new Map<StepKey, StepRecord>();
  /** When this life of the run was first heard of. */
  startedMs: number | null = null;
  /** Columns of the longest key. */
  keyColumns = 0;
  readonly #run: RunId;
  readonly #members = new MemberSteps();
  readonly #standings = new Map<StepKey, Standing>();
  readonly #counts = new Map<Standing, number>();
  /** Of maps: how many items stand where. */
  readonly #items = new Map<StepKey, Map<Standing, number>>();

  /** @param before the run as it was when it is resumed; copied. Null for a new run, whose first event will be heard. */
  constructor(run: RunId, before: RunRecord | null, nowMs: number) {
    this.#run = run;
    this.record = before === null ? null : structuredClone(before);
    if (this.record !== null) this.#sortAll(this.record, nowMs);
  }

  /** Steps that are known so far. */
  get total(): number {
    return this.#standings.size;
  }

  /** How many steps stand so. */
  count(standing: Standing): number {
    return this.#counts.get(standing) ?? 0;
  }

  /** How many items of a map stand so. */
  itemCount(map: StepKey, standing: Standing): number {
    return this.#items.get(map)?.get(standing) ?? 0;
  }

  /** How many steps nothing more happens to. */
  get settled(): number {
    const { total } = this;
    return total - this.count('pending') - this.count('running') - this.count('retrying') - this.count('waiting');
  }

  /** Folds one event in. */
  observe(event: RunEvent, nowMs: number): void {
    this.startedMs ??= nowMs;
    if (event.type === 'run.started') this.record ??= beginRun(this.#run, event);
    else if (this.record !== null) applyEvent(this.record, event);
    const { record } = this;
    if (record === null) return;
    const { type } = event;
    if (type === 'run.started' || type === 'run.resumed' || type === 'run.retried') this.#sortAll(record, nowMs);
    else if (type === 'step.expanded') this.#sortChildren(record, event.step, nowMs);
    else if (type === 'handlers.started') {
      for (const step of handlersOf(record, event.step, [event.phase])) this.#sort(step, nowMs);
    } else if ('step' in event && event.step !== null) this.#sort(record.steps.get(event.step), nowMs);
  }

  /**
   * Folds an event of a sub-run in, whose steps stand beneath that of the sub-flow.
   * @param member as `MemberSteps` takes it.
   */
  observeMember(member: Parameters<MemberSteps['observe']>[0], event: RunEvent, nowMs: number): void {
    const { record } = this;
    if (record === null) return;
    for (const key of this.#members.observe(member, event, record)) this.#sort(record.steps.get(key), nowMs);
  }

  #sortAll(record: RunRecord, nowMs: number): void {
    for (const list of [this.running, this.retrying, this.failed, this.named, this.openMaps]) list.clear();
    for (const list of [this.#standings, this.#counts, this.#items]) list.clear();
    this.keyColumns = 0;
    for (const step of record.steps.values()) this.#sort(step, nowMs);
  }

  #sortChildren(record: RunRecord, key: StepKey, nowMs: number): void {
    const owner = record.steps.get(key);
    this.#sort(owner, nowMs);
    for (const child of owner?.children ?? []) this.#sort(record.steps.get(child), nowMs);
  }

  #sort(step: StepRecord | undefined, nowMs: number): void {
    if (step === undefined) return;
    const { key, phase } = step;
    const before = this.#standings.get(key);
    const standing = standingOf(phase);
    const begun = phase.kind === 'running' && this.running.get(key)?.attempt !== phase.attempt.number;
    if (before === standing && !begun) return;
    if (before === undefined) this.#place(step);
    else this.#counts.set(before, this.count(before) - 1);
    this.#counts.set(standing, this.count(standing) + 1);
    this.#countItem(step, before, standing);
    this.#standings.set(key, standing);
    if (standing !== 'running' || begun) this.running.delete(key);
    this.retrying.delete(key);
    this.failed.delete(key);
    if (phase.kind === 'running') this.running.set(key, { step, attempt: phase.attempt.number, atMs: nowMs });
    else if (phase.kind === 'retrying') {
      this.retrying.set(key, { step, attempt: phase.attempt, atMs: nowMs + phase.delay_ms });
    } else if (standing === 'failed') this.failed.set(key, step);
    if (phase.kind === 'open' && this.#items.has(key)) this.openMaps.set(key, step);
    else if (phase.kind !== 'open') this.openMaps.delete(key);
  }

  /** A step that is seen for the first time. What it belongs to was seen before, but for steps of sub-runs that are continued. */
  #place(step: StepRecord): void {
    const { key, parent, role } = step;
    this.keyColumns = Math.max(this.keyColumns, widthOf(key));
    const isInItem = role === 'item' || (parent !== null && this.#standings.has(parent) && !this.named.has(parent));
    if (!isInItem) this.named.set(key, step);
  }

  #countItem({ role, parent }: StepRecord, before: Standing | undefined, now: Standing): void {
    if (role !== 'item' || parent === null) return;
    let counts = this.#items.get(parent);
    if (counts === undefined) {
      counts = new Map();
      this.#items.set(parent, counts);
      const map = this.record?.steps.get(parent);
      if (map?.phase.kind === 'open') this.openMaps.set(parent, map);
    }
    if (before !== undefined) counts.set(before, (counts.get(before) ?? 0) - 1);
    counts.set(now, (counts.get(now) ?? 0) + 1);
  }
}

/** An attempt that ended undecided still counts as running: what follows is decided within the same turn. */
function standingOf(phase: StepPhase): Standing {
  switch (phase.kind) {
    case 'undecided':
    case 'open':
      return 'running';
    case 'queued':
      return 'waiting';
    case 'failed':
      return phase.tolerated ? 'tolerated' : 'failed';
    case 'pending':
    case 'running':
    case 'retrying':
    case 'waiting':
    case 'succeeded':
    case 'skipped':
    case 'cancelled':
      return phase.kind;
    default:
      return assertNever(phase, 'phase');
  }
}

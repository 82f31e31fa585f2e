/**
 * What became decidable: the index that spares the decider from ever scanning all steps. Integers in, queues out. It is derived
 * from the record, so it can be built again at any time; `note` keeps it true after every event, in time linear in the edges
 * that leave a settled step, once per run.
 */

import type { StepKey } from '../base/ids.ts';
import { Bug } from '../base/result.ts';
import { forEachDependent } from '../model/graph.ts';
import { isSatisfied, isSettled, type RunRecord, type StepPhase, type StepRecord } from '../model/run.ts';
import type { Plan } from './plan.ts';

/** A queue of step numbers whose stale members are passed over when it is read. */
class StepQueue {
  private items: number[] = [];
  private head = 0;

  push(index: number): void {
    this.items.push(index);
  }

  /** The members that still hold, oldest first; those at the head that do not are dropped. */
  *current(holds: (index: number) => boolean): Generator<number> {
    for (let position = this.head; position < this.items.length; position += 1) {
      const index = this.items[position] as number;
      if (holds(index)) yield index;
      else if (position === this.head) this.head += 1;
    }
  }

  compact(): void {
    if (this.head < 1_024 || this.head * 2 < this.items.length) return;
    this.items = this.items.slice(this.head);
    this.head = 0;
  }
}

/** The changing half of what the decider looks at, beside the record itself. */
export class Frontier {
  private readonly plan: Plan;
  private readonly records: StepRecord[] = [];
  /** Needs of each step that are not settled yet. */
  private readonly missing: Int32Array;
  /** 1: a need did not succeed; 2: and something upstream failed. */
  private readonly blocked: Uint8Array;
  private readonly settled: Uint8Array;
  private readonly readyQueue = new StepQueue();
  private readonly blockedQueue = new StepQueue();
  private readonly undecidedQueue = new StepQueue();
  private readonly due = new Set<number>();
  private openAttempts = 0;
  private unsettledSteps: number;
  private failures = 0;

  constructor(plan: Plan, run: RunRecord) {
    this.plan = plan;
    this.missing = plan.graph.needCounts.slice();
    this.blocked = new Uint8Array(plan.graph.size);
    this.settled = new Uint8Array(plan.graph.size);
    this.unsettledSteps = plan.graph.size;
    for (const key of plan.keys) {
      const record = run.steps.get(key);
      if (record === undefined) throw new Bug(`frontier: step ${key} is not in the run`);
      this.records.push(record);
    }
    for (let index = 0; index < plan.graph.size; index += 1) {
      if (this.missing[index] === 0) this.readyQueue.push(index);
      if (this.recordAt(index).phase.kind === 'running') this.openAttempts += 1;
    }
    for (let index = 0; index < plan.graph.size; index += 1) this.look(index);
  }

  /** Steps that may start now: every need is satisfied, or their retry is due. Oldest first. */
  *ready(): Generator<number> {
    yield* this.readyQueue.current((index) => this.isReady(index));
  }

  /** Steps that can never start: every need is settled, and not all are satisfied. Oldest first. */
  *unstartable(): Generator<number> {
    yield* this.blockedQueue.current((index) => this.recordAt(index).phase.kind === 'pending');
  }

  /** Steps whose last attempt ended without closing them. */
  *undecided(): Generator<number> {
    yield* this.undecidedQueue.current((index) => this.recordAt(index).phase.kind === 'undecided');
  }

  /** Every step that nothing has been started for, or that waits for its next attempt; one walk over all steps. */
  *unstarted(): Generator<number> {
    for (const index of this.records.keys()) {
      const { kind } = this.recordAt(index).phase;
      if (kind === 'pending' || kind === 'retrying' || kind === 'waiting') yield index;
    }
  }

  /** Why a step cannot start as far as its needs have settled, or null when nothing stands in its way so far. */
  blockedBy(index: number): 'upstream_failed' | 'upstream_skipped' | null {
    const mark = this.blocked[index];
    return mark === 0 ? null : mark === 2 ? 'upstream_failed' : 'upstream_skipped';
  }

  /** The record of the step with this number. */
  recordAt(index: number): StepRecord {
    const record = this.records[index];
    if (record === undefined) throw new Bug(`frontier: no step ${index}`);
    return record;
  }

  /** Attempts under way. */
  get running(): number {
    return this.openAttempts;
  }

  /** Steps that are not settled. */
  get unsettled(): number {
    return this.unsettledSteps;
  }

  /** Steps that failed and were not allowed to. */
  get failed(): number {
    return this.failures;
  }

  /** The delay of a retry has passed. */
  markDue(key: StepKey): void {
    const index = this.plan.graph.indexOf.get(key);
    if (index === undefined || this.recordAt(index).phase.kind !== 'retrying') return;
    this.due.add(index);
    this.readyQueue.push(index);
  }

  /** Takes in an event about a step, after it was folded into the record. */
  note(type: string, key: StepKey): void {
    if (type === 'attempt.started') this.openAttempts += 1;
    else if (type === 'attempt.finished') this.openAttempts -= 1;
    const index = this.plan.graph.indexOf.get(key);
    if (index === undefined) return;
    if (type === 'attempt.started') this.due.delete(index);
    else this.look(index);
    this.readyQueue.compact();
    this.blockedQueue.compact();
    this.undecidedQueue.compact();
  }

  private isReady(index: number): boolean {
    const { kind } = this.recordAt(index).phase;
    return kind === 'pending' ? this.missing[index] === 0 : kind === 'retrying' && this.due.has(index);
  }

  private look(index: number): void {
    const { phase } = this.recordAt(index);
    if (phase.kind === 'undecided') this.undecidedQueue.push(index);
    if (!isSettled(phase) || this.settled[index] === 1) return;
    this.settled[index] = 1;
    this.unsettledSteps -= 1;
    if (phase.kind === 'failed' && !phase.tolerated) this.failures += 1;
    const mark = blockingMark(phase);
    forEachDependent(this.plan.graph, index, (dependent) => {
      this.blocked[dependent] = Math.max(this.blocked[dependent] ?? 0, mark);
      const left = (this.missing[dependent] ?? 0) - 1;
      this.missing[dependent] = left;
      if (left === 0) (this.blocked[dependent] === 0 ? this.readyQueue : this.blockedQueue).push(dependent);
    });
  }
}

function blockingMark(phase: StepPhase): 0 | 1 | 2 {
  if (isSatisfied(phase)) return 0;
  return phase.kind === 'failed' || (phase.kind === 'skipped' && phase.reason === 'upstream_failed') ? 2 : 1;
}

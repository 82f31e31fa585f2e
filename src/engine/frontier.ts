/**
 * What became decidable: the index that spares the decider from ever scanning all steps. Integers in, queues out. It is derived
 * from the record, so it can be built again at any time; `note` keeps it true after every event, in time linear in the edges
 * that leave a settled step, once per run.
 */

import type { StepKey } from '../base/ids.ts';
import { Bug } from '../base/result.ts';
import { forEachDependent } from '../model/graph.ts';
import type { Failure } from '../model/outcome.ts';
import { isSatisfied, isSettled, type RunRecord, type StepRecord } from '../model/run.ts';
import { isCleanup, overridesSuccess, type Plan, stepAt } from './plan.ts';
import { StepQueue } from './step-queue.ts';

/** What came of evaluating a step's condition. */
export type Judgement =
  | { readonly kind: 'met' }
  | { readonly kind: 'unmet' }
  | { readonly kind: 'broken'; readonly failure: Failure };

/** The changing half of what the decider looks at, beside the record itself. */
export class Frontier {
  private readonly plan: Plan;
  private readonly records: StepRecord[] = [];
  /** Needs of each step that are not settled yet. */
  private readonly missing: Int32Array;
  /** 1: a need was settled without satisfying. */
  private readonly blocked: Uint8Array;
  /** 1: something upstream, at any distance, failed. */
  private readonly tainted: Uint8Array;
  private readonly settled: Uint8Array;
  private readonly readyQueue = new StepQueue();
  private readonly blockedQueue = new StepQueue();
  private readonly questionQueue = new StepQueue();
  private readonly judgedQueue = new StepQueue();
  private readonly undecidedQueue = new StepQueue();
  private readonly asked = new Set<number>();
  private readonly judgements = new Map<number, Judgement>();
  private readonly due = new Set<number>();
  /** Attempts under way, and steps that are not settled: all of them, and those that are no cleanup. */
  private readonly open = { all: 0, plain: 0 };
  private readonly unsettledSteps = { all: 0, plain: 0 };
  private failures = 0;

  constructor(plan: Plan, run: RunRecord) {
    const { size, needCounts } = plan.graph;
    this.plan = plan;
    this.missing = needCounts.slice();
    this.blocked = new Uint8Array(size);
    this.tainted = new Uint8Array(size);
    this.settled = new Uint8Array(size);
    for (const key of plan.keys) {
      const record = run.steps.get(key);
      if (record === undefined) throw new Bug(`frontier: step ${key} is not in the run`);
      this.records.push(record);
    }
    for (let index = 0; index < size; index += 1) {
      this.count(this.unsettledSteps, index, 1);
      if (this.recordAt(index).phase.kind === 'running') this.count(this.open, index, 1);
      if (this.missing[index] === 0) this.becomeDecidable(index);
    }
    for (let index = 0; index < size; index += 1) this.look(index);
  }

  /** Steps that may start now: their condition is met, their retry is due, or their attempt was lost. Oldest first. */
  *ready(): Generator<number> {
    yield* this.readyQueue.current((index) => this.isReady(index));
  }

  /** Steps that can never start: every need is settled, and not all are satisfied. Oldest first. */
  *unstartable(): Generator<number> {
    yield* this.blockedQueue.current((index) => this.isPending(index));
  }

  /** Steps whose condition is to be evaluated now, and was not asked for yet. Oldest first. */
  *questions(): Generator<number> {
    yield* this.questionQueue.current((index) => this.isPending(index) && !this.asked.has(index));
  }

  /** Steps whose condition is not met, or could not be evaluated. */
  *turnedDown(): Generator<readonly [index: number, judgement: Exclude<Judgement, { kind: 'met' }>]> {
    for (const index of this.judgedQueue.current((candidate) => this.isPending(candidate))) {
      const judgement = this.judgements.get(index);
      if (judgement !== undefined && judgement.kind !== 'met') yield [index, judgement];
    }
  }

  /** Steps whose last attempt ended without closing them. */
  *undecided(): Generator<number> {
    yield* this.undecidedQueue.current(
      (index) => this.recordAt(index).phase.kind === 'undecided' && !this.isToStartAgain(index),
    );
  }

  /** Every step that nothing has been started for, or that waits for its next attempt; one walk over all steps. */
  *unstarted(): Generator<number> {
    for (const index of this.records.keys()) {
      const { kind } = this.recordAt(index).phase;
      if (kind === 'pending' || kind === 'retrying' || kind === 'waiting' || this.isToStartAgain(index)) yield index;
    }
  }

  /** Why a step cannot start as far as its needs have settled, or null when nothing stands in its way so far. */
  blockedBy(index: number): 'upstream_failed' | 'upstream_skipped' | null {
    if (this.blocked[index] === 0) return null;
    return this.tainted[index] === 1 ? 'upstream_failed' : 'upstream_skipped';
  }

  /** True when something upstream of a step, at any distance, failed. */
  hasFailureUpstream(index: number): boolean {
    return this.tainted[index] === 1;
  }

  /** The record of the step with this number. */
  recordAt(index: number): StepRecord {
    const record = this.records[index];
    if (record === undefined) throw new Bug(`frontier: no step ${index}`);
    return record;
  }

  /** Attempts under way. */
  get running(): number {
    return this.open.all;
  }

  /** Steps that are not settled. */
  get unsettled(): number {
    return this.unsettledSteps.all;
  }

  /** Steps that are neither settled nor running; those meant for cleaning up left out on demand. */
  notStarted(which: 'all' | 'plain'): number {
    return this.unsettledSteps[which] - this.open[which];
  }

  /** Steps that failed and were not allowed to. */
  get failed(): number {
    return this.failures;
  }

  /** The evaluation of a step's condition is under way. */
  markAsked(index: number): void {
    this.asked.add(index);
  }

  /** The condition of a step was evaluated. */
  judge(index: number, judgement: Judgement): void {
    this.judgements.set(index, judgement);
    (judgement.kind === 'met' ? this.readyQueue : this.judgedQueue).push(index);
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
    const index = this.plan.graph.indexOf.get(key);
    if (index === undefined) return;
    if (type === 'attempt.started') {
      this.count(this.open, index, 1);
      this.due.delete(index);
      return;
    }
    if (type === 'attempt.finished') this.count(this.open, index, -1);
    this.look(index);
  }

  private count(counter: { all: number; plain: number }, index: number, by: 1 | -1): void {
    counter.all += by;
    if (!isCleanup(this.plan, index)) counter.plain += by;
  }

  private isPending(index: number): boolean {
    return this.recordAt(index).phase.kind === 'pending';
  }

  /** Of what is in the queue, for nothing comes there before its needs are settled and its condition is met. */
  private isReady(index: number): boolean {
    const { kind } = this.recordAt(index).phase;
    return kind === 'pending' || (kind === 'retrying' && this.due.has(index)) || this.isToStartAgain(index);
  }

  /** A lost attempt is no verdict: the step waits for its turn like every other. */
  private isToStartAgain(index: number): boolean {
    const { phase } = this.recordAt(index);
    const isLost = phase.kind === 'undecided' && phase.attempt.outcome === 'lost';
    return isLost && stepAt(this.plan, index).if_lost === 'run_again';
  }

  /** Every need of a step is settled. */
  private becomeDecidable(index: number): void {
    // What has begun in an earlier life has its own way back.
    if (!this.isPending(index)) return;
    if (this.blocked[index] === 1 && !overridesSuccess(this.plan, index)) this.blockedQueue.push(index);
    else if (this.plan.conditions[index] === null) this.readyQueue.push(index);
    else this.questionQueue.push(index);
  }

  private look(index: number): void {
    const { phase } = this.recordAt(index);
    if (this.isToStartAgain(index)) this.readyQueue.push(index);
    else if (phase.kind === 'undecided') this.undecidedQueue.push(index);
    if (!isSettled(phase) || this.settled[index] === 1) return;
    this.settled[index] = 1;
    this.count(this.unsettledSteps, index, -1);
    const hasFailed = phase.kind === 'failed' && !phase.tolerated;
    if (hasFailed) this.failures += 1;
    const blocks = !isSatisfied(phase);
    const taints = hasFailed || this.tainted[index] === 1;
    forEachDependent(this.plan.graph, index, (dependent) => {
      if (blocks) this.blocked[dependent] = 1;
      if (taints) this.tainted[dependent] = 1;
      const left = (this.missing[dependent] ?? 0) - 1;
      this.missing[dependent] = left;
      if (left === 0) this.becomeDecidable(dependent);
    });
  }
}

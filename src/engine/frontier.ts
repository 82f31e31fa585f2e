/**
 * What became decidable: the index that spares the decider from ever scanning all steps. It is derived from the record, so it can be
 * built again at any time; `note` keeps it true after every event, in time linear in the edges that leave a settled step, once
 * per run. Where a node stands between two events is `staging.ts`.
 */

import type { StepKey } from '../base/ids.ts';
import { forEachDependent } from '../model/graph.ts';
import type { HandlerPhase } from '../model/policies.ts';
import { isSatisfied, isSettled, type RunRecord, type StepRecord } from '../model/run.ts';
import { Census } from './census.ts';
import { nextStepHandlers } from './handler-phases.ts';
import { type Answer, type Container, needsTickets, type Node, type Question } from './node.ts';
import { overridesSuccess, type Plan } from './plan.ts';
import type { ScriptCall } from './script-ports.ts';
import { awaitsIteration, isToStartAgain, Staging } from './staging.ts';
import { Tree } from './tree.ts';

/** The changing half of what the decider looks at, beside the record itself. */
export class Frontier {
  readonly tree: Tree;
  readonly staging: Staging;
  private readonly census = new Census();
  private unsettledNodes = 0;
  private attempts = 0;
  /** Groups whose time is over, and that are not settled. */
  readonly cutOff = new Set<Node>();
  private opened: Node[] = [];
  private handlerFailures = 0;
  private doomed = false;
  /** Groups that an earlier life had opened, and that are to be given again what they hold before anything in them goes on. */
  private readonly reopening = new Set<Node>();

  constructor(plan: Plan, run: RunRecord) {
    this.tree = new Tree(plan, run);
    this.staging = new Staging(!run.settings.fail_fast);
    this.enroll(this.tree.root);
    for (const phase of run.handlers) this.enroll(this.tree.openHandlers(null, phase));
  }

  /** Nodes that are not settled. */
  get unsettled(): number {
    return this.unsettledNodes;
  }

  /** Attempts under way that occupy a slot of the run. */
  get running(): number {
    return this.staging.slots;
  }

  /** Attempts under way. */
  get underway(): number {
    return this.attempts;
  }

  /** Nodes that wait, by what for; a retry counts as an iteration. */
  get waits(): { readonly [Wait in NonNullable<Node['wait']>]: number } {
    return this.census.waiting;
  }

  /** Nodes that are neither settled nor running; those meant for cleaning up left out on demand. */
  notStarted(which: 'all' | 'plain'): number {
    return this.census.idle[which];
  }

  /** True when a step of the flow failed and was not allowed to, or a handler did. */
  get hasFailed(): boolean {
    return this.tree.root.failures > 0 || this.handlerFailures > 0;
  }

  /** True when the steps of the flow cannot all succeed any more. */
  get isDoomed(): boolean {
    return this.doomed;
  }

  /** Every node that nothing has been started for, or that waits; one walk over all nodes. */
  *unstarted(): Generator<Node> {
    for (const node of this.tree.nodes) if (node.isIdle) yield node;
  }

  /** Why a step cannot start as far as its needs have settled, or null when nothing stands in its way so far. */
  static blockedBy({ isBlocked, isTainted }: Node): 'upstream_failed' | 'upstream_skipped' | null {
    if (!isBlocked) return null;
    return isTainted ? 'upstream_failed' : 'upstream_skipped';
  }

  /** Maps and groups whose children were opened since this was asked last. */
  takeOpened(): readonly Node[] {
    const { opened } = this;
    this.opened = [];
    return opened;
  }

  /** True while a group of an earlier life waits for what it holds. */
  get hasReopening(): boolean {
    return this.reopening.size > 0;
  }

  /** Opens them without it: nothing of them is to begin any more. */
  reopenAll(): void {
    for (const node of this.reopening) {
      this.staging.forget(node);
      this.open(node);
    }
  }

  /** Something was found out. @returns false when nobody wants to know any more. */
  answer(node: Node, question: Question, answer: Answer): boolean {
    const isNews = this.staging.answer(node, question, answer);
    if (isNews && answer.kind === 'granted' && this.reopening.has(node)) this.open(node);
    return isNews;
  }

  /** Takes in an event about a step, after it was folded into the record. @param hasFreeSlot see `Staging.note`. */
  note(type: string, key: StepKey, hasFreeSlot = true): void {
    const node = this.tree.find(key);
    if (node === undefined) return;
    this.staging.note(type, node, hasFreeSlot);
    if (type === 'retry.scheduled' && node.children !== null) {
      this.tree.dropChildren(node);
      this.cutOff.delete(node);
    }
    if (type === 'step.timed_out') this.cutOff.add(node);
    if (type === 'attempt.started') this.attempts += 1;
    else if (type === 'attempt.finished') this.attempts -= 1;
    this.look(node);
  }

  /** Handlers were begun. @param key whose; null for those of the flow. */
  noteHandlers(key: StepKey | null, phase: HandlerPhase): void {
    const owner = key === null ? null : (this.tree.find(key) ?? null);
    if (owner !== null) {
      this.staging.beginHandlers(owner);
      owner.openHandlers += 1;
    }
    this.enroll(this.tree.openHandlers(owner, phase));
  }

  /** A flow function, or a task, made a call. */
  addCall(record: StepRecord, call: ScriptCall): void {
    const node = this.tree.addCall(record, call);
    this.enter(node);
    this.becomeDecidable(node);
    this.look(node);
  }

  private enter(node: Node): void {
    this.unsettledNodes += 1;
    if (node.record.phase.kind === 'running') this.attempts += 1;
    this.staging.enter(node);
  }

  private enroll(container: Container): void {
    for (const node of container.nodes) this.enter(node);
    for (const node of container.nodes) if (node.missing === 0) this.becomeDecidable(node);
    for (const node of container.nodes) this.look(node);
    if (container.nodes.length === 0) this.endOf(container);
  }

  /** Every need of a node is settled. */
  private becomeDecidable(node: Node): void {
    const { kind } = node.record.phase;
    // What has begun in an earlier life has its own way back.
    if (kind !== 'pending' && kind !== 'queued') return;
    const isHandler = node.container.kind === 'handlers';
    if (node.isBlocked && !isHandler && !overridesSuccess(node.condition)) this.staging.block(node);
    else if (node.condition === null) this.staging.admit(node);
    else this.staging.want(node, 'condition');
  }

  private look(node: Node): void {
    const { phase } = node.record;
    this.census.count(node);
    if (isToStartAgain(node)) this.staging.stage(node);
    else if (phase.kind === 'undecided') {
      if (awaitsIteration(node)) this.staging.want(node, 'iterate');
      else this.staging.undecide(node);
    } else if (phase.kind === 'waiting') this.staging.review(node);
    else if (phase.kind === 'open' && node.children === null) {
      // One that begins in this life was given it before.
      if (needsTickets(node) && node.units === null) this.await(node);
      else this.open(node);
    }
    if (isSettled(phase) && !node.isSettled) this.settle(node);
  }

  private await(node: Node): void {
    this.reopening.add(node);
    this.staging.want(node, 'tickets');
  }

  private open(node: Node): void {
    this.reopening.delete(node);
    this.opened.push(node);
    // Its time was over before the run was cut.
    if (node.record.timed_out_after_ms !== null) this.cutOff.add(node);
    this.enroll(this.tree.openChildren(node));
  }

  private settle(node: Node): void {
    const { phase } = node.record;
    const { container } = node;
    node.isSettled = true;
    this.cutOff.delete(node);
    this.reopening.delete(node);
    this.unsettledNodes -= 1;
    const hasFailed = phase.kind === 'failed' && !phase.tolerated;
    if (phase.kind === 'failed' && phase.tolerated) container.tolerated += 1;
    // A handler that could not be brought to its end has not done its work.
    if (hasFailed || (container.kind === 'handlers' && phase.kind === 'cancelled')) this.fail(container);
    const blocks = !isSatisfied(phase);
    if (hasFailed) taintAfter(node);
    if (container.body !== null) {
      forEachDependent(container.body.graph, node.local, (local) => {
        const dependent = container.nodes[local];
        if (dependent === undefined) return;
        if (blocks) dependent.isBlocked = true;
        dependent.missing -= 1;
        if (dependent.missing === 0) this.becomeDecidable(dependent);
      });
    }
    this.staging.leave(node);
    node.openHandlers = node.record.handlers.length;
    for (const begun of node.record.handlers) this.enroll(this.tree.openHandlers(node, begun));
    if (node.record.handlers.length === 0) this.followUp(node);
  }

  /** What comes after a step's work, or after a phase of its handlers: the next phase, or nothing. */
  private followUp(node: Node): void {
    const phase = nextStepHandlers(node);
    if (phase !== null) {
      this.staging.finishWith(node, phase);
      return;
    }
    const { container } = node;
    container.unsettled -= 1;
    if (container.unsettled === 0) this.endOf(container);
  }

  private endOf({ owner, kind }: Container): void {
    if (owner === null) return;
    if (kind !== 'handlers') {
      this.staging.want(owner, 'conclude');
      return;
    }
    owner.openHandlers -= 1;
    if (owner.openHandlers === 0) this.followUp(owner);
  }

  private fail(container: Container): void {
    container.failures += 1;
    // Its caller hears of it, and may go on from that.
    if (container.kind === 'calls') return;
    const failing = container.kind === 'handlers' ? (container.owner?.container ?? null) : container;
    if (container.kind === 'handlers' && (failing === null || failing.owner === null)) {
      this.handlerFailures += 1;
      return;
    }
    if (failing === null) return;
    if (failing !== container) failing.failures += 1;
    // Whatever cannot succeed any more dooms what it belongs to, unless that may fail, or a map might still tolerate it.
    for (let at: Container = failing; ; ) {
      const { owner } = at;
      if (owner === null) {
        this.doomed = true;
        return;
      }
      if (owner.definition.continue_on_error && owner.record.role !== 'item') return;
      at = owner.container;
      if (at.tolerates > 0) return;
    }
  }
}

/**
 * Whatever comes after a failure has one upstream, at any distance. Told at once, for what lies between may have settled in an earlier
 * life, or is decided anew in this one. Linear in the edges, once per run.
 */
function taintAfter({ container: { body, nodes }, local }: Node): void {
  if (body === null) return;
  const open = [local];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    forEachDependent(body.graph, at, (next) => {
      const dependent = nodes[next];
      if (dependent === undefined || dependent.isTainted) return;
      dependent.isTainted = true;
      open.push(next);
    });
  }
}

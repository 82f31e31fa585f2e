/**
 * Where nodes stand between two events: the queues that the decider reads. Stale members are passed over, so nobody has to take them
 * out. Each node is in at most one place at a time: blocked, asked about, answered, waiting for its container's limit, or staged.
 */

import { conditionReads, parseCondition } from '../expressions/expressions.ts';
import type { HandlerPhase } from '../model/policies.ts';
import { Claimants } from './claimants.ts';
import { Lanes } from './lanes.ts';
import { type Answer, isMap, type Node, needsTickets, type Question, takesSlot } from './node.ts';
import { NodeQueue, PriorityQueue, QUEUES } from './node-queue.ts';

/** The queues of a run. */
export class Staging {
  /** Attempts under way that occupy a slot. */
  slots = 0;
  readonly lanes: Lanes;
  private readonly slotted = new PriorityQueue(QUEUES.slotted);
  private readonly unslotted = new NodeQueue(QUEUES.unslotted);
  private readonly ticketed = new Claimants();
  private readonly blocked = new NodeQueue(QUEUES.blocked);
  private readonly wanting = new NodeQueue(QUEUES.wanting);
  private readonly answered = new NodeQueue(QUEUES.answered);
  private readonly undecidedNodes = new NodeQueue(QUEUES.undecided);
  private readonly closable = new NodeQueue(QUEUES.closable);
  private readonly ended = new Map<Node, HandlerPhase>();

  /** @param sharesSlots true when quick calls may wait in line for one, see `Lanes`. */
  constructor(sharesSlots: boolean) {
    this.lanes = new Lanes(sharesSlots);
  }

  /** Nodes that may start now and occupy a slot: higher priority first, then oldest first. */
  ready(): Iterable<Node> {
    return this.slotted.current(isStaged);
  }

  /** Nodes that may begin without a slot: groups, waits for something outside, sub-flows. */
  free(): Iterable<Node> {
    return this.unslotted.current(isStaged);
  }

  /** Nodes that could begin, were they given the capacities they need, and that are to ask for them now; see `Claimants`. */
  claimants(most: number): Iterable<Node> {
    return this.ticketed.current(most);
  }

  /** Claims that are waited for. */
  get claims(): number {
    return this.ticketed.asking;
  }

  /** Nodes that can never start: every need is settled, and not all are satisfied. Oldest first. */
  unstartable(): Iterable<Node> {
    return this.blocked.current(({ record }) => record.phase.kind === 'pending');
  }

  /** Nodes about which something is to be found out, and that nobody was asked about yet. Oldest first. */
  questions(): Iterable<Node> {
    // One that wants capacities by now stands with the claimants: it must not be asked about twice.
    return this.wanting.current(({ wanted, isAsked }) => wanted !== null && wanted !== 'tickets' && !isAsked);
  }

  /** Nodes with an answer from which something follows. */
  answers(): Iterable<Node> {
    return this.answered.current(({ answer }) => answer !== null);
  }

  /** Nodes whose last attempt ended without closing them. */
  undecided(): Iterable<Node> {
    return this.undecidedNodes.current(
      (node) => node.record.phase.kind === 'undecided' && !isToStartAgain(node) && node.wanted === null,
    );
  }

  /** Waits that are over, and approvals that were answered or that nobody answered in time. */
  waitsOver(): Iterable<Node> {
    return this.closable.current(isWaitOver);
  }

  /** Settled nodes whose handlers are to begin. */
  get handlersDue(): ReadonlyMap<Node, HandlerPhase> {
    return this.ended;
  }

  /** A node joins: what it was about when an earlier life ended. */
  enter(node: Node): void {
    const { kind } = node.record.phase;
    if (kind === 'pending' || kind === 'succeeded' || kind === 'failed' || kind === 'skipped' || kind === 'cancelled')
      return;
    if (kind === 'running' && takesSlot(node)) this.slots += 1;
    this.occupy(node);
  }

  /** Everything that a node needed came to nothing. */
  block(node: Node): void {
    this.blocked.push(node);
  }

  /** Something has to be found out about a node. */
  want(node: Node, question: Question): void {
    node.wanted = question;
    node.isAsked = false;
    if (question === 'tickets') this.ticketed.push(node);
    else this.wanting.push(node);
  }

  /** Somebody is about it. */
  markAsked(node: Node): void {
    node.isAsked = true;
    if (node.wanted === 'tickets') this.ticketed.ask(node);
  }

  /** Something was found out. @returns false when nobody wants to know any more. */
  answer(node: Node, question: Question, answer: Answer): boolean {
    if (node.wanted !== question || !node.isAsked) return false;
    this.forget(node);
    if (answer.kind === 'met') this.admit(node);
    else if (answer.kind === 'recorded' && (answer.answer.kind === 'run' || node.record.phase.kind !== 'pending')) {
      // A step that was tried goes on trying; only what its success is kept under was to be found out.
      node.run = { kind: 'run', fingerprint: answer.answer.fingerprint, why: answer.answer.why };
      this.stage(node);
    } else if (answer.kind === 'granted') {
      node.units = answer.units;
      // One that is open already goes on with its children.
      if (node.record.phase.kind !== 'open') this.stage(node);
    } else {
      node.answer = answer;
      this.answered.push(node);
    }
    return true;
  }

  /** A node may begin as far as others are concerned: at once, or when its container has room. */
  admit(node: Node): void {
    const { container } = node;
    if (container.active < container.limit) {
      this.occupy(node);
      this.stage(node);
    } else container.waiting.push(node);
  }

  /** Sends a node to where its next step is prepared. */
  stage(node: Node): void {
    const { definition, record } = node;
    const { kind } = definition.action;
    const waitsOutside = record.phase.kind === 'waiting' && record.phase.for === 'condition';
    if (needsTickets(node) && node.units === null && !asksForResults(node)) {
      this.want(node, 'tickets');
    } else if (isMap(node)) this.want(node, 'items');
    else if ((kind === 'wait' || kind === 'approve') && !waitsOutside && record.phase.kind === 'pending') {
      this.want(node, 'wait');
    } else if (asksForResults(node)) this.want(node, 'reuse');
    else {
      node.isStaged = true;
      if (takesSlot(node)) this.slotted.push(node);
      else this.unslotted.push(node);
    }
  }

  /** An attempt ended, and what follows is to be decided. */
  undecide(node: Node): void {
    this.undecidedNodes.push(node);
  }

  /** A node waits: perhaps not any more. */
  review(node: Node): void {
    const { phase } = node.record;
    if (phase.kind !== 'waiting') return;
    if (isWaitOver(node)) this.closable.push(node);
    else if (
      (phase.for === 'condition' || (phase.for === 'iteration' && node.isDue)) &&
      !node.isStaged &&
      node.wanted === null
    )
      this.stage(node);
  }

  /** A delay is over. */
  markDue(node: Node): void {
    if (node.isDue) return;
    node.isDue = true;
    if (node.record.phase.kind === 'retrying') this.stage(node);
    else this.review(node);
  }

  /** A settled node's handlers are to begin, if there are any. */
  finishWith(node: Node, phase: HandlerPhase | null): void {
    if (phase !== null) this.ended.set(node, phase);
  }

  /** The handlers of a node that were due have begun. */
  beginHandlers(node: Node): void {
    this.ended.delete(node);
  }

  /** Takes in an event about a node. @param hasFreeSlot of the start of an attempt: whether it finds a free slot. */
  note(type: string, node: Node, hasFreeSlot: boolean): void {
    if (type === 'step.queued' || type === 'handlers.started' || type === 'approval.answered') return;
    const begins = type === 'attempt.started';
    if (begins && takesSlot(node)) this.slots += this.lanes.takes(node) ? this.lanes.enter(node, hasFreeSlot) : 1;
    if (type === 'attempt.finished' && takesSlot(node)) {
      this.slots -= node.isInLane ? this.lanes.leave(node) : 1;
      this.lanes.learn(node);
    }
    if (type === 'retry.scheduled' || type === 'attempt.finished') {
      node.units = null;
      node.run = null;
    }
    if (begins || STEPPING.has(type)) {
      if (node.wanted !== null) this.forget(node);
      node.answer = null;
      node.isStaged = false;
      node.isDue = false;
    }
  }

  /** A settled node makes room in its container. */
  leave(node: Node): void {
    const { container } = node;
    node.isStaged = false;
    if (!node.isAdmitted) return;
    node.isAdmitted = false;
    container.active -= 1;
    while (container.active < container.limit && container.nextWaiting < container.waiting.length) {
      const next = container.waiting[container.nextWaiting++];
      if (next === undefined || next.isSettled) continue;
      this.occupy(next);
      this.stage(next);
    }
  }

  private occupy(node: Node): void {
    if (node.isAdmitted) return;
    node.isAdmitted = true;
    node.container.active += 1;
  }

  /** Nobody wants to know any more. */
  forget(node: Node): void {
    if (node.wanted === 'tickets' && node.isAsked) this.ticketed.hear(node);
    node.wanted = null;
    node.isAsked = false;
  }
}

const isStaged = (node: Node): boolean => node.isStaged;

/** Events by which a node goes on to something else. */
const STEPPING: ReadonlySet<string> = new Set([
  'step.expanded',
  'step.settled',
  'step.skipped',
  'step.reused',
  'retry.scheduled',
  'iteration.scheduled',
  'wait.started',
  'approval.requested',
]);

/** Nobody looked yet, before the attempt that comes next, whether a recorded result will do. */
const isFresh = ({ run }: Node): boolean => run === null;

/** What a repeating step yielded once is not yet what it yields: no result stands for it. */
const asksForResults = (node: Node): boolean =>
  node.definition.reuse !== null && node.definition.repeat === null && isFresh(node);

/** A lost attempt is no verdict: the step waits for its turn like every other. A sub-run is continued; its own steps have their own say. */
export function isToStartAgain({ record: { phase }, definition }: Node): boolean {
  const isLost = phase.kind === 'undecided' && phase.attempt.outcome === 'lost';
  return isLost && (definition.if_lost === 'run_again' || definition.action.kind === 'flow');
}

/** True when a repeating step's condition says what follows its last attempt. */
export function awaitsIteration({ record: { phase }, definition: { repeat }, answer }: Node): boolean {
  if (repeat === null || phase.kind !== 'undecided' || answer !== null) return false;
  const { outcome, error, skips } = phase.attempt;
  return (
    (outcome === 'succeeded' && !skips) ||
    (outcome === 'failed' && error?.code === 'exit_code' && readsExitCode(repeat.condition))
  );
}

function readsExitCode(text: string): boolean {
  const condition = parseCondition(text);
  return condition.ok && conditionReads(condition.value).some(({ root }) => root === 'exit_code');
}

function isWaitOver({ record: { phase, answer }, isDue }: Node): boolean {
  if (phase.kind !== 'waiting') return false;
  return (phase.for === 'approval' && (answer !== null || isDue)) || (phase.for === 'time' && isDue);
}

/** Queues of nodes whose stale members are passed over when they are read, so that nobody has to take them out. */

import type { Node } from './node.ts';

/** What has been read is cut off when it is at least so much, and half of all. */
const CUT = 1_024;
const NOBODY: readonly Node[] = [];

/** Marks in `Node.standsIn`, one for each queue of a run. */
export const QUEUES = {
  slotted: 1,
  unslotted: 2,
  ticketed: 4,
  blocked: 8,
  wanting: 16,
  answered: 32,
  undecided: 64,
  closable: 128,
};

/**
 * Push at the end, read from the front. A node stands in it once, and what does not hold any more is dropped when it is read: in all
 * that costs time linear in what was pushed. (A Set does not: V8 walks over what was deleted from its front.)
 */
export class NodeQueue {
  private readonly mark: number;
  /** Null: dropped. Nothing is read before `head`. */
  private nodes: (Node | null)[] = [];
  private head = 0;
  /** How many behind `head` were dropped. */
  private gaps = 0;

  /** @param mark one of `QUEUES`; queues that share one never hold the same node. */
  constructor(mark: number) {
    this.mark = mark;
  }

  /** True when nothing is left to be read. */
  get isEmpty(): boolean {
    return this.head === this.nodes.length;
  }

  /** Adds a node at the end; one that is in it already keeps its place. */
  push(node: Node): void {
    if ((node.standsIn & this.mark) !== 0) return;
    node.standsIn |= this.mark;
    this.nodes.push(node);
  }

  /** The members that still hold, oldest first. Nothing may be pushed while it is read. */
  current(holds: (node: Node) => boolean): Iterable<Node> {
    return this.isEmpty ? NOBODY : this.read(holds);
  }

  private *read(holds: (node: Node) => boolean): Generator<Node> {
    this.tidy();
    for (let at = this.head; at < this.nodes.length; at += 1) {
      const node = this.nodes[at] ?? null;
      if (node !== null && holds(node)) yield node;
      else this.drop(node, at);
    }
  }

  private drop(node: Node | null, at: number): void {
    if (node !== null) node.standsIn &= ~this.mark;
    if (at === this.head) {
      if (node === null) this.gaps -= 1;
      this.head += 1;
    } else if (node !== null) {
      this.nodes[at] = null;
      this.gaps += 1;
    }
  }

  private tidy(): void {
    const length = this.nodes.length - this.head;
    if (this.gaps * 2 > length) {
      this.nodes = this.nodes.slice(this.head).filter((node) => node !== null);
      this.gaps = 0;
      this.head = 0;
    } else if (this.head >= CUT && this.head > length) {
      this.nodes = this.nodes.slice(this.head);
      this.head = 0;
    }
  }
}

/** Queues by the priority that steps declare: one for each that is waited with, so that those of a hundred thousand cost what is in them. */
export class PriorityQueue {
  private readonly mark: number;
  private readonly queues = new Map<number, NodeQueue>();
  /** Their priorities, lowest first. */
  private readonly order: number[] = [];

  /** @param mark as for `NodeQueue`. */
  constructor(mark: number) {
    this.mark = mark;
  }

  /** Adds a node behind those of its priority. */
  push(node: Node): void {
    const { priority } = node.definition;
    let queue = this.queues.get(priority);
    if (queue === undefined) {
      queue = new NodeQueue(this.mark);
      this.queues.set(priority, queue);
      this.order.splice(this.placeOf(priority), 0, priority);
    }
    queue.push(node);
  }

  /** The members that still hold: higher priority first, then oldest first. Nothing may be pushed while it is read. */
  current(holds: (node: Node) => boolean): Iterable<Node> {
    const only = this.order.length === 1 ? this.queues.get(this.order[0] ?? 0) : undefined;
    return this.order.length === 0 ? NOBODY : (only?.current(holds) ?? this.inOrder(holds));
  }

  private *inOrder(holds: (node: Node) => boolean): Generator<Node> {
    for (let at = this.order.length - 1; at >= 0; at -= 1) {
      const priority = this.order[at] ?? 0;
      const queue = this.queues.get(priority);
      if (queue === undefined) continue;
      yield* queue.current(holds);
      if (!queue.isEmpty) continue;
      this.queues.delete(priority);
      this.order.splice(at, 1);
    }
  }

  /** How many queues have a lower priority. */
  private placeOf(priority: number): number {
    let [low, high] = [0, this.order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.order[middle] ?? 0) < priority) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

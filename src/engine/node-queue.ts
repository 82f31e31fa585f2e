/** Queues of nodes whose stale members are passed over when they are read, so that nobody has to take them out. */

import type { Node } from './node.ts';

const COMPACT_FROM = 1_024;

/** Push at the end, read from the front; a read drops what does not hold any more at the front. */
export class NodeQueue {
  private items: Node[] = [];
  private head = 0;

  /** Adds a node at the end. */
  push(node: Node): void {
    if (this.head >= COMPACT_FROM && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    this.items.push(node);
  }

  /** The members that still hold, oldest first. Nothing may be pushed while it is read. */
  *current(holds: (node: Node) => boolean): Generator<Node> {
    for (let position = this.head; position < this.items.length; position += 1) {
      const node = this.items[position];
      if (node !== undefined && holds(node)) yield node;
      else if (position === this.head) this.head += 1;
    }
  }
}

/** Queues by the priority that steps declare. There are few priorities in a flow. */
export class PriorityQueue {
  private readonly queues = new Map<number, NodeQueue>();
  private order: readonly number[] = [];

  /** Adds a node behind those of its priority. */
  push(node: Node): void {
    const { priority } = node.definition;
    let queue = this.queues.get(priority);
    if (queue === undefined) {
      queue = new NodeQueue();
      this.queues.set(priority, queue);
      this.order = [...this.queues.keys()].sort((one, other) => other - one);
    }
    queue.push(node);
  }

  /** The members that still hold: higher priority first, then oldest first. Nothing may be pushed while it is read. */
  *current(holds: (node: Node) => boolean): Generator<Node> {
    for (const priority of this.order) yield* this.queues.get(priority)?.current(holds) ?? [];
  }
}

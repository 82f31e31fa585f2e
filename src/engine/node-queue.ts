/** Queues of nodes whose stale members are passed over when they are read, so that nobody has to take them out. */

import type { Node } from './node.ts';

/** Push at the end, read from the front. A node stands in it once, and what does not hold any more is dropped when it is read. */
export class NodeQueue {
  private readonly nodes = new Set<Node>();

  /** Adds a node at the end; one that is in it already keeps its place. */
  push(node: Node): void {
    this.nodes.add(node);
  }

  /** The members that still hold, oldest first. Nothing may be pushed while it is read. */
  *current(holds: (node: Node) => boolean): Generator<Node> {
    for (const node of this.nodes) {
      if (holds(node)) yield node;
      else this.nodes.delete(node);
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

/**
 * Nodes that could begin, were they given the capacities they need. They stand apart by what they need, so that a long queue for one
 * capacity keeps nobody from asking for another.
 */

import { needsTickets, type Node } from './node.ts';
import { PriorityQueue, QUEUES } from './node-queue.ts';

/** Whoever waits for capacities holds nothing, but a claim for each of ten thousand items would serve nobody. */
const MOST_CLAIMS = 64;

interface Kind {
  readonly queue: PriorityQueue;
  /** Claims that were made and are not answered. */
  asking: number;
}

/** All of them. */
export class Claimants {
  private readonly kinds = new Map<string, Kind>();

  /** A node wants what its definition says. */
  push(node: Node): void {
    this.kindOf(node).queue.push(node);
  }

  /** Its claim is made. */
  ask(node: Node): void {
    this.kindOf(node).asking += 1;
  }

  /** Its claim is answered, or taken back. */
  hear(node: Node): void {
    this.kindOf(node).asking -= 1;
  }

  /** Claims that are waited for. */
  get asking(): number {
    let sum = 0;
    for (const { asking } of this.kinds.values()) sum += asking;
    return sum;
  }

  /**
   * Those that are to ask now, of each kind at most so many, and one at least where none of its kind does: higher priority first, then
   * oldest first. Costs time linear in what is read, and in the kinds.
   */
  *current(most: number): Generator<Node> {
    for (const [name, { queue, asking }] of this.kinds) {
      let left = Math.min(Math.max(most, asking === 0 ? 1 : 0), MOST_CLAIMS - asking);
      if (left <= 0) continue;
      let isEmpty = true;
      for (const node of queue.current(({ wanted, isAsked }) => wanted === 'tickets' && !isAsked)) {
        isEmpty = false;
        yield node;
        left -= 1;
        if (left <= 0) break;
      }
      if (isEmpty && asking === 0) this.kinds.delete(name);
    }
  }

  private kindOf(node: Node): Kind {
    const name = nameOf(node);
    const kind = this.kinds.get(name) ?? { queue: new PriorityQueue(QUEUES.ticketed), asking: 0 };
    this.kinds.set(name, kind);
    return kind;
  }
}

/**
 * What nodes of one kind have in common: what they need, and the nearest of those around them that needs something as well. What waits
 * outside of a group for what this one holds must not keep its members from asking, or nothing would ever go on.
 */
function nameOf({ definition, container }: Node): string {
  let around = container.owner;
  while (around !== null && !needsTickets(around)) around = around.container.owner;
  return JSON.stringify([around?.number ?? null, ...Object.keys(definition.resources).sort()]);
}

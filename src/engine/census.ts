/** How many nodes are idle, and how many wait for what: counted as their phases change, so that nobody ever walks over all of them. */

import type { Node } from './node.ts';
import { isToStartAgain } from './staging.ts';

/** The counts of one run. */
export class Census {
  /** Nodes that are neither settled nor under way: all of them, and those that are not there to clean up. */
  readonly idle = { all: 0, plain: 0 };
  /** Nodes that wait, by what for; a retry counts as an iteration. */
  readonly waiting = { time: 0, approval: 0, iteration: 0, condition: 0 };

  /** Looks at a node whose phase may be another one. */
  count(node: Node): void {
    const { phase } = node.record;
    const wait = phase.kind === 'waiting' ? phase.for : phase.kind === 'retrying' ? 'iteration' : null;
    if (wait !== node.wait) {
      this.countWait(node.wait, -1);
      this.countWait(wait, 1);
      node.wait = wait;
    }
    const isIdle =
      phase.kind === 'pending' ||
      phase.kind === 'retrying' ||
      phase.kind === 'waiting' ||
      phase.kind === 'queued' ||
      isToStartAgain(node);
    if (isIdle === node.isIdle) return;
    const by = isIdle ? 1 : -1;
    node.isIdle = isIdle;
    this.idle.all += by;
    if (!node.isCleanup) this.idle.plain += by;
  }

  private countWait(wait: Node['wait'], by: 1 | -1): void {
    if (wait !== null) this.waiting[wait] += by;
  }
}

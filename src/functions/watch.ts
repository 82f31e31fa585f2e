/** Says when a flow function does nothing but wait for its calls: then whoever replays knows that it comes to no further call by itself. */

import type { Calling } from './calling.ts';

/**
 * How long a function makes no call before it counts as waiting. Not everything that it may have under way beside its calls can be seen:
 * compressing and hashing cannot. What can be seen (timers, connections) may take its time, or be there for ever.
 */
const PATIENCE_MS = { unseen: 500, seen: 10_000 };
const PAUSE_MS = 2;

/** Watches over the calls of a function. */
export class Watch {
  private readonly calling: Calling;
  private readonly waits: (told: number, asked: number) => void;
  private isLooking = false;
  private isOver = false;
  private since = 0;
  private readonly patienceMs: () => number;

  /**
   * @param waits told whenever the function waits, with how many ends it was told and how many calls it made.
   * @param patienceMs how long it is to make no call before that. Default: as what the thread holds open says.
   */
  constructor(
    calling: Calling,
    waits: (told: number, asked: number) => void,
    patienceMs = () => (holdsOpen() ? PATIENCE_MS.seen : PATIENCE_MS.unseen),
  ) {
    this.calling = calling;
    this.waits = waits;
    this.patienceMs = patienceMs;
  }

  /** Something happened: it may wait afterwards. */
  look(): void {
    this.since = performance.now();
    if (!this.isLooking && !this.isOver) void this.wait();
  }

  /** Nobody wants to know any more. */
  end(): void {
    this.isOver = true;
  }

  private async wait(): Promise<void> {
    this.isLooking = true;
    for (;;) {
      const { told, asked } = this.calling;
      await this.calling.quiet();
      if (this.isOver) break;
      const isStill = !this.calling.isBusy && told === this.calling.told && asked === this.calling.asked;
      if (isStill && performance.now() - this.since >= this.patienceMs()) {
        this.waits(told, asked);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    this.isLooking = false;
  }
}

/** Timers, files, connections of the function. */
const holdsOpen = (): boolean =>
  process.getActiveResourcesInfo().some((resource) => resource !== 'MessagePort' && resource !== 'Immediate');

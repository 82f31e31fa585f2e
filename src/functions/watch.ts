/** Says when a flow function does nothing but wait for its calls: then whoever replays knows that it comes to no further call by itself. */

import type { Calling } from './calling.ts';

/** A function that has timers or connections of its own, and makes no call for so long, counts as waiting. */
const PATIENCE_MS = 1_000;
const PAUSE_MS = 2;

/** Watches over the calls of a function. */
export class Watch {
  private readonly calling: Calling;
  private readonly waits: (told: number, asked: number) => void;
  private isLooking = false;
  private isOver = false;
  private since = 0;
  private readonly hasWork: () => boolean;

  /**
   * @param waits told whenever the function waits, with how many ends it was told and how many calls it made.
   * @param hasWork whether the function has something under way beside its calls. Default: looks at what the thread holds open.
   */
  constructor(calling: Calling, waits: (told: number, asked: number) => void, hasWork = holdsOpen) {
    this.calling = calling;
    this.waits = waits;
    this.hasWork = hasWork;
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
      if (isStill && (!this.hasWork() || performance.now() - this.since > PATIENCE_MS)) {
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

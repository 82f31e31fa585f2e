/** The time that a life of a run has spent executing, against the `timeout` of its flow. Waits for people and for others do not count. */

import type { Clock } from './ports.ts';

/** A stopwatch that rings. */
export class RunTime {
  private readonly clock: Clock;
  private readonly limitMs: number | null;
  private readonly ring: () => void;
  private spentMs = 0;
  private since: number | null = null;
  private takeBack: (() => void) | null = null;

  /** @param limitMs null: it never rings. @param ring called once, when the time is over. */
  constructor(clock: Clock, limitMs: number | null, ring: () => void) {
    this.clock = clock;
    this.limitMs = limitMs;
    this.ring = ring;
  }

  /** True when it may ring. */
  get isLimited(): boolean {
    return this.limitMs !== null;
  }

  /** Says whether the run is executing now. */
  update(isExecuting: boolean): void {
    if (this.limitMs === null || isExecuting === (this.since !== null)) return;
    const now = this.clock.monotonic();
    if (this.since === null) {
      this.since = now;
      this.takeBack = this.clock.after(Math.max(0, this.limitMs - this.spentMs), this.ring);
    } else {
      this.spentMs += now - this.since;
      this.stop();
    }
  }

  /** Takes the bell back. */
  stop(): void {
    this.takeBack?.();
    this.takeBack = null;
    this.since = null;
  }
}

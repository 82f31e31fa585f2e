/** Time in a rehearsal: the machine's, or one that stands still while anything happens and jumps over every wait. */

import { setTimeout as delay } from 'node:timers/promises';

/** What waits and tells the time. */
export interface RehearsalClock {
  /** Milliseconds since 1970; null: the machine's clock. */
  now(): number | null;
  wait(ms: number): Promise<void>;
  /** Something that a jump must not overtake begins, or ends. */
  begin(): void;
  end(): void;
}

/** The machine's time. */
export const realTime: RehearsalClock = {
  now: () => null,
  wait: (ms) => delay(ms),
  begin: () => undefined,
  end: () => undefined,
};

interface Waiting {
  readonly due: number;
  readonly wake: () => void;
}

/** A clock that jumps to the end of the shortest wait whenever nothing is under way. */
export class JumpingClock implements RehearsalClock {
  #now: number;
  #busy = 0;
  #looking = false;
  readonly #waiting: Waiting[] = [];

  /** @param now where it begins, in milliseconds since 1970. */
  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  wait(ms: number): Promise<void> {
    return new Promise((wake) => {
      const due = this.#now + ms;
      const later = this.#waiting.findIndex((other) => other.due > due);
      this.#waiting.splice(later === -1 ? this.#waiting.length : later, 0, { due, wake });
      this.#look();
    });
  }

  begin(): void {
    this.#busy += 1;
  }

  end(): void {
    this.#busy -= 1;
    this.#look();
  }

  /** What follows from something may begin something else first: two turns of the event loop are left to it. */
  #look(): void {
    if (this.#looking) return;
    this.#looking = true;
    setImmediate(() =>
      setImmediate(() => {
        this.#looking = false;
        if (this.#busy > 0) return;
        const next = this.#waiting.shift();
        if (next === undefined) return;
        this.#now = next.due;
        next.wake();
        if (this.#waiting.length > 0) this.#look();
      }),
    );
  }
}

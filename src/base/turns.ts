/** Work that takes turns: ten thousand items may ask at once, but there are not as many descriptors. */

/** Lets so many pieces of work go on at once; the others wait, first come, first served. */
export class Turns {
  private free: number;
  private readonly waiting: (() => void)[] = [];
  private next = 0;

  /** @param atOnce how many, at least 1. */
  constructor(atOnce: number) {
    this.free = atOnce;
  }

  /** Does the work when it is its turn. @returns what it yields; rejects as it does. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      this.pass();
    }
  }

  /** The turn goes to who waits longest; it never becomes free in between, so nobody overtakes. */
  private pass(): void {
    const first = this.waiting[this.next];
    if (first === undefined) {
      this.free += 1;
      return;
    }
    this.next += 1;
    if (this.next === this.waiting.length) {
      this.waiting.length = 0;
      this.next = 0;
    }
    first();
  }
}

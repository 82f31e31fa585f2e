/** A queue of step numbers whose stale members are passed over when it is read, so that nobody has to take them out. */

const COMPACT_FROM = 1_024;

/** Push at the end, read from the front; a read drops what does not hold any more at the front. */
export class StepQueue {
  private items: number[] = [];
  private head = 0;

  /** Adds a step at the end. */
  push(index: number): void {
    if (this.head >= COMPACT_FROM && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    this.items.push(index);
  }

  /** The members that still hold, oldest first. Nothing may be pushed while it is read. */
  *current(holds: (index: number) => boolean): Generator<number> {
    for (let position = this.head; position < this.items.length; position += 1) {
      const index = this.items[position] as number;
      if (holds(index)) yield index;
      else if (position === this.head) this.head += 1;
    }
  }
}

/**
 * Who may have a call that was handed to a host and waits there behind others: the host, which is about to begin it, or the pool, which
 * takes it back since the one before it does not end. A host in the middle of a call hears no messages, so the two agree in shared
 * memory: exactly one of them gets it.
 */

/** More than can wait in a host, taken back ones included that it has not passed over yet. */
const CELLS = 1_024;

const OPEN = 1;
const BEGUN = 2;
const TAKEN_BACK = 3;

/** The calls of one host, by the numbers under which they were handed over. */
export class Claims {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;

  /** @param memory of the other side. Default: a new one. */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  /** A call is handed over. */
  open(ticket: number): void {
    Atomics.store(this.#cells, ticket % CELLS, OPEN);
  }

  /** The host begins a call. @returns false when it was taken back. */
  begin(ticket: number): boolean {
    return Atomics.compareExchange(this.#cells, ticket % CELLS, OPEN, BEGUN) === OPEN;
  }

  /** The pool takes a call back. @returns false when it was begun. */
  takeBack(ticket: number): boolean {
    return Atomics.compareExchange(this.#cells, ticket % CELLS, OPEN, TAKEN_BACK) === OPEN;
  }
}

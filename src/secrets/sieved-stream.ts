/** Hides patterns in a stream as stream masks do, and steps over what a sieve finds nothing in. */

import type { Sieve } from './sieve.ts';
import type { StreamMask } from './stream-mask.ts';

/** Bytes that are searched at once where something may begin; twice as many each time that it goes on, or happens again soon. */
const FEWEST = 64;
const MOST = 65_536;
const NOTHING = Buffer.alloc(0);
const NO_WORDS: Int32Array = new Int32Array(0);

/** A stream through one mask after the other. */
export class SievedStream {
  readonly #masks: readonly StreamMask[];
  readonly #sieve: Sieve;
  #words = NO_WORDS;
  #window = FEWEST;

  /** @param sieve made of the patterns of all the masks. */
  constructor(masks: readonly StreamMask[], sieve: Sieve) {
    this.#masks = masks;
    this.#sieve = sieve;
  }

  /** Takes the next bytes, and gives those that can be given out. */
  push(chunk: Buffer): Buffer {
    const parts = this.parts(chunk);
    return parts.length === 1 ? (parts[0] ?? NOTHING) : Buffer.concat(parts);
  }

  /** As `push`, and copies nothing: what there is nothing to hide in is a part of what came. */
  parts(chunk: Buffer): readonly Buffer[] {
    if (this.#words.buffer !== chunk.buffer)
      this.#words = new Int32Array(chunk.buffer, 0, chunk.buffer.byteLength >> 2);
    const parts: Buffer[] = [];
    let from = 0;
    while (from < chunk.length) {
      const isAtRest = this.#masks.every((mask) => mask.isAtRest);
      const at = isAtRest ? this.#sieve.next(chunk, this.#words, from) : from;
      this.#window = at - from < this.#window ? Math.min(this.#window * 2, MOST) : FEWEST;
      if (at > from) parts.push(chunk.subarray(from, at));
      from = at;
      const searched = chunk.subarray(from, from + this.#window);
      const masked = this.#masks.reduce((bytes, mask) => mask.push(bytes), searched);
      if (masked.length > 0) parts.push(masked);
      from += searched.length;
    }
    return parts;
  }

  /** The stream is over. @returns what was held back. */
  end(): Buffer {
    this.#words = NO_WORDS;
    return this.#masks.reduce((bytes, mask) => Buffer.concat([mask.push(bytes), mask.end()]), NOTHING);
  }
}

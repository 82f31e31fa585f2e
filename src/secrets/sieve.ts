/**
 * Steps over what holds no pattern. Of a pattern of eleven bytes, wherever it stands, four bytes lie within it that begin at a multiple of
 * eight; so it is enough to look at every eighth place, and there at four bytes at once, whether they are among the first of some pattern
 * (blocks that are looked up by a hash, as in Wu and Manber, "A fast algorithm for multi-pattern searching", 1994). What is not stepped over
 * is for the tree to decide: a sieve errs on that side only.
 */

import { isBreak } from './pattern-tree.ts';

/** How many bytes are looked at in one place. */
const BLOCK = 4;
/** From one place to the next, at most: the words of the middle of a secret are more often those of other texts. */
const LONGEST_STRIDE = 16;
/** More line breaks than these in a row end what is passed over. */
const LONGEST_BREAK = 2;
/** Of Fibonacci hashing: 2^32 divided by the golden ratio (Knuth, "The Art of Computer Programming", 6.4). */
const GOLDEN = 0x9e3779b1;

/**
 * The first of every so many words whose hash is that of some block, or which has a line break in it (a byte that is zero when the break is
 * taken from it by xor; Mycroft's test); `end` or a later one when there is none. By itself, and nothing but this, for V8 to make the best of it.
 */
function remarkable(
  words: Int32Array,
  from: number,
  end: number,
  step: number,
  hashed: Uint8Array,
  shift: number,
): number {
  for (let at = from; ; at += step) {
    if (at >= end) return at;
    const word = words[at] ?? 0;
    if (hashed[Math.imul(word, GOLDEN) >>> shift] === 1) return at;
    const feed = word ^ 0x0a0a0a0a;
    const turn = word ^ 0x0d0d0d0d;
    if (((((feed - 0x01010101) & ~feed) | ((turn - 0x01010101) & ~turn)) & 0x80808080) !== 0) return at;
  }
}

/** Finds where patterns may begin. */
export class Sieve {
  readonly #stride: number;
  /** The blocks that tell of a pattern, and by their hash whether to ask for them at all. */
  readonly #blocks: ReadonlySet<number>;
  readonly #hashed: Uint8Array;
  readonly #shift: number;

  constructor(stride: number, blocks: ReadonlySet<number>) {
    const bits = Math.min(18, Math.max(12, Math.ceil(Math.log2(blocks.size * 32))));
    this.#stride = stride;
    this.#blocks = blocks;
    this.#shift = 32 - bits;
    this.#hashed = new Uint8Array(2 ** bits);
    for (const block of blocks) this.#hashed[Math.imul(block, GOLDEN) >>> this.#shift] = 1;
  }

  /**
   * @param words the whole buffer that the bytes lie in.
   * @returns the first place, `from` or a later one, at which the sieve cannot say that no pattern begins.
   */
  next(bytes: Buffer, words: Int32Array, from: number): number {
    const offset = bytes.byteOffset;
    const end = Math.floor((offset + bytes.length) / BLOCK);
    let at = Math.ceil((offset + from) / BLOCK);
    if (at >= end) return from;
    for (;;) {
      at = remarkable(words, at, end, this.#stride / BLOCK, this.#hashed, this.#shift);
      const place = at * BLOCK - offset;
      if (at >= end || this.#tells(words[at] ?? 0) || this.#goesOnBehindBreak(bytes, place))
        return Math.max(from, place - this.#stride + 1);
      at += this.#stride / BLOCK;
    }
  }

  #tells(block: number): boolean {
    return this.#hashed[Math.imul(block, GOLDEN) >>> this.#shift] === 1 && this.#blocks.has(block);
  }

  /** A block with line breaks in it, which a pattern may have passed over. */
  #goesOnBehindBreak(bytes: Buffer, place: number): boolean {
    let count = 0;
    let breaks = 0;
    let anyBreak = false;
    for (let index = place; count < BLOCK; index += 1) {
      const byte = bytes[index];
      // What comes next decides.
      if (byte === undefined) return true;
      if (isBreak(byte)) {
        anyBreak = true;
        breaks += 1;
        if (breaks > LONGEST_BREAK) return false;
      } else {
        breaks = 0;
        BLOCK_BYTES[count] = byte;
        count += 1;
      }
      if (!anyBreak && count === BLOCK) return false;
    }
    return this.#tells(BLOCK_WORD[0] ?? 0);
  }
}

/** To read four bytes as a word, in this machine's order. */
const BLOCK_WORD = new Int32Array(1);
const BLOCK_BYTES = new Uint8Array(BLOCK_WORD.buffer);

/** @returns null where a pattern is too short to be found like this. */
export function makeSieve(patterns: readonly Uint8Array[]): Sieve | null {
  const shortest = patterns.reduce((least, { length }) => Math.min(least, length), Number.POSITIVE_INFINITY);
  const stride = Math.min(LONGEST_STRIDE, Math.floor((shortest - BLOCK + 1) / BLOCK) * BLOCK);
  if (stride < BLOCK) return null;
  const blocks = new Set<number>();
  for (const pattern of patterns) {
    for (let index = 0; index < stride; index += 1) {
      BLOCK_BYTES.set(pattern.subarray(index, index + BLOCK));
      blocks.add(BLOCK_WORD[0] ?? 0);
    }
  }
  return new Sieve(stride, blocks);
}

/**
 * Hides every occurrence of any pattern in a stream of bytes, however the stream is cut into chunks. Occurrences that overlap are one
 * stretch, so that the end of one never sticks out behind another; each stretch becomes `***`. Nothing is held back but what may still
 * become part of an occurrence, and the time is linear in the length of the stream.
 */

import { isBreak, type PatternTree } from './pattern-tree.ts';

/** What stands in the place of a secret. */
export const STARS = '***';

const STARS_BYTES = Buffer.from(STARS);
const NOTHING = Buffer.alloc(0);
/** One line break, CR and LF; more in a row are the end of an encoded text. */
const LONGEST_BREAK = 2;

/** A secret among the held bytes; `size` counts its bytes without the line breaks that were passed over. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly size: number;
}

/** Hides the patterns of one tree in one stream. */
export class StreamMask {
  readonly #tree: PatternTree;
  #node = 0;
  /** Bytes of a line break that were passed over last. */
  #passed = 0;
  /** What came and was not given out. */
  #held: Buffer = NOTHING;
  /** So many of the held bytes belong to a stretch whose stars are out already. */
  #covered = 0;
  /** In order, none overlapping another. */
  #stretches: Stretch[] = [];

  constructor(tree: PatternTree) {
    this.#tree = tree;
  }

  /** True when nothing that came can become part of an occurrence any more. */
  get isAtRest(): boolean {
    return this.#node === 0 && this.#held.length === 0;
  }

  /** Takes the next bytes, and gives those that can be given out. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#search(bytes, this.#held.length);
    return this.#giveOut(bytes, this.#undecided(bytes));
  }

  /** The stream is over. @returns what was held back; the mask is as new. */
  end(): Buffer {
    this.#node = 0;
    const rest = this.#giveOut(this.#held, this.#held.length);
    this.#covered = 0;
    return rest;
  }

  #search(bytes: Buffer, from: number): void {
    const { passesBreaks, roots, beginnings, near, firstChild, sibling, byteOf, fallback, ending } = this.#tree;
    const last = bytes.length - 1;
    let node = this.#node;
    for (let index = from; index <= last; index += 1) {
      const byte = bytes[index] ?? 0;
      if (node === 0) {
        while (index < last) {
          if (index + 3 <= last && near[((bytes[index + 2] ?? 0) << 8) | (bytes[index + 3] ?? 0)] === 0) {
            index += 3;
            continue;
          }
          const next = bytes[index + 1] ?? 0;
          if (beginnings[((bytes[index] ?? 0) << 8) | next] === 1 || (passesBreaks && isBreak(next))) break;
          index += 1;
        }
        node = roots[bytes[index] ?? 0] ?? 0;
        this.#passed = 0;
        continue;
      }
      if (passesBreaks && isBreak(byte)) {
        this.#passed += 1;
        if (this.#passed > LONGEST_BREAK) node = 0;
        continue;
      }
      this.#passed = 0;
      for (;;) {
        let child = node === 0 ? (roots[byte] ?? 0) : (firstChild[node] ?? 0);
        if (node !== 0) while (child !== 0 && byteOf[child] !== byte) child = sibling[child] ?? 0;
        if (child !== 0 || node === 0) {
          node = child;
          break;
        }
        node = fallback[node] ?? 0;
      }
      const size = ending[node] ?? 0;
      if (size > 0) this.#found(bytes, index + 1, size);
    }
    // What cannot grow any further need not wait for what comes next.
    while (node !== 0 && firstChild[node] === 0) node = fallback[node] ?? 0;
    this.#node = node;
  }

  /** An occurrence ends here. It swallows the stretches that it overlaps, unread: a pattern that repeats itself costs no more. */
  #found(bytes: Buffer, end: number, size: number): void {
    let start = end;
    let left = size;
    let whole = size;
    for (;;) {
      const before = this.#stretches.at(-1);
      [start, left] = this.#back(bytes, start, left, before?.end ?? 0);
      if (left === 0 || before === undefined) break;
      this.#stretches.pop();
      start = before.start;
      whole += Math.max(0, before.size - left);
      left = Math.max(0, left - before.size);
    }
    this.#stretches.push({ start, end, size: whole });
  }

  /** Where the bytes begin that may yet become an occurrence. */
  #undecided(bytes: Buffer): number {
    const depth = this.#tree.depth[this.#node] ?? 0;
    return depth === 0 ? bytes.length : this.#back(bytes, bytes.length, depth, 0)[0];
  }

  /** Goes back by so many bytes, line breaks not counted where they are passed over, but not beyond the floor. */
  #back(bytes: Buffer, from: number, count: number, floor: number): readonly [start: number, left: number] {
    if (!this.#tree.passesBreaks) {
      const step = Math.min(count, from - floor);
      return [from - step, count - step];
    }
    let start = from;
    let left = count;
    while (left > 0 && start > floor) {
      start -= 1;
      if (!isBreak(bytes[start])) left -= 1;
    }
    return [start, left];
  }

  /** Gives out what stands before `limit`, where no occurrence can begin any more; the rest is held. */
  #giveOut(bytes: Buffer, limit: number): Buffer {
    const parts: Buffer[] = [];
    let given = this.#covered;
    let done = 0;
    for (const { start, end } of this.#stretches) {
      if (start >= limit) break;
      done += 1;
      if (start >= given) parts.push(bytes.subarray(given, start), STARS_BYTES);
      given = Math.max(given, end);
    }
    if (given < limit) parts.push(bytes.subarray(given, limit));
    this.#covered = Math.max(0, given - limit);
    this.#stretches = this.#stretches
      .slice(done)
      .map(({ start, end, size }) => ({ start: start - limit, end: end - limit, size }));
    // A copy: what a chunk lies in may be large, and is its owner's.
    this.#held = limit === bytes.length ? NOTHING : Buffer.from(bytes.subarray(limit));
    return parts.length === 1 ? (parts[0] ?? NOTHING) : Buffer.concat(parts);
  }
}

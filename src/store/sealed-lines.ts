/**
 * Lines on their way to a file, each sealed as it is put in (see `sealed-line.ts`). Every text is turned into bytes once, where it stays:
 * a journal writes some lines for each step, and to join them as texts first costs as much as all the rest of it.
 */

import { crc32 } from './crc32.ts';

const FIRST_BYTES = 65_536;
/** One that had to grow further is not kept. */
const LARGEST_KEPT_BYTES = 1_048_576;
/** What a line has besides its object: the checksum before it, its own, and the newline. */
const SEALS_BYTES = 64;
/** A unit of JavaScript's texts takes at most so many bytes. */
const BYTES_PER_UNIT = 3;

/** Lines that were put in and not taken yet. */
export class SealedLines {
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;
  #spare: Buffer | null = null;

  /**
   * Adds the text of a JSON object that is not empty.
   * @param previous the checksum of the line before it, 8 hex digits; null: there is none.
   * @returns its own.
   */
  put(object: string, previous: string | null): string {
    this.#makeRoom(object.length * BYTES_PER_UNIT + SEALS_BYTES);
    const bytes = this.#bytes;
    const start = this.#length;
    // The brace is written over.
    let end = start + bytes.write(object, start) - 1;
    if (previous !== null) end += bytes.write(`,"prev":"${previous}"`, end, 'latin1');
    const crc = crc32(bytes.subarray(start, end)).toString(16).padStart(8, '0');
    this.#length = end + bytes.write(`,"crc":"${crc}"}\n`, end, 'latin1');
    return crc;
  }

  /** Takes all lines out. What is returned holds until lines are taken again. */
  take(): Buffer {
    const taken = this.#bytes;
    const length = this.#length;
    this.#bytes = this.#spare ?? Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.#spare = taken.length > LARGEST_KEPT_BYTES ? null : taken;
    this.#length = 0;
    return taken.subarray(0, length);
  }

  /** Forgets all lines. */
  clear(): void {
    this.#length = 0;
  }

  #makeRoom(wanted: number): void {
    const { length } = this.#bytes;
    if (this.#length + wanted <= length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(length * 2, this.#length + wanted));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

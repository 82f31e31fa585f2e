/**
 * Hides the values of secrets wherever they could be seen, in all the forms of `encodings`. A mask is made once for a run; every stream
 * (a log) gets a filter of its own.
 */

import { formsOf } from './encodings.ts';
import { type PatternTree, plantTree } from './pattern-tree.ts';
import { makeSieve, type Sieve } from './sieve.ts';
import { SievedStream } from './sieved-stream.ts';
import { StreamMask } from './stream-mask.ts';

/** Takes a stream apart chunk by chunk, and gives it back without what is to be hidden. */
export interface ByteFilter {
  /** @returns what can be given out by now; it may lie in the chunk. */
  push(chunk: Buffer): Buffer;
  /** The same in parts, which are copied only where something was hidden or held back. */
  parts(chunk: Buffer): readonly Buffer[];
  /** The stream is over. @returns what was held back. */
  end(): Buffer;
}

/** What is made of the values when something is to be hidden for the first time. */
interface Planted {
  readonly exact: PatternTree;
  readonly wrapped: PatternTree;
  readonly sieve: Sieve | null;
}

/** Hides values. */
export class Mask {
  readonly #values: readonly string[];
  #planted: Planted | null = null;

  /** @param values of four characters or more; nothing is computed before the first use. */
  constructor(values: readonly string[]) {
    this.#values = values;
  }

  /** The values, for a mask in another thread. */
  hidden(): readonly string[] {
    return this.#values;
  }

  /** A filter for one stream. */
  stream(): ByteFilter {
    const { exact, wrapped, sieve } = this.#plant();
    const first = new StreamMask(exact);
    const second = new StreamMask(wrapped);
    if (sieve !== null) return new SievedStream([first, second], sieve);
    const push = (chunk: Buffer): Buffer => second.push(first.push(chunk));
    return {
      push,
      parts: (chunk) => [push(chunk)],
      end: () => Buffer.concat([second.push(first.end()), second.end()]),
    };
  }

  /** A text with everything hidden; the same text where there is nothing to hide. */
  text(text: string): string {
    if (this.#values.length === 0 || text === '') return text;
    const bytes = Buffer.from(text);
    const filter = this.stream();
    const masked = Buffer.concat([filter.push(bytes), filter.end()]);
    return masked.equals(bytes) ? text : masked.toString();
  }

  /** True when there is something to hide in a text. */
  findsIn(text: string): boolean {
    return this.text(text) !== text;
  }

  #plant(): Planted {
    if (this.#planted === null) {
      const { exact, wrapped } = formsOf(this.#values);
      const trees = { exact: plantTree(exact, false), wrapped: plantTree(wrapped, true) };
      this.#planted = { ...trees, sieve: makeSieve([...exact, ...wrapped]) };
    }
    return this.#planted;
  }
}

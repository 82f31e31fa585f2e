/** The keys of calls: names by their occurrence, or by the caller's own key, each once. */

import type { CallRequest } from '../flows/conductor.ts';

/** The keys of one caller. */
export class KeyBook {
  readonly #prefix: string;
  readonly #counts = new Map<string, number>();
  readonly #taken = new Set<string>();

  /** @param prefix stands before every key. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The key of a call: `save`, `save#2`, `save[key]`, or `save#2/on_success`. @throws {Error} for one that is taken. */
  take(request: CallRequest): string {
    if (request.kind === 'task' && request.of !== null) return `${request.of}/${request.part}`;
    const { name, key } = request;
    if (key !== null) {
      const taken = `${name}[${key}]`;
      if (this.#taken.has(taken)) throw new Error(`the key \`${taken}\` is used twice: each call needs one of its own`);
      this.#taken.add(taken);
      return `${this.#prefix}${taken}`;
    }
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return `${this.#prefix}${name}${count === 1 ? '' : `#${count}`}`;
  }
}

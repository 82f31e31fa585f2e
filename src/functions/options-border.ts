/**
 * Options of calls on their way over a thread's border. Most calls of a task have the same ones, and copying them costs more than the rest
 * of a call; so those that are seen again are sent once more, with a number, and by that from then on.
 */

import type { RequestedOptions } from '../flows/conductor.ts';
import type { SentCall } from './calling.ts';

/** A call on its way. */
export interface WiredCall {
  readonly call: SentCall;
  /** The number of its options; null: nobody will refer to them. */
  readonly options: number | null;
  /** True: they went over before, and are left out. */
  readonly isKnown: boolean;
}

/** What stands in the place of options that are left out. */
const LEFT_OUT = {} as RequestedOptions;

/** The script's side. */
export class OptionsWriter {
  /** Null: seen once. */
  readonly #numbers = new WeakMap<RequestedOptions, number | null>();
  #count = 0;

  write(call: SentCall): WiredCall {
    const { options } = call.request;
    const number = this.#numbers.get(options);
    if (number === undefined) {
      this.#numbers.set(options, null);
      return { call, options: null, isKnown: false };
    }
    if (number === null) {
      this.#count += 1;
      this.#numbers.set(options, this.#count);
      return { call, options: this.#count, isKnown: false };
    }
    return { call: { ...call, request: { ...call.request, options: LEFT_OUT } }, options: number, isKnown: true };
  }
}

/** The program's side. */
export class OptionsReader {
  readonly #known = new Map<number, RequestedOptions>();

  /** @returns the call as it was given to the writer; equal options are the same object. */
  read({ call, options: number, isKnown }: WiredCall): SentCall {
    if (number === null) return call;
    if (!isKnown) {
      this.#known.set(number, call.request.options);
      return call;
    }
    return { ...call, request: { ...call.request, options: this.#known.get(number) ?? call.request.options } };
  }
}

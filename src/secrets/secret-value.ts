/** A secret's value, kept so that no print, template, JSON text or stack trace shows it by accident. */

import { inspect } from 'node:util';
import { STARS } from './stream-mask.ts';

/** Gives its value to nobody who does not ask for it by name. */
export class SecretValue {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself: for the process or call that it was made for, and for masks. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return STARS;
  }

  toJSON(): string {
    return STARS;
  }

  [inspect.custom](): string {
    return STARS;
  }
}

/** The way of what a runner tells to the engine. One object with its methods: for quick calls, making a function for each would cost as much as they do. */

import type { AttemptListener } from '../engine/ports.ts';
import type { CallOutcome } from '../engine/script-ports.ts';

/** What an attempt's runner tells, on its way to the engine. */
export class Told implements AttemptListener {
  readonly #listener: AttemptListener;
  readonly #unrecorded: () => void;

  /** @param unrecorded told when the process could not be recorded. */
  constructor(listener: AttemptListener, unrecorded: () => void) {
    this.#listener = listener;
    this.#unrecorded = unrecorded;
  }

  reaped(...told: Parameters<AttemptListener['reaped']>): void {
    this.#listener.reaped(...told);
  }

  warned(...told: Parameters<AttemptListener['warned']>): void {
    this.#listener.warned(...told);
  }

  childStarted(...told: Parameters<AttemptListener['childStarted']>): Promise<void> {
    return this.#listener.childStarted(...told);
  }

  published(...told: Parameters<AttemptListener['published']>): void {
    this.#listener.published(...told);
  }

  ran(ms: number): void {
    this.#listener.ran?.(ms);
  }

  called(...told: Parameters<NonNullable<AttemptListener['called']>>): Promise<CallOutcome> {
    return this.#listener.called?.(...told) ?? NEVER;
  }

  async spawned(...told: Parameters<AttemptListener['spawned']>): Promise<void> {
    try {
      await this.#listener.spawned(...told);
    } catch (error) {
      this.#unrecorded();
      throw error;
    }
  }
}

const NEVER: Promise<never> = new Promise(() => {});

/** Calls that stand or fall together: what had succeeded is undone when one fails. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { RollbackError } from './task-error.ts';

/** Undoes one call that had succeeded. */
type Undo = () => Promise<unknown>;

/** The calls made inside, as far as they are known. */
export class Transaction {
  readonly #undo: Undo[] = [];
  readonly #open = new Set<Promise<unknown>>();

  /** A call was made: whatever becomes of the transaction waits for it. */
  made(call: Promise<unknown>): void {
    const forget = (): void => void this.#open.delete(call);
    this.#open.add(call);
    call.then(forget, forget);
  }

  /** A call succeeded, and this undoes it. */
  succeeded(undo: Undo): void {
    this.#undo.push(undo);
  }

  /** Resolves when no call is under way any more. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled(this.#open);
  }

  /** Undoes everything, the last first. @returns what failed. */
  async rollBack(): Promise<readonly unknown[]> {
    const errors: unknown[] = [];
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }

  /** Leaves what would undo this to the transaction around it. */
  joinInto(outer: Transaction): void {
    for (const undo of this.#undo) outer.succeeded(undo);
  }
}

const storage = new AsyncLocalStorage<Transaction>();

/** The transaction that the calling code is in, or null. @internal */
export const currentTransaction = (): Transaction | null => storage.getStore() ?? null;

/**
 * Groups calls of tasks: when the body fails, `onRollback` of every call in it that had succeeded runs, the last first, each as a step
 * of its own; one that fails does not keep the others from running. Calls that are still under way are waited for before. A transaction
 * inside another joins it: what it did is undone when the outer one fails.
 *
 * Recorded and replayed as the calls in it are; a resume goes on with undoing where it had stopped.
 * @param body what belongs together; every call has to be awaited in it, or it may be undone only with the run.
 * @returns what the body returns.
 * @throws what the body threw; {RollbackError} when something could not be undone, with that as its `cause`.
 * @example
 * await transaction(async () => {
 *   const seat = await reserveSeat(flight);
 *   await charge(card, seat.price);            // when this fails, onRollback of reserveSeat runs
 * });
 */
export async function transaction<R>(body: () => R | Promise<R>): Promise<R> {
  const outer = currentTransaction();
  const own = new Transaction();
  let returned: R;
  try {
    returned = await storage.run(own, body);
  } catch (error) {
    await own.settled();
    const errors = await storage.exit(() => own.rollBack());
    throw errors.length === 0 ? error : new RollbackError(error, errors);
  }
  if (outer !== null) own.joinInto(outer);
  return returned;
}

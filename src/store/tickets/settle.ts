/**
 * Who is granted next: those of higher priority first, then by arrival. A claim is granted whole or not at all, and holds nothing
 * while it waits; what it waits for is kept from those behind it, so that a large claim is not starved by small ones, while whoever
 * fits beside it goes on.
 */

import { Accounts } from './accounts.ts';
import type { Book, ClaimRecord } from './book.ts';
import { whenFree } from './rates.ts';

/** Claims that wait, in the order in which they are considered. */
export const queueOf = (book: Book): readonly ClaimRecord[] =>
  book.claims
    .filter(({ state }) => state === 'waiting')
    .sort((one, other) => other.priority - one.priority || one.arrival - other.arrival);

/**
 * Grants what can be granted, and refuses what never can be.
 * @param now ms of the monotonic clock that the book's starts are told in.
 * @returns the claims that do not wait any more.
 */
export function settle(book: Book, now: number): readonly ClaimRecord[] {
  const waiting = queueOf(book);
  if (waiting.length === 0) return [];
  const accounts = new Accounts(book, now);
  const answered: ClaimRecord[] = [];
  for (const claim of waiting) {
    const why = accounts.whyImpossible(claim);
    if (why !== null) {
      claim.state = 'refused';
      claim.why = why;
    } else if (accounts.fits(claim)) accounts.grant(claim);
    else {
      accounts.reserve(claim);
      continue;
    }
    answered.push(claim);
  }
  return answered;
}

/** When the passing of time alone may let a claim of this session go on, in ms of the monotonic clock; null: it does not. */
export function whenNext(book: Book, session: string, now: number): number | null {
  let next: number | null = null;
  for (const claim of book.claims) {
    if (claim.session !== session || claim.state !== 'waiting') continue;
    for (const { resource, units, from } of claim.needs) {
      const capacity = from === null ? book.capacities[resource] : undefined;
      if (capacity?.kind !== 'rate') continue;
      const due = whenFree(book.starts[resource] ?? [], capacity, now, units);
      if (due > now) next = Math.min(next ?? due, due);
    }
  }
  return next;
}

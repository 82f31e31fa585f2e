/**
 * Claims that wait for each other for ever: a group of one run holds what a step in a group of another run waits for, and the other
 * way round. Found by playing on: whoever waits for nothing ends some time and gives back what it holds; where that, again and
 * again, lets nobody in, those left are stuck. Only groups and runs can be part of such a circle, for everything else holds nothing
 * while it waits. The last to arrive on a circle is refused, which ends the circle.
 */

import type { Book, ClaimRecord } from './book.ts';
import { queueOf, settle } from './settle.ts';

/** The claim to refuse; null when nobody is stuck. Every session of the book must be known to live. */
export function findStuck(book: Book, now: number): ClaimRecord | null {
  const byId = new Map(book.claims.map((claim) => [claim.id, claim]));
  const isNested = ({ within }: ClaimRecord): boolean => within !== null && byId.get(within)?.state === 'held';
  if (!book.claims.some((claim) => claim.state === 'waiting' && isNested(claim))) return null;
  const left = playOn(book, now);
  const stuck = queueOf(left);
  const onCircle = stuck.filter((claim) => isNested(claim) && leadsTo(claim, claim, left, stuck));
  const youngest = [...onCircle].sort((one, other) => other.arrival - one.arrival)[0];
  return youngest === undefined ? null : (byId.get(youngest.id) ?? null);
}

/** What is left when everybody who can go on has done so. */
function playOn(book: Book, now: number): Book {
  const trial = structuredClone(book);
  for (;;) {
    const kept = pinned(trial);
    trial.claims = trial.claims.filter(({ id, state }) => state === 'waiting' || (state === 'held' && kept.has(id)));
    // Time passes as well.
    trial.starts = {};
    if (settle(trial, now).length === 0) return trial;
  }
}

/** The claims around those that wait: they are not given back before. */
function pinned(book: Book): ReadonlySet<string> {
  const kept = new Set<string>();
  for (const claim of book.claims) {
    if (claim.state !== 'waiting') continue;
    for (const holder of around(claim, book)) kept.add(holder.id);
  }
  return kept;
}

/** The claims around a claim, the nearest first. */
export function around(claim: ClaimRecord, book: Book): readonly ClaimRecord[] {
  const holders: ClaimRecord[] = [];
  for (let next = claim.within; next !== null && holders.length < book.claims.length; ) {
    const holder = book.claims.find(({ id }) => id === next);
    if (holder === undefined) break;
    holders.push(holder);
    next = holder.within;
  }
  return holders;
}

/** True when `from` waits, over however many others, for something that cannot come before `to` is granted. */
function leadsTo(from: ClaimRecord, to: ClaimRecord, book: Book, stuck: readonly ClaimRecord[]): boolean {
  const seen = new Set<string>();
  const next = [from];
  for (let claim = next.pop(); claim !== undefined; claim = next.pop()) {
    for (const other of stuck) {
      if (seen.has(other.id) || !waitsFor(claim, other, book)) continue;
      if (other.id === to.id) return true;
      seen.add(other.id);
      next.push(other);
    }
  }
  return false;
}

/** Directly: the other, or what is around it, has what the claim needs, or stands before it in a queue. */
function waitsFor(claim: ClaimRecord, other: ClaimRecord, book: Book): boolean {
  if (around(other, book).some((holder) => holder.state === 'held' && shares(claim, holder))) return true;
  const isAhead =
    other.priority > claim.priority || (other.priority === claim.priority && other.arrival < claim.arrival);
  return other.id !== claim.id && isAhead && shares(claim, other);
}

function shares(one: ClaimRecord, other: ClaimRecord): boolean {
  if (one.group !== null && other.group !== null && one.group.name === other.group.name) return true;
  return one.needs.some(({ resource, from }) =>
    other.needs.some((need) => need.resource === resource && need.from === from),
  );
}

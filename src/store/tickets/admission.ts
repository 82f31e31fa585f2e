/**
 * Whether a run may begin, by the policy of its concurrency group. A place in a group is a claim like any other: it lives as long as
 * its run's lock, is given in the order of arrival, and what waits for it can be part of a circle of those who wait for each other.
 */

import { hostname } from 'node:os';
import { formatDuration } from '../../base/duration.ts';
import type { Admission } from '../../engine/ports.ts';
import type { ConcurrencyPolicy } from '../../model/policies.ts';
import { dropRequest } from '../inbox.ts';
import { runLayout } from '../layout.ts';
import type { Book, ClaimRecord } from './book.ts';
import type { Seat } from './seat.ts';

/** setTimeout takes no more than this. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The admission of a run to its concurrency group.
 * @param policy with its group evaluated: equal texts count together.
 */
export function createAdmission(seat: Seat, policy: ConcurrencyPolicy): Admission {
  const { group, limit } = policy;
  return {
    group,
    limit,
    request(queued) {
      // A run that waited for a place that the run around it holds would wait for itself.
      if (seat.sharesPlace(group)) return { answer: Promise.resolve({ kind: 'admitted' }), withdraw: () => undefined };
      return ask(seat, policy, queued);
    },
  };
}

function ask(seat: Seat, policy: ConcurrencyPolicy, queued: () => void): ReturnType<Admission['request']> {
  const { group, limit, on_conflict } = policy;
  const { id, answer, release } = seat.ledger.claim({
    ...{ run: seat.run, step: null, needs: [], priority: 0 },
    within: seat.around(null)[0]?.id ?? null,
    group: { name: group, limit: on_conflict === 'allow' ? null : limit },
    leave: (claim, book) => whyRefused(policy, claim, book),
    queued: (claim, book) => {
      queued();
      if (on_conflict === 'cancel_running' && book !== null) cancelOlder(seat, limit, claim, book);
    },
  });
  const timer = expireAfter(seat, id, policy);
  const place = {
    release: (): void => {
      timer();
      forget();
      seat.leavePlace();
      release();
    },
  };
  const forget = seat.keep(place);
  return {
    withdraw: place.release,
    answer: answer.then((given) => {
      timer();
      if (given.kind === 'refused') {
        forget();
        return { kind: 'refused', message: given.why } as const;
      }
      seat.takePlace(group, id);
      return { kind: 'admitted' } as const;
    }),
  };
}

/** Called when the run cannot be admitted at once; null: it waits. */
function whyRefused(
  { group, limit, on_conflict, queue_limit }: ConcurrencyPolicy,
  claim: ClaimRecord,
  book: Book,
): string | null {
  const others = book.claims.filter((other) => other.group?.name === group && other.id !== claim.id);
  if (on_conflict === 'skip') {
    const held = others.filter(({ state }) => state === 'held').map(({ run }) => run);
    return `concurrency group \`${group}\` is busy: ${listed(held)} (limit ${limit}, on_conflict: skip)`;
  }
  const ahead = others.filter(({ state, arrival }) => state === 'waiting' && arrival < claim.arrival).length;
  if (queue_limit === null || ahead < queue_limit) return null;
  return `concurrency group \`${group}\` is busy, and ${ahead} of at most ${queue_limit} runs wait for it already`;
}

const MOST_LISTED = 3;

function listed(runs: readonly string[]): string {
  const named = runs.slice(0, MOST_LISTED).join(', ');
  const more = runs.length > MOST_LISTED ? ` and ${runs.length - MOST_LISTED} more` : '';
  return `${runs.length === 1 ? 'run' : 'runs'} ${named}${more}`;
}

/** Asks as many of the oldest to end as leave room for this one. What waits before it has been overtaken as well. */
function cancelOlder(seat: Seat, limit: number, claim: ClaimRecord, book: Book): void {
  const older = book.claims
    .filter(({ group, arrival }) => group?.name === claim.group?.name && arrival < claim.arrival)
    .sort((one, other) => one.arrival - other.arrival);
  const roots = new Map(book.sessions.map(({ id, root }) => [id, root]));
  for (const { run, session } of older.slice(0, Math.max(0, older.length - (limit - 1)))) {
    const layout = runLayout(seat.ledger.state, { id: run, root: roots.get(session) ?? run });
    const by = { name: `run ${seat.run}`, host: hostname(), pid: process.pid };
    const reason = `run ${seat.run} of concurrency group \`${claim.group?.name ?? ''}\` began`;
    const request = { kind: 'cancel', by, policy: 'cancel_running', at: new Date().toISOString(), reason } as const;
    // One that has ended, or cannot be asked, is waited for all the same.
    dropRequest(layout, request).catch(() => undefined);
  }
}

/** @returns what takes the limit back. */
function expireAfter(seat: Seat, id: string, { group, queue_timeout_ms }: ConcurrencyPolicy): () => void {
  if (queue_timeout_ms === null) return () => undefined;
  let timer: NodeJS.Timeout;
  const wait = (leftMs: number): void => {
    timer = setTimeout(
      () => {
        if (leftMs > LONGEST_TIMER_MS) return wait(leftMs - LONGEST_TIMER_MS);
        const limit = formatDuration(queue_timeout_ms);
        return seat.ledger.expire(id, `concurrency group \`${group}\` was busy for ${limit} (queue_timeout)`);
      },
      Math.min(leftMs, LONGEST_TIMER_MS),
    );
  };
  wait(queue_timeout_ms);
  return () => clearTimeout(timer);
}

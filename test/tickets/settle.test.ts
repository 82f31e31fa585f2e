/** Who is next, over random histories: against rules that need no knowledge of how it is decided. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Book, type ClaimRecord, emptyBook } from '../../src/store/tickets/book.ts';
import { freeStarts, withStart } from '../../src/store/tickets/rates.ts';
import { queueOf, settle } from '../../src/store/tickets/settle.ts';
import { findStuck } from '../../src/store/tickets/stuck.ts';
import { runId } from '../store/sample-runs.ts';
import { amount, named, rate } from './kit.ts';

const CAPACITIES = { db: amount(4), gpu: named('a', 'b', 'c'), api: rate(3, 100) };

const needs = fc.record({
  db: fc.integer({ min: 0, max: 4 }),
  gpu: fc.integer({ min: 0, max: 3 }),
  api: fc.integer({ min: 0, max: 1 }),
});
const step = fc.oneof(
  fc.record({ kind: fc.constant('claim' as const), needs, priority: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ kind: fc.constant('end' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 60 }) }),
);

function claim(book: Book, wants: { readonly [name: string]: number }, more: Partial<ClaimRecord> = {}): ClaimRecord {
  book.arrivals += 1;
  const made: ClaimRecord = {
    ...{ id: `s.${book.arrivals}`, session: 's', run: runId(1), step: null, within: null, group: null },
    ...{ priority: 0, arrival: book.arrivals, state: 'waiting', why: null, units: {} },
    needs: Object.entries(wants).flatMap(([resource, units]) => (units > 0 ? [{ resource, units, from: null }] : [])),
    ...more,
  };
  book.claims.push(made);
  return made;
}

const out = (book: Book, resource: string, claims = book.claims): number =>
  claims
    .filter(({ state }) => state === 'held')
    .flatMap((held) => held.needs)
    .reduce((sum, need) => sum + (need.resource === resource ? need.units : 0), 0);

/** True when a claim could be granted although everybody before it got all they wait for. */
function fitsBehind(book: Book, waiting: ClaimRecord, before: readonly ClaimRecord[], now: number): boolean {
  return waiting.needs.every(({ resource, units }) => {
    const promised = before.flatMap((other) => other.needs).filter((need) => need.resource === resource);
    const ahead = promised.reduce((sum, need) => sum + need.units, 0);
    if (resource === 'api') return units + ahead <= freeStarts(book.starts['api'] ?? [], CAPACITIES.api as never, now);
    return out(book, resource) + ahead + units <= (resource === 'db' ? 4 : 3);
  });
}

describe('settling', () => {
  it('never gives more than there is, leaves nobody waiting who could go on, and keeps the order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const book: Book = { ...emptyBook(), capacities: CAPACITIES };
        let now = 1_000;
        const starts: number[] = [];
        for (const each of steps) {
          if (each.kind === 'claim') claim(book, each.needs, { priority: each.priority });
          else if (each.kind === 'pass') now += each.ms;
          else if (book.claims.length > 0) book.claims.splice(each.which % book.claims.length, 1);
          const queue = queueOf(book);
          for (const granted of settle(book, now)) {
            expect(granted.state).toBe('held');
            for (const { resource, units } of granted.needs) {
              if (resource === 'api') starts.push(...Array.from({ length: units }, () => now));
            }
            // Nobody before it that wants no more than it, of the same things, was passed over.
            const overtaken = queue.slice(0, queue.indexOf(granted)).filter(({ state }) => state === 'waiting');
            const isNoSmaller = (other: ClaimRecord): boolean =>
              other.needs.every(({ resource, units }) =>
                granted.needs.some((need) => need.resource === resource && need.units >= units),
              );
            expect(overtaken.filter(isNoSmaller)).toEqual([]);
          }
          expect(out(book, 'db')).toBeLessThanOrEqual(4);
          const names = book.claims.flatMap(({ units }) => units['gpu'] ?? []);
          expect(new Set(names).size).toBe(names.length);
          expect(names.length).toBe(out(book, 'gpu'));
          expect(starts.filter((at) => now - at <= 100).length).toBeLessThanOrEqual(3);
          const waiting = queueOf(book);
          for (const [index, one] of waiting.entries()) {
            expect(fitsBehind(book, one, waiting.slice(0, index), now)).toBe(false);
          }
        }
        // Everybody comes through when those who have something end and time passes.
        for (let turn = 0; queueOf(book).length > 0; turn += 1) {
          expect(turn).toBeLessThan(200);
          book.claims = book.claims.filter(({ state }) => state === 'waiting');
          now += 101;
          settle(book, now);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('lets a large claim in however many small ones come after it', () => {
    const book: Book = { ...emptyBook(), capacities: CAPACITIES };
    claim(book, { db: 1 });
    settle(book, 0);
    const large = claim(book, { db: 4 });
    for (let turn = 0; large.state === 'waiting'; turn += 1) {
      expect(turn).toBeLessThan(5);
      claim(book, { db: 1 });
      settle(book, 0);
      const oldest = book.claims.find(({ state }) => state === 'held');
      book.claims = book.claims.filter((other) => other !== oldest);
      settle(book, 0);
    }
  });

  it('refuses what can never be granted after a capacity was made smaller', () => {
    const book: Book = { ...emptyBook(), capacities: { db: amount(2) } };
    const one = claim(book, { db: 3 });
    const other = claim(book, { gone: 1 });
    expect(settle(book, 0)).toEqual([one, other]);
    expect([one.why, other.why]).toEqual([
      'it needs 3 of `db`, and there are only 2',
      'the project has no resource `gone`',
    ]);
  });
});

describe('rates', () => {
  it('count every start within the span, in a log that stays small', () => {
    const limit = { kind: 'rate', max: 5_000, per_ms: 60_000 } as const;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 2_000, maxLength: 4_000 }), (gaps) => {
        let now = 0;
        let log: ReturnType<typeof withStart> = [];
        const starts: number[] = [];
        for (const gap of gaps) {
          now += gap;
          if (freeStarts(log, limit, now) < 1) continue;
          log = withStart(log, limit, now, 1);
          starts.push(now);
        }
        const recent = starts.filter((at) => now - at <= 60_000).length;
        expect(5_000 - freeStarts(log, limit, now)).toBeGreaterThanOrEqual(recent);
        expect(log.length).toBeLessThanOrEqual(1_002);
      }),
      { numRuns: 10 },
    );
  });
});

describe('finding circles', () => {
  it('finds one over three groups, and none where a unit is still to come back', () => {
    const book: Book = { ...emptyBook(), capacities: { r1: amount(1), r2: amount(1), r3: amount(1) } };
    const groups = ['r1', 'r2', 'r3'].map((name) => claim(book, { [name]: 1 }));
    settle(book, 0);
    const members = groups.map(({ id }, index) =>
      claim(book, { [['r2', 'r3', 'r1'][index] ?? '']: 1 }, { within: id }),
    );
    settle(book, 0);
    expect(findStuck(book, 0)).toBe(members[2]);
    book.capacities = { ...book.capacities, r3: amount(2) };
    claim(book, { r3: 1 }).state = 'held';
    expect(findStuck(book, 0)).toBe(null);
  });

  it('does not refuse one that only waits behind a circle', () => {
    const book: Book = { ...emptyBook(), capacities: { r1: amount(1), r2: amount(1), r3: amount(1) } };
    const [one, two, bystander] = ['r1', 'r2', 'r3'].map((name) => claim(book, { [name]: 1 }));
    settle(book, 0);
    claim(book, { r2: 1 }, { within: one?.id ?? null });
    const last = claim(book, { r1: 1 }, { within: two?.id ?? null });
    claim(book, { r1: 1 }, { within: bystander?.id ?? null });
    settle(book, 0);
    expect(findStuck(book, 0)).toBe(last);
  });
});

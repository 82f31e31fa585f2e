/** Random runs with groups in groups, in any order: nobody waits for ever, and nobody is refused who could have gone on. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Book, emptyBook, type Need } from '../../src/store/tickets/book.ts';
import { queueOf, settle } from '../../src/store/tickets/settle.ts';
import { findStuck } from '../../src/store/tickets/stuck.ts';
import { runId } from '../store/sample-runs.ts';
import { amount } from './kit.ts';

/** What a step takes, and the steps in it. */
interface Tree {
  readonly takes: readonly string[];
  readonly group: string | null;
  readonly members: readonly Tree[];
}

const RESOURCES = ['r1', 'r2', 'r3'];

const tree = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.record({
    takes: fc.subarray(RESOURCES, { maxLength: 2 }),
    group: fc.option(fc.constantFrom('g1', 'g2'), { freq: 5 }),
    members: fc.oneof(
      { maxDepth: 3, depthSize: 'medium' },
      fc.constant([]),
      fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
    ),
  }),
})).tree;

/** A claim that was made for a node. */
interface Begun {
  readonly tree: Tree;
  readonly parent: string | null;
}

/** Everything about one instant, as plain data. */
interface World {
  book: Book;
  begun: Record<string, Begun>;
}

function begin(world: World, node: Tree, parent: string | null): void {
  const { book } = world;
  book.arrivals += 1;
  const id = `c${book.arrivals}`;
  const needs = node.takes.map((resource): Need => ({ resource, units: 1, from: sharedBy(world, resource, parent) }));
  const group = node.group === null || inGroup(world, node.group, parent) ? null : { name: node.group, limit: 1 };
  world.begun[id] = { tree: node, parent };
  book.claims.push({
    ...{ id, session: 's', run: runId(1), step: null, within: parent, needs, group },
    ...{ priority: book.arrivals % 3, arrival: book.arrivals, state: 'waiting', why: null, units: {} },
  });
}

const around = (world: World, id: string | null): readonly string[] =>
  id === null ? [] : [id, ...around(world, world.begun[id]?.parent ?? null)];

const sharedBy = (world: World, resource: string, parent: string | null): string | null =>
  around(world, parent).find((id) => world.begun[id]?.tree.takes.includes(resource)) ?? null;

const inGroup = (world: World, group: string, parent: string | null): boolean =>
  around(world, parent).some((id) => world.begun[id]?.tree.group === group);

/** Grants what can be, and begins what is in it, until nothing more follows. */
function proceed(world: World): void {
  for (let answered = settle(world.book, 0); answered.length > 0; answered = settle(world.book, 0)) {
    for (const { id, state } of answered) {
      expect(state).toBe('held');
      for (const member of world.begun[id]?.tree.members ?? []) begin(world, member, id);
    }
  }
}

/** Those that have nothing in them any more, and can end. */
const done = ({ book, begun }: World): readonly string[] => {
  const parents = new Set(book.claims.map(({ id }) => begun[id]?.parent));
  return book.claims.filter(({ id, state }) => state === 'held' && !parents.has(id)).map(({ id }) => id);
};

function end(world: World, id: string): void {
  world.book.claims = world.book.claims.filter((claim) => claim.id !== id);
  proceed(world);
}

/** Lets everybody go on as far as they can, without refusing anybody. */
function playOut(world: World, pick: () => number): World {
  const copy = structuredClone(world);
  for (let ready = done(copy); ready.length > 0; ready = done(copy)) end(copy, ready[pick() % ready.length] ?? '');
  return copy;
}

it('comes to an end, and refuses only those who could never go on', () => {
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(tree, { minLength: 2, maxLength: 5 }),
      fc.infiniteStream(fc.nat()),
      fc.record({ r1: fc.integer({ min: 1, max: 2 }), r2: fc.constant(1), r3: fc.integer({ min: 1, max: 3 }) }),
      (roots, choices, units) => {
        const pick = (): number => choices.next().value ?? 0;
        const capacities = Object.fromEntries(Object.entries(units).map(([name, count]) => [name, amount(count)]));
        const world: World = { book: { ...emptyBook(), capacities }, begun: {} };
        const waiting = [...roots];
        for (;;) {
          const stuck = findStuck(world.book, 0);
          const ready = done(world);
          if (stuck !== null) {
            refused += 1;
            const later = playOut(world, pick).book.claims.find(({ id }) => id === stuck.id);
            expect(later?.state).toBe('waiting');
            end(world, stuck.id);
          } else if (waiting.length > 0 && (ready.length === 0 || pick() % 2 === 0)) {
            const next = waiting.pop();
            if (next !== undefined) begin(world, next, null);
            proceed(world);
          } else if (ready.length > 0) end(world, ready[pick() % ready.length] ?? '');
          else break;
        }
        expect(queueOf(world.book)).toEqual([]);
        expect(world.book.claims).toEqual([]);
      },
    ),
    { numRuns: 1_500 },
  );
  // The case did happen.
  expect(refused).toBeGreaterThan(10);
});

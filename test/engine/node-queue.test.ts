import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Node } from '../../src/engine/node.ts';
import { NodeQueue, PriorityQueue, QUEUES } from '../../src/engine/node-queue.ts';

/** Of a node what a queue looks at. */
const nodeOf = (number: number, priority = 0): Node =>
  ({ number, standsIn: 0, definition: { priority } }) as unknown as Node;

type Move =
  | { readonly kind: 'push' | 'let go'; readonly node: number }
  | { readonly kind: 'read'; readonly most: number };

const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('push' as const, 'let go' as const), node: fc.nat(9) }),
    fc.record({ kind: fc.constant('read' as const), most: fc.integer({ min: 1, max: 12 }) }),
  ),
  { maxLength: 400, size: 'max' },
);

describe('a queue of nodes', () => {
  it('gives what holds in the order of pushing, each once, as a set does that is read from its front', () => {
    fc.assert(
      fc.property(moves, (drawn) => {
        const queue = new NodeQueue(QUEUES.slotted);
        const model = new Set<Node>();
        const held = new Set<Node>();
        const nodes = Array.from({ length: 10 }, (_, number) => nodeOf(number));
        for (const move of drawn) {
          const node = move.kind === 'read' ? undefined : nodes[move.node];
          if (move.kind === 'read') {
            const found: number[] = [];
            for (const each of queue.current((one) => held.has(one))) if (found.push(each.number) === move.most) break;
            const expected: number[] = [];
            for (const each of model) {
              if (!held.has(each)) model.delete(each);
              else if (expected.push(each.number) === move.most) break;
            }
            expect(found).toEqual(expected);
          } else if (node !== undefined && move.kind === 'push') {
            held.add(node);
            model.add(node);
            queue.push(node);
          } else if (node !== undefined) held.delete(node);
        }
      }),
    );
  });

  it('is asked about each member a few times, however many there are: one is taken at a time', () => {
    const asked = (count: number): number => {
      const queue = new NodeQueue(QUEUES.slotted);
      const gone = new Set<Node>();
      let questions = 0;
      for (let number = 0; number < count; number += 1) queue.push(nodeOf(number));
      for (let taken = 0; taken < count; taken += 1) {
        const isLeft = (node: Node): boolean => {
          questions += 1;
          return !gone.has(node);
        };
        for (const node of queue.current(isLeft)) {
          gone.add(node);
          break;
        }
      }
      expect(gone.size).toBe(count);
      return questions;
    };
    expect(asked(10_000)).toBeLessThanOrEqual(2 * 10_000);
  });

  it('takes higher priorities first, and a node again that was read out of it', () => {
    const queue = new PriorityQueue(QUEUES.ticketed);
    const [low, high, other] = [nodeOf(1, -1), nodeOf(2, 5), nodeOf(3, -1)];
    for (const node of [low, high, other, low]) queue.push(node);
    const numbers = (holds: (node: Node) => boolean): number[] => [...queue.current(holds)].map(({ number }) => number);
    expect(numbers(() => true)).toEqual([2, 1, 3]);
    expect(numbers((node) => node === other)).toEqual([3]);
    queue.push(low);
    expect(numbers(() => true)).toEqual([3, 1]);
  });

  it('asks few queues for each node where every node has a priority of its own', () => {
    const count = 2_000;
    const queue = new PriorityQueue(QUEUES.slotted);
    const gone = new Set<Node>();
    for (let number = 0; number < count; number += 1) queue.push(nodeOf(number, (number * 7) % count));
    const asked = vi.spyOn(NodeQueue.prototype, 'current');
    try {
      const taken: number[] = [];
      while (taken.length < count) {
        for (const node of queue.current((one) => !gone.has(one))) {
          gone.add(node);
          taken.push(node.definition.priority);
          break;
        }
      }
      expect(taken).toEqual(Array.from({ length: count }, (_, index) => count - 1 - index));
      expect(asked.mock.calls.length).toBeLessThan(3 * count);
    } finally {
      asked.mockRestore();
    }
  });
});

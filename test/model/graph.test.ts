import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bug } from '../../src/base/result.ts';
import {
  buildGraph,
  forEachDependent,
  type GraphNode,
  topologicalOrder,
  withDownstream,
} from '../../src/model/graph.ts';

/** Steps in any order, each needing some of those that were drawn before it. */
const drawnSteps: fc.Arbitrary<readonly GraphNode[]> = fc
  .array(fc.array(fc.nat(1_000), { maxLength: 4 }), { maxLength: 30 })
  .chain((rows) => {
    const steps = rows.map((needs, index) => ({
      id: `s${index}`,
      needs: index === 0 ? [] : [...new Set(needs.map((need) => `s${need % index}`))],
    }));
    return fc.shuffledSubarray(steps, { minLength: steps.length });
  });

describe('the graph of a flow', () => {
  it('knows who needs whom, in any order of the steps', () => {
    fc.assert(
      fc.property(drawnSteps, (steps) => {
        const graph = buildGraph(steps);
        steps.forEach(({ id, needs }, index) => {
          expect(graph.indexOf.get(id)).toBe(index);
          expect(graph.needCounts[index]).toBe(needs.length);
          const dependents: (string | undefined)[] = [];
          forEachDependent(graph, index, (dependent) => dependents.push(steps[dependent]?.id));
          expect(dependents).toEqual(steps.filter((other) => other.needs.includes(id)).map((other) => other.id));
        });
        const order = [...topologicalOrder(graph)].map((index) => steps[index]?.id ?? '');
        expect([...order].sort()).toEqual(steps.map(({ id }) => id).sort());
        for (const { id, needs } of steps) {
          for (const need of needs) expect(order.indexOf(need)).toBeLessThan(order.indexOf(id));
        }
        const [first] = order;
        if (first !== undefined) expect(withDownstream(graph, [first]).has(graph.indexOf.get(first) ?? -1)).toBe(true);
      }),
    );
  });

  it('looks at the needs of a step twice, and at its name once, however many steps there are', () => {
    const looks = (size: number): number => {
      let count = 0;
      const steps = Array.from({ length: size }, (_, index) => ({
        get id() {
          count += 1;
          return `s${index}`;
        },
        get needs() {
          count += 1;
          return index === 0 ? [] : [`s${index - 1}`, 's0'];
        },
      }));
      buildGraph(steps);
      return count;
    };
    expect(looks(1_000)).toBeLessThanOrEqual(3 * 1_000);
  });

  it('refuses a step that needs one that is not there', () => {
    expect(() => buildGraph([{ id: 'a', needs: ['b'] }])).toThrow(Bug);
  });
});

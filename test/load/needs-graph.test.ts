import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NeedsGraph, Reachability } from '../../src/load/needs-graph.ts';

/** By the definition: along every path, step by step. */
function waits({ needs }: NeedsGraph, from: number): ReadonlySet<number> {
  const found = new Set<number>();
  for (let added = [...(needs[from] ?? [])]; added.length > 0; ) {
    for (const step of added) found.add(step);
    added = added.flatMap((step) => needs[step] ?? []).filter((step) => !found.has(step));
  }
  return found;
}

describe('who waits for whom', () => {
  it('is what the needs say, in any graph, with cycles as well', () => {
    const size = 9;
    const needs = fc.array(fc.array(fc.nat(size - 1), { maxLength: 3 }), { minLength: size, maxLength: size });
    fc.assert(
      fc.property(needs, fc.boolean(), (drawn, isAcyclic) => {
        const own = drawn.map((each, step) => (isAcyclic ? each.filter((need) => need < step) : each));
        const graph: NeedsGraph = { needs: own };
        const reachability = new Reachability(graph);
        for (let from = 0; from < size; from += 1) {
          const expected = waits(graph, from);
          const answers = own.map((_, to) => reachability.waitsFor(from, to));
          expect(answers).toEqual(own.map((_, to) => expected.has(to)));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('is told of long lists at once', () => {
    const count = 100_000;
    const needs = Array.from({ length: count }, (_, step) => (step === 0 ? [] : [step - 1]));
    const reachability = new Reachability({ needs });
    for (let step = 1; step < count; step += 1) expect(reachability.waitsFor(step, step >> 1)).toBe(true);
    expect(reachability.waitsFor(0, count - 1)).toBe(false);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { load, problemsOf } from './flow-file.ts';

/** A step with one reference, or a group. Needs are of steps before it, so that there are no cycles. */
interface DrawnStep {
  readonly reads: string;
  readonly needs: readonly number[];
  readonly members: Drawn | null;
}
type Drawn = readonly DrawnStep[];

const NAMES = ['a', 'b', 'c', 'd'];
const { block } = fc.letrec<{ block: Drawn; step: DrawnStep }>((tie) => ({
  block: fc.array(tie('step'), { minLength: 1, maxLength: NAMES.length }),
  step: fc.record({
    reads: fc.constantFrom(...NAMES),
    needs: fc.array(fc.nat(NAMES.length - 1), { maxLength: 2 }),
    members: fc.option(tie('block'), { nil: null, maxDepth: 3, depthSize: 'small' }),
  }),
}));

const needsOf = ({ needs }: DrawnStep, position: number): readonly number[] => [
  ...new Set(needs.filter((need) => need < position)),
];

function written(steps: Drawn): object {
  const entries = steps.map((step, position) => {
    const needs = needsOf(step, position).map((need) => NAMES[need]);
    const work =
      step.members === null ? { run: ['echo', `\${{ steps.${step.reads}.state }}`] } : { steps: written(step.members) };
    return [NAMES[position], { needs, ...work }];
  });
  return Object.fromEntries(entries) as object;
}

function waitsFor(steps: Drawn, from: number, to: number): boolean {
  const step = steps[from];
  return step !== undefined && needsOf(step, from).some((need) => need === to || waitsFor(steps, need, to));
}

/** By the rule: siblings first, then the steps around the group; and whoever stands there has to wait for it. */
function expected(steps: Drawn, around: readonly { steps: Drawn; position: number }[]): readonly string[] {
  return steps.flatMap(({ reads, members }, position) => {
    const places = [{ steps, position }, ...around];
    if (members !== null) return expected(members, places);
    const target = NAMES.indexOf(reads);
    const place = places.find((each) => each.steps[target] !== undefined);
    if (place === undefined) return ['unknown_step_reference'];
    return waitsFor(place.steps, place.position, target) ? [] : ['step_not_upstream'];
  });
}

describe('what steps inside of groups see', () => {
  it('is decided by names and needs alone, in any nesting', async () => {
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(block, async (steps) => {
        const found = problemsOf(await load(JSON.stringify({ steps: written(steps) }))).map(({ code }) => code);
        const wanted = expected(steps, []);
        seen += wanted.length > 0 ? 1 : 0;
        expect([...found].sort()).toEqual([...wanted].sort());
      }),
      { numRuns: 300 },
    );
    expect(seen).toBeGreaterThan(10);
  });
});

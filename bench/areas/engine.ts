/** The engine alone, against a plain loop over the same graph. */

import type { Area, Figure } from '../area.ts';
import { definition, needsOf, type Shape } from '../flows.ts';
import { runInstantly } from '../instant.ts';
import { compare, exponent, inside } from '../protocol.ts';

/** The least that any scheduler does: count needs, take what is ready, visit what it releases. */
function plainLoop(shape: Shape, size: number): void {
  const dependents: number[][] = Array.from({ length: size }, () => []);
  const missing = new Int32Array(size);
  for (let index = 0; index < size; index += 1) {
    for (const need of needsOf(shape, index)) {
      dependents[need]?.push(index);
      missing[index] = (missing[index] ?? 0) + 1;
    }
  }
  const ready: number[] = [];
  for (let index = 0; index < size; index += 1) if (missing[index] === 0) ready.push(index);
  let done = 0;
  for (let head = 0; head < ready.length; head += 1) {
    done += 1;
    for (const dependent of dependents[ready[head] as number] ?? []) {
      missing[dependent] = (missing[dependent] ?? 0) - 1;
      if (missing[dependent] === 0) ready.push(dependent);
    }
  }
  if (done !== size) throw new Error('the loop did not finish');
}

/** Ladders of four shapes, up to 10,000 steps (100,000 with --full). */
export const engineAlone: Area = {
  name: 'engine',
  async run({ full }): Promise<readonly Figure[]> {
    const sizes = full ? [1_000, 10_000, 100_000] : [1_000, 3_000, 10_000];
    const top = sizes.at(-1) ?? 0;
    const figures: Figure[] = [];
    for (const shape of ['wide', 'chain', 'diamond', 'layered'] as const) {
      const reference = inside(`plain loop, ${shape} ${top}`, () => plainLoop(shape, top));
      const subject = inside(`engine, ${shape} ${top}`, () => runInstantly(definition(shape, top)));
      figures.push(...(await compare('engine', reference, [subject], 3)));
      const points: [number, number][] = [];
      for (const size of sizes)
        points.push([size, (await inside('', () => runInstantly(definition(shape, size))).measure()).wallMs]);
      figures.push({
        area: 'engine',
        name: `growth, ${shape}`,
        exponent: exponent(points),
        topExponent: exponent(points.slice(-2)),
        points,
        unit: 'ms',
      });
    }
    return figures;
  },
};

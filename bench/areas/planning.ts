/** What comes before the first step: the plan of a flow, and the queue of what may begin, over graphs of any size and shape. */

import { growth } from '../ladder.ts';
import { climbBest, prepareRungs, rung } from '../child.ts';
import type { Area, Figure } from '../area.ts';
import { compare, program } from '../protocol.ts';

const SHAPES = ['chain', 'wide', 'diamond', 'layered'] as const;
const MANY = 100_000;

/** A plan of 100,000 steps against `node -e 0`; the ready queue against a plain loop over the same graph; ladders up to 100,000 (1,000,000 with --full). */
export const planning: Area = {
  name: 'planning',
  async run({ full }): Promise<readonly Figure[]> {
    const sizes = [1_000, 10_000, MANY, ...(full ? [1_000_000] : [])];
    const rounds = full ? 9 : 5;
    const remove = await prepareRungs();
    try {
      const start = program('node -e 0', [process.execPath, '-e', '0']);
      const plans = (['chain', 'layered'] as const).map((shape) => ({
        ...rung(`plan, ${shape} ${MANY}`, 'plan', shape, MANY),
        goal: 1,
      }));
      const figures: Figure[] = [...(await compare('planning', start, plans, rounds))];
      for (const shape of ['wide', 'layered'] as const) {
        const loop = rung(`plain loop, ${shape} ${MANY}`, 'loop', shape, MANY);
        const ready = { ...rung(`ready queue, ${shape} ${MANY}`, 'ready', shape, MANY), goal: 4 };
        figures.push(...(await compare('planning', loop, [ready], rounds)));
      }
      for (const kind of ['plan', 'ready']) {
        for (const shape of SHAPES) {
          const points = sizes.map((size) => [size, climbBest(2, kind, shape, size).cpuMs] as const);
          figures.push(
            growth('planning', `growth, ${kind === 'plan' ? kind : 'ready queue'}, ${shape}`, 'ms of CPU', points),
          );
        }
      }
      return figures;
    } finally {
      remove();
    }
  },
};

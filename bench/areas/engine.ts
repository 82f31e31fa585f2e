/** The engine alone, against a plain loop over the same graph and against the processes that it would start; how time and memory grow. */

import type { Area, Figure } from '../area.ts';
import { climb, climbBest, prepareRungs, rung } from '../child.ts';
import { growth, perStep } from '../ladder.ts';
import { compare, program, type Subject } from '../protocol.ts';

const SHAPES = ['wide', 'chain', 'diamond', 'layered'] as const;
const MANY = 100_000;
const SPAWNS = 2_000;
const KILOBYTE = 1_024;

/** As many steps as there are processes in the reference: a rung of more, as if it had been of so many. */
function scaled(subject: Subject, by: number): Subject {
  return {
    name: subject.name,
    async measure() {
      const { wallMs, cpuMs, peakKb } = await subject.measure();
      return { wallMs: wallMs * by, cpuMs: cpuMs * by, peakKb };
    },
  };
}

/** Four shapes, up to 100,000 steps (1,000,000 with --full). */
export const engineAlone: Area = {
  name: 'engine',
  async run({ full, spawn }): Promise<readonly Figure[]> {
    const sizes = [100, 1_000, 10_000, MANY, ...(full ? [1_000_000] : [])];
    const remove = await prepareRungs();
    try {
      const figures: Figure[] = [];
      const engine = rung(`engine, layered ${MANY}`, 'engine', 'layered', MANY);
      const loop = rung(`plain loop, layered ${MANY}`, 'loop', 'layered', MANY);
      const fold = rung(`fold alone, layered ${MANY}`, 'fold', 'layered', MANY);
      figures.push(...(await compare('engine', loop, [engine, fold], full ? 5 : 3)));
      if (spawn === null) figures.push({ area: 'engine', name: 'against processes', absent: 'there is no C compiler' });
      else {
        const processes = program(`${SPAWNS} x /bin/true`, [spawn, String(SPAWNS), '1', '/bin/true']);
        const shares = SHAPES.map((shape) => ({
          ...scaled(rung(`engine, ${shape} ${MANY}, per step`, 'engine', shape, MANY), SPAWNS / MANY),
          goal: 0.05,
        }));
        figures.push(...(await compare('engine', processes, shares, full ? 5 : 3)));
      }
      for (const shape of SHAPES) {
        const rungs = sizes.map((size) => [size, climbBest(size < MANY ? 3 : 1, 'engine', shape, size)] as const);
        const times = rungs.map(([size, { cpuMs }]) => [size, cpuMs] as const);
        const bytes = rungs
          .slice(-2)
          .map(([size, { peakKb }]) => [size, (peakKb - climb('definition', shape, size).peakKb) * KILOBYTE] as const);
        const own = Math.round(perStep(bytes));
        const note = `${own} bytes a step at the most, besides the definition (goal 2048${own <= 2_048 ? ', met' : ''})`;
        figures.push({ ...growth('engine', `growth, ${shape}`, 'ms of CPU', times), note });
      }
      return figures;
    } finally {
      remove();
    }
  },
};

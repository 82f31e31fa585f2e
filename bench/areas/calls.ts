/** Calls of tasks by a flow function: awaited one by one, and all at once; how time grows with their number, the start left out. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Area, Figure, Growth } from '../area.ts';
import { exponent, program } from '../protocol.ts';

const SIZES = [1_000, 4_000, 10_000];

const FLOWS = `import { flow, task } from 'flowctl';
const same = task('same', async (n: number) => n);
const numbers = (n: unknown) => Array.from({ length: n as number }, (_, index) => index);
export const one = flow('one', { params: { n: 1 } }, async ({ n }) => {
  for (const each of numbers(n)) await same(each);
});
export const map = flow('map', { params: { n: 1 } }, async ({ n }) => (await same.map(numbers(n))).length);
export const all = flow('all', { params: { n: 1 } }, async ({ n }) => (await Promise.all(numbers(n).map((each) => same(each)))).length);
`;

/** What each way of calling is called in the table. */
const WAYS = { one: 'awaited one by one', map: 'the items of a map', all: 'all at once' } as const;

/** Ladders up to 10,000 calls. Every call is durable before the function hears of it. */
export const calls: Area = {
  name: 'calls',
  async run({ flowctl, full }): Promise<readonly Figure[]> {
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    const flow = join(folder, 'flow.ts');
    const state = join(folder, 'state');
    writeFileSync(flow, FLOWS);
    const whole = async (way: string, size: number): Promise<number> => {
      let best = Number.POSITIVE_INFINITY;
      for (let round = 0; round < (full ? 5 : 2); round += 1) {
        rmSync(state, { recursive: true, force: true });
        const argv = [
          process.execPath,
          flowctl,
          'run',
          `${flow}#${way}`,
          '-p',
          `n=${size}`,
          '-q',
          '--state-dir',
          state,
        ];
        best = Math.min(best, (await program('', argv).measure()).wallMs);
      }
      return best;
    };
    try {
      const figures: Growth[] = [];
      for (const [way, name] of Object.entries(WAYS)) {
        const start = await whole(way, 1);
        const points: [number, number][] = [];
        for (const size of SIZES) points.push([size, Math.max((await whole(way, size)) - start, 1)]);
        const [top, beneath] = [exponent(points.slice(-2)), exponent(points)];
        figures.push({
          area: 'calls',
          name: `growth, ${name}`,
          exponent: beneath,
          topExponent: top,
          points,
          unit: 'ms',
        });
      }
      return figures;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

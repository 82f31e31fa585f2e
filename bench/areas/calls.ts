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

/** What each way of calling is called in the table, and what a call should cost at most, milliseconds. */
const WAYS = {
  one: { name: 'awaited one by one', goalMs: 0.5 },
  map: { name: 'the items of a map', goalMs: 0.1 },
  all: { name: 'all at once', goalMs: 0.1 },
} as const;

/** Ladders up to 10,000 calls. Every call is durable before the function hears of it. */
export const calls: Area = {
  name: 'calls',
  async run({ flowctl, full }): Promise<readonly Figure[]> {
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    const flow = join(folder, 'flow.ts');
    const state = join(folder, 'state');
    writeFileSync(flow, FLOWS);
    /** The best of some rounds: what else the machine does only adds to it. */
    const whole = async (way: string, size: number): Promise<Cost> => {
      const argv = [process.execPath, flowctl, 'run', `${flow}#${way}`, '-p', `n=${size}`, '-q', '--state-dir', state];
      const best = { wallMs: Number.POSITIVE_INFINITY, cpuMs: Number.POSITIVE_INFINITY };
      for (let round = 0; round < (full ? 5 : 2); round += 1) {
        rmSync(state, { recursive: true, force: true });
        const { wallMs, cpuMs } = await program('', argv).measure();
        best.wallMs = Math.min(best.wallMs, wallMs);
        best.cpuMs = Math.min(best.cpuMs, cpuMs);
      }
      return best;
    };
    try {
      const figures: Growth[] = [];
      for (const [way, { name, goalMs }] of Object.entries(WAYS)) {
        const start = await whole(way, 1);
        const points: [number, number][] = [];
        let note = '';
        for (const size of SIZES) {
          const { wallMs, cpuMs } = await whole(way, size);
          points.push([size, Math.max(wallMs - start.wallMs, 1)]);
          const each = (wallMs - start.wallMs) / size;
          const cpu = ((cpuMs - start.cpuMs) / size).toFixed(3);
          note = `${each.toFixed(3)} ms each, cpu ${cpu} ms   goal ${goalMs}${each <= goalMs ? ' (met)' : ''}`;
        }
        figures.push({
          area: 'calls',
          name: `growth, ${name}`,
          exponent: exponent(points),
          topExponent: exponent(points.slice(-2)),
          points,
          unit: 'ms',
          note,
        });
      }
      return figures;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

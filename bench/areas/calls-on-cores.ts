/** A map whose items compute: the same flow with one item at a time, and with as many as there are cores. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Area, Figure } from '../area.ts';
import { compare, median, program, type Row, type Sample, type Subject } from '../protocol.ts';

const FLOW = `import { flow, task } from 'flowctl';
const compute = task('compute', async (from: number) => {
  let sum = 0;
  for (let n = from; n < from + 30_000_000; n += 1) sum = (sum * 31 + n) % 1_000_003;
  return sum;
});
export default flow('compute', { params: { n: 1 } }, async ({ n }) =>
  (await compute.map(Array.from({ length: n as number }, (_, index) => index))).length);
`;

const ITEMS = 12;
/** As much faster as a map on two cores should be at least. */
const GOAL = 1.7;
/** A round in which the run on one core had less than this of it says more about the machine than about the program. */
const UNDISTURBED = 0.9;

const cores = ({ cpuMs, wallMs }: Sample): number => cpuMs / wallMs;

/** What the rounds say in which nothing else ran, as far as the run on one core can tell. */
function noteOf(reference: Row | undefined, subject: Row, parallel: number): string {
  const rounds = subject.samples.map((sample, round) => ({ sample, alone: reference?.samples[round] }));
  const quiet = rounds.flatMap(({ sample, alone }) =>
    alone !== undefined && cores(alone) >= UNDISTURBED ? [alone.wallMs / sample.wallMs] : [],
  );
  const used = Math.max(...subject.samples.map(cores)).toFixed(2);
  const said =
    quiet.length === 0
      ? 'other programs ran in every round'
      : `${median(quiet).toFixed(2)} times as fast in the median of ${quiet.length} undisturbed rounds`;
  return `${said}; ${(1 / subject.best).toFixed(2)} at best; used up to ${used} of ${parallel} cores`;
}

/** Computing on one core, and on two. */
export const callsOnCores: Area = {
  name: 'calls on cores',
  async run({ flowctl, full }): Promise<readonly Figure[]> {
    const parallel = Math.min(2, availableParallelism());
    if (parallel < 2) return [{ area: 'calls on cores', name: 'a map that computes', absent: 'there is one core' }];
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    const flow = join(folder, 'flow.ts');
    const state = join(folder, 'state');
    writeFileSync(flow, FLOW);
    const on = (count: number): Subject => {
      const more = ['--max-parallel', String(count), '-p', `n=${ITEMS}`, '-q', '--state-dir', state];
      const subject = program(`a map that computes, ${count} at once`, [
        process.execPath,
        flowctl,
        'run',
        flow,
        ...more,
      ]);
      return {
        name: subject.name,
        measure: () => {
          rmSync(state, { recursive: true, force: true });
          return subject.measure();
        },
      };
    };
    try {
      const rows = await compare('calls on cores', on(1), [{ ...on(parallel), goal: 1 / GOAL }], full ? 9 : 5);
      return rows.map((row, index) => (index === 0 ? row : { ...row, note: noteOf(rows[0], row, parallel) }));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

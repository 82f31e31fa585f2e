/**
 * Steps that call a function which does next to nothing: the items of a map in a flow file, steps of a flow file beside each other, the
 * items of a task's map, and calls made all at once. How time and memory grow with their number, the start left out.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Area, Figure, Growth } from '../area.ts';
import { exponent, program, type Sample } from '../protocol.ts';

const SIZES = [1_000, 3_000, 10_000];
const FULL_SIZES = [1_000, 10_000, 100_000];
/** A flow file of more steps is larger than what one may be. */
const MOST_STEPS = 10_000;

/** What a step should cost at most, milliseconds of wall time. */
const GOAL_MS = 0.03;

const MODULE = 'export const twice = async ({ n }) => n * 2;\n';

const FLOWS = `import { flow, task } from 'flowctl';
const twice = task('twice', async (n: number) => n * 2);
const numbers = (n: unknown) => Array.from({ length: n as number }, (_, index) => index);
export const map = flow('map', { params: { n: 1 } }, async ({ n }) => await twice.map(numbers(n)));
export const all = flow('all', { params: { n: 1 } }, async ({ n }) => await Promise.all(numbers(n).map((each) => twice(each))));
`;

const FILE_MAP = `params: { n: 1 }
steps:
  twice: { foreach: "\${{ range(params.n) }}", call: "./module.mjs#twice", with: { n: "\${{ item }}" } }
outputs: { all: "\${{ steps.twice.outputs }}" }
`;

function fileOfSteps(size: number): string {
  const steps = Array.from(
    { length: size },
    (_, index) => `  s${index}: { call: "./module.mjs#twice", with: { n: ${index} } }\n`,
  );
  return `params: { n: 1 }\nsteps:\n${steps.join('')}`;
}

interface Way {
  readonly name: string;
  readonly target: (size: number) => string;
  readonly most?: number;
}

const WAYS: readonly Way[] = [
  { name: 'a map in a flow file', target: () => 'map.yaml' },
  { name: 'steps of a flow file', target: (size) => `steps-${size}.yaml`, most: MOST_STEPS },
  { name: 'the map of a task', target: () => 'flow.ts#map' },
  { name: 'calls of a task, all at once', target: () => 'flow.ts#all' },
];

/**
 * Sees to it that a run did its work: every step began and ended once, well, and yielded the right number.
 * @throws {Error} that says what is missing.
 */
function check(state: string, size: number): number {
  const [run = ''] = readdirSync(join(state, 'runs'));
  const journal = readFileSync(join(state, 'runs', run, 'journal.ndjson'), 'utf8');
  let begun = 0;
  const sums = { yielded: 0, wanted: 0 };
  let ended = 0;
  for (const line of journal.split('\n')) {
    if (line.includes('"type":"attempt.started"')) begun += 1;
    if (!line.includes('"type":"attempt.finished"')) continue;
    const event = JSON.parse(line) as { readonly outcome: string; readonly outputs: { readonly value: number } | null };
    if (event.outcome !== 'succeeded' || event.outputs === null) throw new Error(`a step did not succeed: ${line}`);
    sums.yielded += event.outputs.value;
    sums.wanted += 2 * ended;
    ended += 1;
  }
  if (begun !== size || ended !== size) throw new Error(`${size} steps: ${begun} began and ${ended} ended`);
  if (sums.yielded !== sums.wanted) throw new Error(`the outputs add up to ${sums.yielded}, not ${sums.wanted}`);
  if (!journal.includes('"state":"succeeded"')) throw new Error('the run did not succeed');
  return journal.length;
}

/** Ladders up to 10,000 steps, or 100,000. Every start is on disk before the function is called, every end before anybody hears of it. */
export const functionSteps: Area = {
  name: 'function steps',
  async run({ flowctl, full }): Promise<readonly Figure[]> {
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    const state = join(folder, 'state');
    const sizes = full ? FULL_SIZES : SIZES;
    writeFileSync(join(folder, 'module.mjs'), MODULE);
    writeFileSync(join(folder, 'flow.ts'), FLOWS);
    writeFileSync(join(folder, 'map.yaml'), FILE_MAP);
    for (const size of [1, ...sizes]) {
      if (size <= MOST_STEPS) writeFileSync(join(folder, `steps-${size}.yaml`), fileOfSteps(size));
    }
    /** The best of some rounds: what else the machine does only adds to it. */
    const whole = async ({ target }: Way, size: number): Promise<Sample & { readonly bytes: number }> => {
      const argv = [process.execPath, flowctl, 'run', join(folder, target(size)), '-p', `n=${size}`, '-q'];
      let best: (Sample & { readonly bytes: number }) | null = null;
      for (let round = 0; round < (full ? 3 : 2); round += 1) {
        rmSync(state, { recursive: true, force: true });
        const sample = await program('', [...argv, '--state-dir', state]).measure();
        const bytes = check(state, size);
        if (best === null || sample.wallMs < best.wallMs) best = { ...sample, bytes };
      }
      if (best === null) throw new Error('nothing was measured');
      return best;
    };
    try {
      const figures: Growth[] = [];
      for (const way of WAYS) figures.push(await growth(way, sizes, whole));
      return figures;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function growth(
  way: Way,
  sizes: readonly number[],
  whole: (way: Way, size: number) => Promise<Sample & { readonly bytes: number }>,
): Promise<Growth> {
  const start = await whole(way, 1);
  const points: [number, number][] = [];
  let last = { size: 1, peakKb: start.peakKb };
  let note = '';
  for (const size of sizes.filter((each) => each <= (way.most ?? Number.POSITIVE_INFINITY))) {
    const { wallMs, cpuMs, peakKb, bytes } = await whole(way, size);
    const eachMs = (wallMs - start.wallMs) / size;
    points.push([size, Math.max(wallMs - start.wallMs, 1)]);
    const cpu = Math.round(((cpuMs - start.cpuMs) / size) * 1_000);
    const memory = ((peakKb - last.peakKb) / (size - last.size)).toFixed(1);
    last = { size, peakKb };
    const each = `${Math.round(eachMs * 1_000)} us, ${cpu} us of cpu, ${memory} kB, ${Math.round(bytes / size)} B of journal each`;
    note = `${each}   goal ${GOAL_MS * 1_000} us${eachMs <= GOAL_MS ? ' (met)' : ''}`;
  }
  const [all, top] = [exponent(points), exponent(points.slice(-2))];
  return { area: 'function steps', name: way.name, exponent: all, topExponent: top, points, unit: 'ms', note };
}

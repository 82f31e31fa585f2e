/** Maps: the engine alone, and whole runs with no-op commands, over ladders of items; how time and memory grow. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StepId } from '../../src/base/ids.ts';
import { FLOW_DEFAULTS, STEP_DEFAULTS } from '../../src/model/defaults.ts';
import type { FlowDefinition, MapDefinition } from '../../src/model/flow.ts';
import type { Area, Figure, Growth } from '../area.ts';
import { runInstantly } from '../instant.ts';
import { exponent, inside, program, type Sample } from '../protocol.ts';

const SIZES = [100, 1_000, 4_000, 10_000];
const SIZES_ALONE = [...SIZES, 100_000];

const items = (size: number): MapDefinition => ({
  over: { kind: 'foreach', items: Array.from({ length: size }, (_, index) => index) },
  key: null,
  tolerate: { kind: 'count', value: 0 },
});

/** A map of so many items, and a step after it that needs all of them. */
function mapOf(size: number): FlowDefinition {
  const action = { kind: 'argv', argv: ['true'] } as const;
  const steps = [
    { ...STEP_DEFAULTS, id: 'load' as StepId, action, map: items(size) },
    { ...STEP_DEFAULTS, id: 'report' as StepId, action, needs: ['load' as StepId] },
  ];
  return { ...FLOW_DEFAULTS, name: 'bench', file: '/bench/flow.yaml', directory: '/bench', steps };
}

/** The same as a flow file. */
const yamlMap = (size: number): string => `max_parallel: 2
steps:
  load: { foreach: "\${{ range(${size}) }}", run: ":" }
  report: { needs: load, run: ":" }
`;

function growth(name: string, unit: string, points: readonly (readonly [number, number])[]): Growth {
  return { area: 'maps', name, exponent: exponent(points), topExponent: exponent(points.slice(-2)), points, unit };
}

/** The best of some rounds: what the machine did besides is none of the subject's growth. */
async function least(rounds: number, measure: () => Sample | Promise<Sample>): Promise<Sample> {
  let best = await measure();
  for (let round = 1; round < rounds; round += 1) {
    const sample = await measure();
    if (sample.cpuMs < best.cpuMs) best = sample;
  }
  return best;
}

/** Ladders up to 10,000 items, and 100,000 for the engine alone. */
export const maps: Area = {
  name: 'maps',
  async run({ flowctl, full }): Promise<readonly Figure[]> {
    const rounds = full ? 5 : 3;
    const alone: [number, number][] = [];
    // Compiled code and a grown heap are no part of the growth.
    await runInstantly(mapOf(SIZES.at(-1) ?? 1));
    for (const size of SIZES_ALONE) {
      const { cpuMs } = await least(rounds, () => inside('', () => runInstantly(mapOf(size))).measure());
      alone.push([size, cpuMs]);
    }
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    try {
      const whole = async (size: number, times: number): Promise<Sample> => {
        const flow = join(folder, `map-${size}.yaml`);
        const state = join(folder, 'state');
        writeFileSync(flow, yamlMap(size));
        return least(times, () => {
          rmSync(state, { recursive: true, force: true });
          return program('', [process.execPath, flowctl, 'run', flow, '-q', '--state-dir', state]).measure();
        });
      };
      const start = await whole(1, rounds);
      const time: [number, number][] = [];
      const memory: [number, number][] = [];
      for (const size of SIZES) {
        const { cpuMs, peakKb } = await whole(size, full ? 3 : 1);
        time.push([size, Math.max(cpuMs - start.cpuMs, 1)]);
        memory.push([size, peakKb / 1_024]);
      }
      return [
        growth('growth, the engine alone', 'ms of CPU', alone),
        growth('growth, no-op commands', 'ms of CPU', time),
        growth('largest process, no-op commands', 'MB', memory),
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

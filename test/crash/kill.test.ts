/** The kill harness, small enough for every push. More by hand: KILL_FLOWS=200 KILL_SEED=7 npx vitest run test/crash/kill.test.ts */

import { availableParallelism } from 'node:os';
import { expect, it } from 'vitest';
import { seeded } from '../kit/seeded.ts';
import { torture } from './harness.ts';

const flows = Number(process.env['KILL_FLOWS'] ?? 12);
const seed = Number(process.env['KILL_SEED'] ?? 1);
const FLOW_LIMIT_MS = 60_000;

it(`keeps its promises when it is killed at random times (${flows} flows, seed ${seed})`, {
  timeout: flows * FLOW_LIMIT_MS,
}, async () => {
  const random = seeded(seed);
  const waiting = Array.from({ length: flows }, () => ({
    seed: Math.floor(random() * 1e9),
    kills: 1 + Math.floor(random() * 4),
  }));
  const points = waiting.reduce((sum, { kills }) => sum + kills, 0);
  const violations: string[] = [];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      violations.push(...(await torture(next.seed, next.kills)));
    }
  };
  await Promise.all(Array.from({ length: Math.min(3, availableParallelism() + 1) }, worker));
  process.stdout.write(
    `kill harness: ${flows} flows, ${points} kill points, seed ${seed}: ${violations.length} violations\n`,
  );
  expect(violations).toEqual([]);
});

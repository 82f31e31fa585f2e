/**
 * Flow functions under kill -9, small enough for every push. More by hand:
 * KILL_SCRIPTS=200 KILL_SEED=7 npx vitest run test/crash/functions.test.ts
 */

import { expect, it } from 'vitest';
import { between, seeded } from '../kit/seeded.ts';
import { tortureFunction } from './function-torture.ts';

const scripts = Number(process.env['KILL_SCRIPTS'] ?? 4);
const seed = Number(process.env['KILL_SEED'] ?? 1);
const SCRIPT_LIMIT_MS = 120_000;
const AT_ONCE = 3;

it(`(I2) (I3) (I4) flow functions keep their promises when they are killed at random points (${scripts} functions, seed ${seed})`, {
  timeout: scripts * SCRIPT_LIMIT_MS,
}, async () => {
  const draw = seeded(seed);
  const waiting = Array.from({ length: scripts }, () => ({
    seed: Math.floor(draw() * 1e9),
    kills: between(draw, 1, scripts > 20 ? 6 : 3),
  }));
  const violations: string[] = [];
  let kills = 0;
  let inReplays = 0;
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const tortured = await tortureFunction(next.seed, next.kills);
      violations.push(...tortured.violations);
      kills += tortured.kills;
      inReplays += tortured.inReplays;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  process.stdout.write(
    `kill harness: ${scripts} functions, ${kills} kills, ${inReplays} of them in replays, seed ${seed}: ${violations.length} violations\n`,
  );
  expect(violations).toEqual([]);
});

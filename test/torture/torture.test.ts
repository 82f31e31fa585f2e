/** A short torture for every push. Longer ones: `npm run torture -- --seed 7 --kills 1000`, or TORTURE_KILLS and TORTURE_SEED here. */

import { expect, it } from 'vitest';
import { runCampaign, summary } from './campaign.ts';

const kills = Number(process.env['TORTURE_KILLS'] ?? 12);
const seed = Number(process.env['TORTURE_SEED'] ?? 5);
const KILL_LIMIT_MS = 30_000;

it(`(I1, I2, I3, I4, I5, I6, I7) hold through ${kills} kills, power cuts among them (seed ${seed})`, {
  timeout: 60_000 + kills * KILL_LIMIT_MS,
}, async () => {
  const lines: string[] = [];
  const say = (line: string): void => {
    lines.push(line);
  };
  const result = await runCampaign({
    ...{ seed, kills, jobs: 3, graceMs: 300, bin: null, say },
    ...{ only: null, flows: null, flow: null },
  });
  process.stdout.write(`${summary(result)}\n`);
  expect(result.violations, lines.join('\n')).toEqual([]);
});

/**
 * Case 28 by sweep: any one change of the state may be refused. A sample for every push; all of them by
 * `FAULT_SWEEP=all npx vitest run test/faults/sweep.test.ts` (FAULT_SEED chooses another sample).
 */

import { afterAll, describe, expect, it } from 'vitest';
import type { Rig } from '../kit/rig.ts';
import { chance, oneOf, seeded } from '../kit/seeded.ts';
import { countChanges, disturb, type Fault, prepare, type Scene } from './sweep.ts';

const wanted = process.env['FAULT_SWEEP'] ?? '2';
const seed = Number(process.env['FAULT_SEED'] ?? 1);
/** A resumed run ends whatever bears the token of its earlier life, which copies of one run share: one after the other. */
const AT_ONCE: { readonly [scene in Scene]: number } = { run: 2, resume: 1, cancel: 1 };

/** The two ways in which disks fail: once, and from then on. */
const faultsAt = (nth: number): readonly [Fault, Fault] => [
  { nth, code: 'EIO', lasting: false, half: false },
  { nth, code: 'ENOSPC', lasting: true, half: true },
];

function choose(changes: number): readonly Fault[] {
  const all = Array.from({ length: changes }, (_, index) => faultsAt(index + 1));
  if (wanted === 'all') return all.flat();
  const random = seeded(seed);
  return Array.from({ length: Number(wanted) }, () => {
    const [once, lasting] = oneOf(random, all);
    if (chance(random, 0.5)) return once;
    return { ...lasting, code: oneOf(random, ['ENOSPC', 'EDQUOT', 'EROFS'] as const) };
  });
}

describe('case 28: a change of the state is refused', () => {
  const templates: Rig[] = [];
  afterAll(() => {
    for (const template of templates) template.remove();
  });

  it.each<[Scene]>([['run'], ['resume'], ['cancel']])(
    `case 28: during a %s: 74 with path and reason or 0 with nothing missing, and a resume that keeps what is recorded (I2, I10; ${wanted} places, seed ${seed})`,
    { timeout: wanted === 'all' ? 3_600_000 : 60_000 + Number(wanted) * 30_000 },
    async (scene) => {
      const template = await prepare(scene);
      templates.push(template);
      const changes = await countChanges(template, scene);
      expect(changes.length).toBeGreaterThan({ run: 150, resume: 40, cancel: 15 }[scene]);
      const waiting = [...choose(changes.length)];
      const count = waiting.length;
      const broken: string[] = [];
      const worker = async (): Promise<void> => {
        for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
          const found = await disturb(template, scene, fault);
          for (const each of found) process.stdout.write(`${each}\n`);
          broken.push(...found);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE[scene] }, worker));
      process.stdout.write(
        `fault sweep of ${scene}: ${changes.length} changes, ${count} faults, seed ${seed}: ${broken.length} broken\n`,
      );
      expect(broken).toEqual([]);
    },
  );
});

/**
 * How soon it is over (I5, I11). A machine that does something else makes everything late, so each is tried several times, and has to be in
 * time once: a program that is slow is slow each time.
 */

import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { chain } from '../kit/flows.ts';
import { overLaunchers } from '../kit/launchers.ts';
import { Stage } from '../kit/puppet.ts';
import { eventually, GONE_MS, type Started, tagged } from '../kit/rig.ts';

const here = useCase();
const TRIES = 6;
const GRACE_MS = 300;

/** Tries until it did not take longer; the best time has to be good. */
async function prompt(limitMs: number, attempt: () => Promise<number>): Promise<void> {
  const times: number[] = [];
  while (times.length < TRIES && !times.some((ms) => ms <= limitMs)) times.push(Math.round(await attempt()));
  expect(Math.min(...times), `all of ${times.join(', ')} ms`).toBeLessThanOrEqual(limitMs);
}

/** How long it takes from a deed to what it is to lead to. */
async function timed(deed: () => unknown, end: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await deed();
  await end();
  return performance.now() - began;
}

/** A run whose step `b` is up: as it comes, or deaf to what asks it to end. */
async function underWay(kind: 'cooperative' | 'stubborn', graceMs: number) {
  const { rig } = here;
  const stage = await here.stage();
  rig.give({ FLOWCTL_GRACE: `${graceMs}ms` });
  const deaf = kind === 'stubborn' ? (['SIGINT', 'SIGTERM'] as const) : [];
  rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b', ...deaf)}` }));
  const started = rig.start(['run', 'flow.yaml']);
  const { run } = await stage.enter('b');
  return { rig, started, run };
}

const isGone = (run: string) => eventually('nothing is left', GONE_MS, () => tagged(run).length === 0);
const ends = ({ ended }: Started) => ended;

overLaunchers(here, () => {
  describe('in time', () => {
    it('I5: what a killed flowctl leaves is gone a second after the grace time, however stubborn', async () => {
      here.mayLeaveStrays();
      await prompt(GRACE_MS + 1_000, async () => {
        const { started, run } = await underWay('stubborn', GRACE_MS);
        return timed(
          () => started.process.kill('SIGKILL'),
          () => isGone(run),
        );
      });
    });

    it('I11: a run reads `crashed` within a second of the death of its owner', async () => {
      here.mayLeaveStrays();
      await prompt(1_000, async () => {
        const { rig, started, run } = await underWay('cooperative', GRACE_MS);
        const isCrashed = async () => {
          const [row] = await rig.query<{ id: string; state: string }[]>('runs');
          return row?.id === run && row.state === 'crashed';
        };
        const tookMs = await timed(
          () => started.process.kill('SIGKILL'),
          () => eventually('it reads crashed', GONE_MS, isCrashed),
        );
        await isGone(run);
        return tookMs;
      });
    });

    it('I11: the first signal ends cooperative steps, and flowctl, within half a second', async () => {
      await prompt(500, async () => {
        const { started } = await underWay('cooperative', 20_000);
        return timed(
          () => started.process.kill('SIGTERM'),
          () => ends(started),
        );
      });
    });

    it('I11: it ends stubborn ones half a second after the grace time', async () => {
      await prompt(GRACE_MS + 500, async () => {
        const { started } = await underWay('stubborn', GRACE_MS);
        return timed(
          () => started.process.kill('SIGTERM'),
          () => ends(started),
        );
      });
    });

    it('I11: a second signal ends stubborn ones within half a second', async () => {
      await prompt(500, async () => {
        const { started } = await underWay('stubborn', 30_000);
        started.process.kill('SIGTERM');
        await started.prints('SIGTERM received');
        return timed(
          () => started.process.kill('SIGTERM'),
          () => ends(started),
        );
      });
    });
  });
});

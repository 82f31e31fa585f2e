/**
 * Safeguards, one by one: the program has them, and a program without one is noticed. Programs without are built from a changed copy of the
 * source. Everything at once, with what was noticed: `npm run torture -- --controls`.
 */

import { describe, expect, it } from 'vitest';
import { canCutPower, canTrace } from '../kit/abilities.ts';
import { CONTROLS, tryControl } from './controls.ts';
import {
  hasOneOwner,
  keepsLoudLogs,
  leavesNoOrphans,
  noticesDamage,
  readersTellNothingLost,
  survivesPowerCut,
  writesBeforeItActs,
} from './directed.ts';

/** What is seen by who comes first may be missed on a busy machine, but not again and again. */
const TRIES = 4;

describe.concurrent('the program', () => {
  it.skipIf(!canTrace())('(I1, I3) writes before it acts and before it tells, and after the effect', async () => {
    expect(await writesBeforeItActs(null)).toEqual([]);
  });

  it.skipIf(!canCutPower('ext4'))(
    '(I1) keeps what it told through a power cut (needs root and loop devices)',
    async () => {
      expect(await survivesPowerCut(null)).toEqual([]);
    },
  );

  it.skipIf(!canCutPower('ext4') || !canTrace())('(I1) keeps what readers told through a power cut', async () => {
    expect(await readersTellNothingLost(null)).toEqual([]);
  });

  it('(I5) leaves no orphans', async () => {
    expect(await leavesNoOrphans(null)).toEqual([]);
  });

  it('(I7) notices damage', async () => {
    expect(await noticesDamage(null)).toEqual([]);
  });

  it('(I8) has one owner', async () => {
    expect(await hasOneOwner(null)).toEqual([]);
  });

  it('case 61: keeps logs that are opened twice', async () => {
    expect(await keepsLoudLogs(null)).toEqual([]);
  });
});

describe.concurrent('negative control: without', () => {
  for (const control of CONTROLS) {
    it.skipIf(!control.isPossible())(`${control.name}, a promise is seen to be broken`, async () => {
      expect(await tryControl(control, TRIES)).not.toEqual([]);
    });
  }
});

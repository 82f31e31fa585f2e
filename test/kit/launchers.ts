/**
 * The ways in which flowctl starts processes, in one place: whoever adds one to `src/process/choose-launcher.ts` adds it here, and every case
 * whose subject is the control of processes runs over it. FLOWCTL_LAUNCHER=starter runs them, and all other cases, over that one alone.
 */

import { beforeEach, describe } from 'vitest';
import { canStart, canStay } from './abilities.ts';
import type { Case } from './case.ts';

/** What FLOWCTL_LAUNCHER is set to, and whether this machine has it. */
const KNOWN: readonly (readonly [launcher: string, isThere: () => boolean])[] = [
  ['direct', () => true],
  ['starter', canStart],
  ['shells', canStay],
];

const wished = process.env['FLOWCTL_LAUNCHER'];

/** Runs cases over every launcher. @param here what they use: whatever it starts is started so. */
export function overLaunchers(here: Case, cases: () => void): void {
  for (const [launcher, isThere] of KNOWN) {
    if (wished !== undefined && wished !== launcher) continue;
    describe.skipIf(!isThere())(`launcher ${launcher}:`, () => {
      beforeEach(() => here.rig.give({ FLOWCTL_LAUNCHER: launcher }));
      cases();
    });
  }
}

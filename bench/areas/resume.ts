/** A long run whose owner died: how long it takes to read it back, until its first step goes on, and until all is done. */

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Area, Figure } from '../area.ts';
import { climb, prepareRungs, rung } from '../child.ts';
import { growth, perStep } from '../ladder.ts';
import { compare } from '../protocol.ts';

const MANY = 100_000;

/** Half of 100,000 steps done (1,000,000 with --full): replay against a fold of the same events, and the ladder of a resume. */
export const resume: Area = {
  name: 'resume',
  async run({ full }): Promise<readonly Figure[]> {
    const sizes = [1_000, 10_000, MANY, ...(full ? [1_000_000] : [])];
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    const remove = await prepareRungs();
    try {
      const state = (size: number): string => join(folder, String(size));
      const recorded = sizes.map((size) => climb('record', state(size), 'layered', size).more);
      const fold = rung(`fold of ${MANY} events`, 'fold', 'layered', MANY / 2);
      const replay = rung(`replay of ${MANY} events`, 'replay', state(MANY));
      const rows = await compare('resume', fold, [replay], full ? 5 : 3);
      const index = sizes.indexOf(MANY);
      const { events = 1, journalBytes = 0 } = recorded[index] ?? {};
      const figures: Figure[] = rows.map((row) => ({
        ...row,
        note: `${((row.wallMs * 1_000) / events).toFixed(1)} us an event${row.name.startsWith('replay') ? `, ${Math.round(journalBytes / events)} bytes` : ''}`,
      }));
      const read = sizes.map((size) => [size, climb('replay', state(size)).cpuMs] as const);
      const climbed = sizes.map((size) => {
        const copy = join(folder, 'copy');
        cpSync(state(size), copy, { recursive: true, preserveTimestamps: true });
        const told = climb('resume', copy);
        rmSync(copy, { recursive: true });
        return [size, told] as const;
      });
      const first = climbed.map(([size, { more }]) => [size, more['firstMs'] ?? Number.NaN] as const);
      const all = climbed.map(([size, { wallMs }]) => [size, wallMs] as const);
      const memory = climbed.map(([size, { peakKb }]) => [size, peakKb * 1_024] as const);
      const note = `${Math.round(perStep(memory))} bytes a step at the most, definition and all`;
      return [
        ...figures,
        growth('resume', 'growth, replay', 'ms of CPU', read),
        growth('resume', 'growth, until the first step', 'ms', first),
        { ...growth('resume', 'growth, until all is done', 'ms', all), note },
      ];
    } finally {
      remove();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

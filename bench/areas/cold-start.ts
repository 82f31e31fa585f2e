/** How long a command takes that has next to nothing to do, against `node -e 0`. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, program, type Row } from '../protocol.ts';
import type { Area } from '../area.ts';

/** Rounds: a start is short, so many are affordable. */
const ROUNDS = 15;

/** `--version`, `validate`, `runs` and a whole run of one step. */
export const coldStart: Area = {
  name: 'cold start',
  async run({ flowctl }): Promise<readonly Row[]> {
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    const flow = join(folder, 'one.yaml');
    writeFileSync(flow, "name: one\nsteps:\n  a: { run: ':' }\n");
    const call = (...argv: readonly string[]) =>
      program(argv[0] ?? '', [process.execPath, flowctl, ...argv], { cwd: folder });
    try {
      return await compare(
        'cold start',
        program('node -e 0', [process.execPath, '-e', '0']),
        [
          { ...call('--version'), goal: 1.1 },
          { ...call('validate', flow), goal: 1.35 },
          { ...call('run', flow), name: 'run, one step', goal: 1.8 },
          { ...call('runs'), goal: 1.1 },
        ],
        ROUNDS,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** How long a command takes that has next to nothing to do, against `node -e 0`. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRunId } from '../../src/base/ids.ts';
import { stateLayout } from '../../src/store/layout.ts';
import type { Area, Figure } from '../area.ts';
import { makeRuns } from '../many-runs.ts';
import { compare, firstByte, program } from '../protocol.ts';

/** Rounds: a start is short, so many are affordable. */
const ROUNDS = 15;
const MANY_RUNS = 100_000;

/** `--version`, `validate`, `runs` after 100,000 runs, a run of one step: its first event, and the whole of it. */
export const coldStart: Area = {
  name: 'cold start',
  async run({ flowctl, full }): Promise<readonly Figure[]> {
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    const flow = join(folder, 'one.yaml');
    writeFileSync(flow, "name: one\nsteps:\n  a: { run: ':' }\n");
    const words = (...argv: readonly string[]) => [process.execPath, flowctl, ...argv];
    const call = (name: string, goal: number, ...argv: readonly string[]) => ({
      ...program(name, words(...argv), { cwd: folder }),
      goal,
    });
    try {
      const many = join(folder, 'many');
      await manyRuns(words, flow, many);
      const first = firstByte('run, its first event', words('run', flow, '--output', 'json'), { cwd: folder });
      const rows = await compare(
        'cold start',
        program('node -e 0', [process.execPath, '-e', '0']),
        [
          call('--version', 1.1, '--version'),
          call('validate', 1.35, 'validate', flow),
          ...(first === null ? [] : [{ ...first, goal: 1.35 }]),
          call('run, one step', 1.8, 'run', flow),
          call('runs', 1.1, 'runs'),
          call(`runs, of ${MANY_RUNS.toLocaleString('en')}`, 1.1, 'runs', '--state-dir', many),
        ],
        full ? 2 * ROUNDS : ROUNDS,
      );
      const missing = { area: 'cold start', name: 'run, its first event', absent: 'there is no C compiler' };
      return first === null ? [...rows, missing] : rows;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** Makes a state directory with many runs, of which a listing shows the newest. */
async function manyRuns(
  words: (...argv: readonly string[]) => readonly string[],
  flow: string,
  folder: string,
): Promise<void> {
  const said = (...argv: readonly string[]): string => {
    const [file = '', ...rest] = words(...argv, '--state-dir', folder);
    const { status, stdout, stderr } = spawnSync(file, rest, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`);
    return stdout;
  };
  said('run', flow, '-q');
  const state = stateLayout(folder);
  const model = parseRunId(readdirSync(state.runs)[0] ?? '');
  if (model === null) throw new Error('the run is not there');
  const ids = await makeRuns(state, model, MANY_RUNS);
  const listed = (JSON.parse(said('runs', '--json', '--limit', '20')) as readonly { readonly id: string }[]).map(
    ({ id }) => id,
  );
  if (listed.join() !== ids.slice(0, 20).join()) throw new Error('`runs` shows other runs than the newest 20');
  said('show', ids.at(-1) ?? '');
}

/** What a backfill reaches the world by: the state directory, and this very program, which it starts for every run and stays with. */

import { dirname } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { RunId } from '../base/ids.ts';
import { type OtherProgram, startProgram } from '../process/detached.ts';
import type { BackfillPorts, RunFate } from '../scheduler/backfill.ts';
import { readWithLiveness } from '../store/listing.ts';
import type { StateLayout } from '../store/layout.ts';
import { rowOf } from '../store/run-reading.ts';
import type { ParamOptions } from './params.ts';
import { schedulerPorts } from './scheduler-ports.ts';
import type { SignalHandlers } from './signals.ts';
import { claimText } from './start-claim.ts';

/** Of what a signal ended, somebody goes on. */
const BY_SIGNAL = new Set<number | null>([129, 130, 143]);

async function fateOf(state: StateLayout, run: RunId): Promise<RunFate> {
  const { reading, live } = await readWithLiveness(state, { id: run, root: run });
  if (live) return { kind: 'live' };
  if (!reading.started) return { kind: 'none' };
  const row = rowOf(reading, live, Date.now());
  const hasEnded = reading.record === null || reading.record.ending !== null || reading.problem !== null;
  if (!hasEnded || BY_SIGNAL.has(row.exit_code)) return { kind: 'unfinished' };
  return { kind: 'over', state: row.state, exit_code: row.exit_code };
}

/** What the runs are given by the options, in the form in which `run` takes it. */
export function paramArguments({ param = [], paramsFile }: ParamOptions): readonly string[] {
  return [...(paramsFile === undefined ? [] : ['--params-file', paramsFile]), ...param.flatMap((each) => ['-p', each])];
}

/**
 * The ports of one backfill.
 * @param reference the deployment with its version. @param given arguments of every run.
 * @param signals are handed to the runs; the first stops the backfill.
 */
export function backfillPorts(
  state: StateLayout,
  reference: string,
  given: readonly string[],
  signals: SignalHandlers,
): Omit<BackfillPorts, 'began' | 'ended'> {
  const { now, mint, read, change } = schedulerPorts(state, () => undefined);
  const going = new Set<OtherProgram>();
  let stopped: NodeJS.Signals | null = null;
  signals.deliverTo((signal) => {
    stopped = signal;
    for (const each of going) each.signal(signal);
  });
  return {
    ...{ now, mint, read, change },
    fate: (run) => fateOf(state, run),
    async drive(claim, { previous_scheduled_for }, isBegun) {
      const { run, scheduled_for, trigger, schedule } = claim;
      const common = ['--state-dir', state.root, '--quiet', '--no-color', '--output', 'plain'];
      const text = claimText({ run, scheduled_for, previous_scheduled_for, trigger, schedule });
      const argv = isBegun ? ['resume', run, ...common] : ['run', reference, ...common, '--claim', text, ...given];
      const program = startProgram(argv, dirname(state.root));
      going.add(program);
      // One that comes between the question and the start.
      if (stopped !== null) program.signal(stopped);
      return program.ended.finally(() => going.delete(program));
    },
    sleep: (ms) => after(ms, undefined, { signal: signals.asked }).catch(() => undefined),
    isStopped: () => signals.asked.aborted,
  };
}

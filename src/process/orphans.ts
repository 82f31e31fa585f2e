/**
 * What an earlier life of a run left behind: its processes, and the watchdog that is still ending them. Called before a resume, with
 * the run's lock held, which proves that no owner lives.
 */

import { readdir, readFile, stat } from 'node:fs/promises';
import type { RunId } from '../base/ids.ts';
import type { Clock } from '../engine/ports.ts';
import type { ProcessIdentity } from '../model/event.ts';
import { pause } from './clock.ts';
import { SWEEP_LIMIT_MS, type SweepReport, sweepRun } from './sweep.ts';
import { WATCHDOG_NAME } from './watchdog.ts';

const PAUSE_MS = 20;

/**
 * Ends every process of an earlier life, then waits until its watchdog has gone: processes of one run carry the same token in every
 * life, so a watchdog that still scans would end those of the next one.
 * @param options `hurry`: aborted to skip what is left of the grace time.
 * @returns whom it signalled, and who lives in spite of it after 30 s, watchdogs included.
 */
export async function endOrphans(
  run: RunId,
  options: {
    readonly clock: Clock;
    readonly graceMs: number;
    readonly identities: readonly ProcessIdentity[];
    readonly hurry?: AbortSignal | undefined;
  },
): Promise<SweepReport> {
  const began = options.clock.monotonic();
  const report = await sweepRun(run, options);
  for (;;) {
    const watchdogs = await watchdogsOf(run);
    if (watchdogs.length === 0) return report;
    if (options.clock.monotonic() - began > SWEEP_LIMIT_MS) return { ...report, left: [...report.left, ...watchdogs] };
    await pause(options.clock, PAUSE_MS);
  }
}

/**
 * The watchdogs of a run, told by their command line; none where there is no /proc. Anybody may call a process of his own so, so it
 * has to be ours: the owner of /proc/PID is the effective user of the process (proc(5)).
 */
async function watchdogsOf(run: RunId): Promise<readonly number[]> {
  const names = await readdir('/proc').catch((): string[] => []);
  const found: number[] = [];
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    // Gone meanwhile, or somebody else's: not ours to wait for.
    const line = await readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => '');
    const words = line.split('\0');
    const position = words.indexOf(WATCHDOG_NAME);
    if (position === -1 || words[position + 1] !== run) continue;
    const owner = await stat(`/proc/${name}`).catch(() => null);
    if (owner !== null && owner.uid === process.geteuid?.()) found.push(Number(name));
  }
  return found;
}

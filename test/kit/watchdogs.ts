/** The watchdogs of a run, found as a person would: they carry no token, but the run's id among their arguments. */

import { readdirSync, readFileSync } from 'node:fs';

/** The process ids of the watchdogs of `run`, zombies left out. */
export function watchdogsOf(run: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
        return words.includes('flowctl-watchdog') && words.includes(run);
      } catch {
        return false;
      }
    });
}

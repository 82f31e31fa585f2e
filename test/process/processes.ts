import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { isDead, readProcessStat } from '../../src/process/identity.ts';

/** Living processes whose environment holds the text, ourselves left out; a look of the test's own, apart from the product's. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text);
      } catch {
        return false;
      }
    });
}

export function isRunning(pid: number): boolean {
  const stat = readProcessStat(pid);
  return stat !== null && !isDead(stat);
}

/** Waits for what nobody announces: the state of foreign processes. */
export async function until(what: string, holds: () => boolean, ceilingMs = 20_000): Promise<void> {
  const began = performance.now();
  while (!holds()) {
    if (performance.now() - began > ceilingMs) throw new Error(`not within ${ceilingMs} ms: ${what}`);
    await setTimeout(5);
  }
}

/** How many processes a run and all its sub-runs may have at once. Their engines share one of these; each of them asks for itself. */

import { Bug } from '../base/result.ts';
import type { Slots } from '../engine/ports.ts';

/**
 * So many slots and no more.
 * @param size the `max_parallel` of the root run.
 */
export function createSlots(size: number): Slots {
  let taken = 0;
  let watchers: readonly (() => void)[] = [];
  return {
    get free() {
      return size - taken;
    },
    take() {
      taken += 1;
    },
    give() {
      if (taken === 0) throw new Bug('a slot was given back that nobody took');
      taken -= 1;
      const told = watchers;
      // Whoever is told first may take it: next time it is another one, so that none of many sub-runs starves.
      watchers = [...watchers.slice(1), ...watchers.slice(0, 1)];
      for (const freed of told) freed();
    },
    watch(freed) {
      const watcher = (): void => freed();
      watchers = [...watchers, watcher];
      return () => {
        watchers = watchers.filter((other) => other !== watcher);
      };
    },
  };
}

/** The same work for many items, a bounded number at once. */

import { wholeNumber } from './options.ts';

/** Options of `map`. */
export interface ConcurrentMapOptions {
  /** How many items may be under way at once. Default: all. */
  readonly maxParallel?: number;
}

/**
 * Calls a function for every item, at most `maxParallel` at once, each beginning in the order of the items. Unlike `task.map()` it makes
 * no step of its own: use it where an item takes several calls.
 *
 * When one fails no other begins; those under way are waited for, then the first failure is thrown. Replayed as the calls in it are.
 * @returns the results in the order of the items.
 * @throws what the function threw; {OptionError} for a `maxParallel` that is none.
 * @example
 * const rows = await map(files, async (file) => load(await parse(file)), { maxParallel: 4 });
 */
export async function map<I, R>(
  items: Iterable<I>,
  each: (item: I, index: number) => R | Promise<R>,
  { maxParallel }: ConcurrentMapOptions = {},
): Promise<R[]> {
  const list = [...items];
  const limit =
    maxParallel === undefined ? list.length : wholeNumber('map()', 'maxParallel', maxParallel, 1, 1_000_000);
  const results: R[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < list.length && failures.length === 0) {
      const index = next;
      next += 1;
      try {
        results[index] = await each(list[index] as I, index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, list.length) }, work));
  if (failures.length > 0) throw failures[0];
  return results;
}

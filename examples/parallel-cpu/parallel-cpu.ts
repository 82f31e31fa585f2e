/** Work that keeps a processor busy: tasks run off the flow's thread, so that parts of it run on all cores. */

import { flow, task } from 'flowctl';

/** Counts the primes from `from` up to but not including `to`, by trial division. */
const countPrimes = task('count_primes', { timeout: '5m' }, (from: number, to: number): number => {
  let count = 0;
  for (let candidate = Math.max(2, from); candidate < to; candidate += 1) {
    let isPrime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) {
      if (candidate % divisor === 0) {
        isPrime = false;
        break;
      }
    }
    if (isPrime) count += 1;
  }
  return count;
});

export default flow(
  'parallel-cpu',
  {
    params: {
      below: { type: 'integer', minimum: 2, maximum: 100_000_000, default: 5_000_000 },
      parts: { type: 'integer', minimum: 1, maximum: 1_000, default: 16 },
      parallel: { type: 'integer', minimum: 1, maximum: 64, default: 4 },
    },
  },
  async ({ below, parts, parallel }) => {
    const size = Math.ceil(below / parts);
    const starts = Array.from({ length: parts }, (_, part) => part * size);
    const counts = await countPrimes.map(starts, {
      args: (start) => [start, Math.min(below, start + size)],
      maxParallel: parallel,
    });
    return { below, primes: counts.reduce((sum, count) => sum + count, 0) };
  },
);

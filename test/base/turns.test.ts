/** No more at once than allowed, in order, whatever becomes of one. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../src/base/turns.ts';

describe('Turns', () => {
  it('lets so many go on at once, first come, first served, and passes on what a failure held', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.boolean(), { maxLength: 20 }),
        async (limit, work) => {
          const turns = new Turns(limit);
          let running = 0;
          let most = 0;
          const begun: number[] = [];
          const all = work.map((fails, index) =>
            turns.take(async () => {
              running += 1;
              most = Math.max(most, running);
              begun.push(index);
              await Promise.resolve();
              running -= 1;
              if (fails) throw new Error(`${index}`);
              return index;
            }),
          );
          const ends = await Promise.allSettled(all);
          expect(ends.map(({ status }) => status === 'rejected')).toEqual(work);
          expect(begun).toEqual(work.map((_, index) => index));
          expect(most).toBe(Math.min(limit, work.length));
        },
      ),
    );
  });
});

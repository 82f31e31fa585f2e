import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { NewestRows } from '../../src/store/newest-rows.ts';
import { runId } from './fixture.ts';

/** A row that counts how often its id is looked at. */
function rowOf(number: number, looked: () => void = () => {}): RunRow {
  const id = runId(number);
  const row = {
    get id() {
      looked();
      return id;
    },
  };
  return row as unknown as RunRow;
}

it('keeps the newest, in whatever order they come', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(9_999)), fc.option(fc.nat(12), { nil: undefined }), (numbers, limit) => {
      const kept = new NewestRows(limit);
      for (const number of numbers) kept.add(rowOf(number));
      const expected = numbers.toSorted((one, other) => other - one).slice(0, limit);
      expect(kept.rows.map(({ id }) => id)).toEqual(expected.map(runId));
      const isFull = limit !== undefined && limit > 0 && numbers.length >= limit;
      expect(kept.last?.id).toBe(isFull ? kept.rows.at(-1)?.id : undefined);
    }),
  );
});

it('compares a row with a few others only, full or not', () => {
  let looks = 0;
  const kept = new NewestRows(1_000);
  for (let count = 1; count <= 5_000; count += 1) {
    kept.add(rowOf(count % 2 === 0 ? count : 10_000 - count, () => (looks += 1)));
    expect(kept.last === null).toBe(kept.rows.length < 1_000);
  }
  // Two ids for each halving of a thousand rows.
  expect(looks).toBeLessThanOrEqual(2 * 10 * 5_000);
});

import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { isWithin } from '../../src/expressions/size.ts';

/** An object whose members must not be looked at. */
const untouchable = (): Json =>
  new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('looked at beyond the limit');
      },
    },
  );

describe('limits on values', () => {
  test('depth and length are those of the value', () => {
    expect(isWithin([[[1]]], { depth: 3 })).toBe(true);
    expect(isWithin([[[1]]], { depth: 2 })).toBe(false);
    expect(isWithin({ a: 'xxxx' }, { length: 11 })).toBe(true);
    expect(isWithin({ a: 'xxxx' }, { length: 10 })).toBe(false);
    expect(isWithin('x', {})).toBe(true);
  });

  test('the walk stops where a limit is passed', () => {
    expect(isWithin([untouchable(), 'x'.repeat(100)], { length: 50 })).toBe(false);
    expect(isWithin([untouchable(), untouchable()], { length: 2 })).toBe(false);
    expect(isWithin([untouchable()], { depth: 0 })).toBe(false);
  });
});

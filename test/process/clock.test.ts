import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/process/clock.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a timer longer than 2^31 ms fires once, when it is due', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime', 'Date'] });
  const fired = vi.fn();
  const days30 = 30 * 86_400_000;
  systemClock().after(days30, fired);
  vi.advanceTimersByTime(days30 - 10);
  expect(fired).not.toHaveBeenCalled();
  vi.advanceTimersByTime(20);
  expect(fired).toHaveBeenCalledTimes(1);
});

test('a timer that was taken back does not fire', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime', 'Date'] });
  const fired = vi.fn();
  const takeBack = systemClock().after(3e9, fired);
  vi.advanceTimersByTime(2.5e9);
  takeBack();
  vi.advanceTimersByTime(1e9);
  expect(fired).not.toHaveBeenCalled();
});

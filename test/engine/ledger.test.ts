import { describe, expect, it, vi } from 'vitest';
import { Ledger } from '../../src/engine/ledger.ts';
import type { RunEvent } from '../../src/model/event.ts';
import { foldRun } from '../../src/model/fold.ts';
import { flowOf, ManualClock, RUN, settleMicrotasks, startedEvent } from '../kit/world.ts';

/** A journal whose writes are on disk when the test says so, and whoever hears of it. */
function ledgerOf() {
  const { run } = foldRun(RUN, [startedEvent(flowOf([{ id: 'a' }]), 1)]);
  if (run === null) throw new Error('no run');
  const told: number[] = [];
  const performed: number[] = [];
  const waiting: (() => void)[] = [];
  const appended: number[] = [];
  const append = (events: readonly RunEvent[]): Promise<void> => {
    appended.push(events.length);
    return new Promise((resolve) => waiting.push(resolve));
  };
  const fail = (error: unknown): never => {
    throw error;
  };
  const ledger = new Ledger({
    run,
    journal: { append, appendWritten: append },
    hub: {
      publish: (events) => {
        for (const { seq } of events) told.push(seq);
      },
    },
    clock: new ManualClock(),
    perform: ({ seq }) => performed.push(seq),
    journalFailed: fail,
    broke: fail,
  });
  const sync = async (): Promise<void> => {
    await settleMicrotasks();
    for (const resolve of waiting.splice(0)) resolve();
    await settleMicrotasks();
  };
  return { ledger, told, performed, appended, sync };
}

/** Events that count how often their number is looked at. */
function countingEvents(count: number) {
  const looks = { count: 0 };
  const events = Array.from({ length: count }, (_, index): RunEvent => {
    const event: RunEvent = { type: 'run.admitted', group: 'g', seq: index + 1, time: '2026-01-01T00:00:00.000Z' };
    return Object.defineProperty(event, 'seq', {
      get: () => {
        looks.count += 1;
        return index + 1;
      },
    });
  });
  return { events, looks };
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('the ledger', () => {
  it('takes more events in one go than a call takes arguments: all that 200,000 steps skip for the sake of one', async () => {
    const { ledger, told, performed, sync } = ledgerOf();
    const { events } = countingEvents(200_000);
    ledger.write(events);
    await sync();
    expect(told).toEqual(numbers(200_000));
    expect(performed).toHaveLength(200_000);
  });

  it('looks at each event, and copies it, a few times, however many writes wait for one sync; tells of all in their order', async () => {
    const { ledger, told, performed, sync } = ledgerOf();
    const { events, looks } = countingEvents(4_000);
    const slice = vi.spyOn(Array.prototype, 'slice');
    try {
      for (let from = 0; from < 3_000; from += 2) {
        ledger.write(events.slice(from, from + 2));
        // What is written in one turn goes together.
        await Promise.resolve();
      }
      await sync();
      for (let from = 3_000; from < 4_000; from += 1) {
        ledger.write(events.slice(from, from + 1));
        await Promise.resolve();
      }
      await sync();
      const copied = slice.mock.results.reduce((sum, { value }) => sum + (value as readonly unknown[]).length, 0);
      expect(copied).toBeLessThan(8 * 4_000);
    } finally {
      slice.mockRestore();
    }
    expect(looks.count).toBeLessThan(8 * 4_000);
    expect(told).toEqual(numbers(4_000));
    expect(performed).toEqual(told);
  });

  it('writes in one go what is written in one turn, and first what need not be synced but comes after it', async () => {
    const { ledger, told, appended, sync } = ledgerOf();
    const { events } = countingEvents(6);
    for (const event of events.slice(0, 4)) ledger.write([event]);
    ledger.write([]);
    const soon = ledger.writeSoon(events[4] as RunEvent);
    ledger.write(events.slice(5));
    await sync();
    await soon;
    expect(appended).toEqual([4, 1, 1]);
    expect(told).toEqual(numbers(6));
  });

  it('tells of an event that need not be synced together with the next that is', async () => {
    const { ledger, told, sync } = ledgerOf();
    const [one, two, three, four] = countingEvents(4).events;
    if (one === undefined || two === undefined || three === undefined || four === undefined) throw new Error('four');
    ledger.write([one]);
    const soon = ledger.writeSoon(two);
    await sync();
    await soon;
    expect(told).toEqual([1]);
    ledger.write([three]);
    const later = ledger.writeSoon(four);
    await sync();
    await later;
    expect(told).toEqual([1, 2, 3]);
  });
});

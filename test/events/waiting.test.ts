import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deliveryLike, silenceOf, withDelivery, withEvent, withSign } from '../../src/events/waiting.ts';
import { parseRunId, type RunId } from '../../src/base/ids.ts';
import { EMPTY_TRIGGER_MEMORY, readTriggerMemory, type TriggerMemory } from '../../src/model/trigger-memory.ts';
import { Island, trigger } from './island.ts';

const NOW = Date.parse('2027-01-01T00:00:00Z');
const idOf = (n: number): RunId => {
  const id = parseRunId(`01${String(n).padStart(24, '0')}`);
  if (id === null) throw new Error('no id');
  return id;
};
const at = (ms: number): string => new Date(NOW + ms).toISOString();
const add = (memory: TriggerMemory, n: number, ms: number, debounceMs: number, isTaken = false): TriggerMemory =>
  withEvent(
    memory,
    { id: idOf(n), trigger: idOf(0), kind: 'webhook', at: at(ms), what: String(n), facts: { n } },
    { now: NOW + ms, debounceMs, isTaken: () => isTaken },
  );

describe('debounce', () => {
  it('makes one event of those that follow each other: the last, under the id of the first', () => {
    const memory = [1, 2, 3].reduce((each, n) => add(each, n, n * 900, 1_000), EMPTY_TRIGGER_MEMORY);
    expect(memory.waiting).toEqual([
      { event: expect.objectContaining({ id: idOf(1), what: '3' }) as unknown, ready_ms: NOW + 3_700 },
    ]);
    expect(add(memory, 4, 3_700, 1_000).waiting.map(({ event }) => event.what)).toEqual(['3', '4']);
  });

  it('nothing takes the place of what was taken up', () => {
    const memory = add(EMPTY_TRIGGER_MEMORY, 1, 0, 1_000);
    expect(add(memory, 2, 10, 1_000, true).waiting).toHaveLength(2);
  });

  it('a clock that is set back holds up nothing', async () => {
    const island = new Island([
      trigger({ kind: 'file', paths: ['*'], on: ['created'], settle_ms: 0 }),
      trigger({ kind: 'flow', flow: 'extract', states: ['succeeded'] }, { debounce_ms: 1_000 }),
    ]);
    await island.pass();
    island.now += 10_000;
    const found = { path: '/flows/a', mtime_ms: island.now, ctime_ms: island.now, size: 1, ino: 1 };
    island.files.set(found.path, found);
    const at = island.instant();
    island.endings.push({
      ...{ n: 1, run: island.mint(), seq: 9, flow: 'extract', deployment: null, version: null, state: 'succeeded' },
      ...{
        exit_code: 0,
        trigger: 'manual',
        tags: [],
        scheduled_for: at,
        started_at: at,
        finished_at: at,
        noticed_at: at,
      },
    });
    island.inbox.hear('file');
    island.inbox.hear('flow');
    await island.pass();
    island.now -= 3_600_000;
    for (let n = 0; n < 4; n += 1) await island.pass();
    expect(island.started.size).toBe(2);
  });

  it('one event for each stretch in which they follow each other', () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 50 }), (gaps) => {
        let now = 0;
        let memory = EMPTY_TRIGGER_MEMORY;
        for (const [n, gap] of gaps.entries()) {
          now += gap;
          memory = add(memory, n + 1, now, 1_000);
        }
        const stretches = 1 + gaps.slice(1).filter((gap) => gap >= 1_000).length;
        expect(memory.waiting).toHaveLength(stretches);
        expect(memory.waiting.at(-1)?.event.what).toBe(String(gaps.length));
      }),
    ));
});

describe('absence', () => {
  const source = {
    kind: 'absence' as const,
    of: { kind: 'file' as const, paths: ['in/*'], on: ['created' as const], settle_ms: 0 },
    within_ms: 60_000,
  };

  it('a silence begins with the watch, and anew with every sign', () => {
    expect(silenceOf(EMPTY_TRIGGER_MEMORY, at(0), 60_000)).toEqual({ since: at(0), due_ms: NOW + 60_000 });
    const signed = withSign({ ...EMPTY_TRIGGER_MEMORY, is_silence_told: true }, at(5_000));
    expect(silenceOf(signed, at(0), 60_000)).toEqual({ since: at(5_000), due_ms: NOW + 65_000 });
    expect(withSign(signed, at(4_000)).last_at).toBe(at(5_000));
  });

  it('each silence is told once, whatever dies at whatever instant', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ ms: fc.integer({ min: 1, max: 90_000 }), fuse: fc.integer({ min: 1, max: 12 }) }), {
          maxLength: 20,
        }),
        async (signs) => {
          const island = new Island([trigger(source, { overlap: 'allow' })]);
          let silences = 0;
          let last = island.now;
          const until = async (instant: number): Promise<void> => {
            while (island.now < instant) {
              island.now = Math.min(instant, island.now + 10_000);
              while (!(await island.pass()));
            }
          };
          for (const [n, { ms, fuse }] of signs.entries()) {
            island.fuse = fuse;
            await until(island.now + ms);
            if (island.now - last >= 60_000) silences += 1;
            last = island.now;
            island.files.set(`/in/${n}`, { path: `/in/${n}`, mtime_ms: last, ctime_ms: last, size: n, ino: n });
            // It is new when it is seen, however short the time.
            island.now += 1;
            while (!(await island.pass()));
          }
          island.restart();
          await until(island.now + 200_000);
          expect(island.started.size).toBe(silences + 1);
        },
      ),
      { numRuns: 100 },
    ));
});

describe('accepted requests', () => {
  it('are known by id and by signature, also by names that are no names', () => {
    const delivery = { run: idOf(1), at_ms: NOW, proof: 'p' };
    const memory = withDelivery(EMPTY_TRIGGER_MEMORY, '__proto__', delivery);
    const again = readTriggerMemory(JSON.parse(JSON.stringify(memory)));
    if (again === null) throw new Error('cannot be read back');
    expect(deliveryLike(again, '__proto__', 'q')).toEqual(delivery);
    expect(deliveryLike(again, 'other', 'p')).toEqual(delivery);
    expect(deliveryLike(again, 'constructor', 'q')).toBeNull();
  });

  it('are forgotten when there are too many, but not while their signatures hold', () => {
    const many = Object.fromEntries(
      Array.from({ length: 6_000 }, (_, n) => [`${n}`, { run: idOf(n), at_ms: NOW + n, proof: `${n}` }]),
    );
    const delivery = { run: idOf(1), at_ms: NOW + 10_000, proof: 'p' };
    const count = (at_ms: number): number =>
      Object.keys(withDelivery({ ...EMPTY_TRIGGER_MEMORY, deliveries: many }, 'new', { ...delivery, at_ms }).deliveries)
        .length;
    expect([count(NOW + 10_000), count(NOW + 700_000), count(NOW + 4 * 86_400_000)]).toEqual([6_001, 5_001, 1]);
  });
});

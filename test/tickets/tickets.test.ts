import { afterEach, describe, expect, it } from 'vitest';
import { freshState } from '../store/fixture.ts';
import { amount, ask, key, named, own, type Owner, type Resources, rate } from './kit.ts';
import { Seat } from '../../src/store/tickets/seat.ts';
import { runId } from '../store/sample-runs.ts';

const owners: Owner[] = [];

afterEach(async () => {
  for (const { ledger, lock } of owners.splice(0)) {
    await ledger.close();
    lock.release();
  }
});

/** As many runs of one project as wanted. */
async function runs(count: number, resources: Resources): Promise<readonly [Owner, ...Owner[]]> {
  const state = await freshState();
  for (let number = 1; number <= count; number += 1) owners.push(await own(state, number, resources));
  const [first, ...others] = owners;
  if (first === undefined) throw new Error('no run');
  return [first, ...others];
}

const granted = (units: object = {}) => ({ kind: 'granted', units });
const impossible = (message: string) => ({ kind: 'impossible', failure: { code: 'resources', message } });

describe('amounts', () => {
  it('are handed from one run to another', async () => {
    const [one, two] = await runs(2, { db: amount(1) });
    const first = ask(one.seat, 'load', { db: 1 });
    expect(await first.answer).toEqual(granted());
    const second = ask(two?.seat ?? one.seat, 'load', { db: 1 });
    await second.queued;
    expect(second.state()).toBe('queued');
    first.release();
    expect(await second.answer).toEqual(granted());
  });

  it('come back at once when their owner is dead before somebody asks, and soon when it dies while somebody waits', async () => {
    const [one, two, three] = await runs(3, { db: amount(1) });
    if (two === undefined || three === undefined) throw new Error('no run');
    await ask(one.seat, 'load', { db: 1 }).answer;
    one.die();
    const second = ask(two.seat, 'load', { db: 1 });
    expect(await second.answer).toEqual(granted());
    const third = ask(three.seat, 'load', { db: 1 });
    await third.queued;
    two.die();
    expect(await third.answer).toEqual(granted());
  });

  it('are granted whole or not at all, and a large claim is not starved by small ones behind it', async () => {
    const [one, two] = await runs(2, { db: amount(3), api: amount(1) });
    if (two === undefined) throw new Error('no run');
    const small = ask(one.seat, 'a', { db: 1 });
    await small.answer;
    const large = ask(two.seat, 'b', { db: 3 });
    await large.queued;
    const later = ask(one.seat, 'c', { db: 1 });
    await later.queued;
    // What asks for something else passes.
    expect(await ask(one.seat, 'd', { api: 1 }).answer).toEqual(granted());
    small.release();
    expect(await large.answer).toEqual(granted());
    expect(later.state()).toBe('queued');
    large.release();
    expect(await later.answer).toEqual(granted());
  });

  it('are given to the higher priority first, then to who came first', async () => {
    const [one, two] = await runs(2, { db: amount(1) });
    if (two === undefined) throw new Error('no run');
    const order: string[] = [];
    const holder = ask(one.seat, 'holder', { db: 1 });
    await holder.answer;
    const waiting = [];
    for (const [step, priority, seat] of [
      ['low', -1, one.seat],
      ['first', 0, two.seat],
      ['second', 0, one.seat],
      ['high', 5, two.seat],
    ] as const) {
      const asked = ask(seat, step, { db: 1 }, priority);
      await asked.queued;
      waiting.push(asked.answer.then(() => order.push(step)).then(() => asked.release()));
    }
    holder.release();
    await Promise.all(waiting);
    expect(order).toEqual(['high', 'first', 'second', 'low']);
  });

  it('that do not exist, or are too few, can never be had', async () => {
    const [one] = await runs(1, { db: amount(2) });
    expect(await ask(one.seat, 'a', { gpu: 1 }).answer).toEqual(impossible('the project has no resource `gpu`'));
    expect(await ask(one.seat, 'a', { db: 3 }).answer).toEqual(impossible('it needs 3 of `db`, and there are only 2'));
    expect(await ask(one.seat, 'a', {}).answer).toEqual(granted());
  });
});

describe('named units', () => {
  it('are handed over by name, the lowest first, to one holder at a time', async () => {
    const [one, two] = await runs(2, { gpu: named('gpu0', 'gpu1', 'gpu2') });
    if (two === undefined) throw new Error('no run');
    const first = ask(one.seat, 'a', { gpu: 2 });
    expect(await first.answer).toEqual(granted({ gpu: ['gpu0', 'gpu1'] }));
    const second = ask(two.seat, 'a', { gpu: 1 });
    expect(await second.answer).toEqual(granted({ gpu: ['gpu2'] }));
    first.release();
    expect(await ask(two.seat, 'b', { gpu: 1 }).answer).toEqual(granted({ gpu: ['gpu0'] }));
  });
});

describe('rates', () => {
  it('limit starts, also when those were given back or their owner is dead', async () => {
    const [one, two] = await runs(2, { api: rate(2, 300) });
    if (two === undefined) throw new Error('no run');
    const began = performance.now();
    const first = ask(one.seat, 'a', { api: 1 });
    const second = ask(one.seat, 'b', { api: 1 });
    await Promise.all([first.answer, second.answer]);
    first.release();
    one.die();
    const third = ask(two.seat, 'c', { api: 1 });
    await third.queued;
    expect(await third.answer).toEqual(granted());
    expect(performance.now() - began).toBeGreaterThanOrEqual(299);
  });
});

describe('what is held around', () => {
  it('is shared by the steps inside a group, and is all that they can have', async () => {
    const [one] = await runs(1, { db: amount(3), gpu: named('a', 'b', 'c') });
    expect(await ask(one.seat, 'group', { db: 2, gpu: 2 }).answer).toEqual(granted({ gpu: ['a', 'b'] }));
    const member = ask(one.seat, 'group/x', { db: 2, gpu: 1 });
    expect(await member.answer).toEqual(granted({ gpu: ['a'] }));
    const other = ask(one.seat, 'group/y', { db: 1 });
    await other.queued;
    expect(await ask(one.seat, 'group/z', { gpu: 1 }).answer).toEqual(granted({ gpu: ['b'] }));
    member.release();
    expect(await other.answer).toEqual(granted());
    expect(await ask(one.seat, 'group/w', { db: 3 }).answer).toEqual(
      impossible('it needs 3 of `db`, and what it is part of holds 2'),
    );
    // `groups` is not inside of `group`.
    expect(await ask(one.seat, 'groups', { db: 1 }).answer).toEqual(granted());
  });

  it('is shared by a run inside a step, at any depth', async () => {
    const [one] = await runs(1, { db: amount(1) });
    await ask(one.seat, 'report[2]', { db: 1 }).answer;
    const child = new Seat({ ledger: one.ledger, run: runId(100), within: { seat: one.seat, step: key('report[2]') } });
    const inner = ask(child, 'group', { db: 1 });
    expect(await inner.answer).toEqual(granted());
    expect(await ask(child, 'group/a', { db: 1 }).answer).toEqual(granted());
    const grandchild = new Seat({ ledger: one.ledger, run: runId(101), within: { seat: child, step: key('other') } });
    const waits = ask(grandchild, 'a', { db: 1 });
    await waits.queued;
    inner.release();
    child.leave();
    expect(await waits.answer).toEqual(granted());
  });
});

describe('a circle of those who wait for each other', () => {
  it('is ended by refusing the last one on it', async () => {
    const [one, two, three] = await runs(3, { r1: amount(1), r2: amount(1) });
    if (two === undefined || three === undefined) throw new Error('no run');
    const groups = [ask(one.seat, 'g', { r1: 1 }), ask(two.seat, 'g', { r2: 1 })];
    await Promise.all(groups.map(({ answer }) => answer));
    const first = ask(one.seat, 'g/m', { r2: 1 });
    await first.queued;
    const behind = ask(three.seat, 'plain', { r1: 1 });
    await behind.queued;
    const last = ask(two.seat, 'g/m', { r1: 1 });
    expect(await last.answer).toMatchObject({ kind: 'impossible', failure: { code: 'resources' } });
    expect(first.state()).toBe('queued');
    groups[1]?.release();
    expect(await first.answer).toEqual(granted());
  });

  it('is not seen where somebody can still go on', async () => {
    const [one, two] = await runs(2, { r1: amount(2), r2: amount(1) });
    if (two === undefined) throw new Error('no run');
    const leaf = ask(two.seat, 'leaf', { r1: 1 });
    const groups = [ask(one.seat, 'g', { r1: 1 }), ask(two.seat, 'g', { r2: 1 })];
    await Promise.all([leaf, ...groups].map(({ answer }) => answer));
    const first = ask(one.seat, 'g/m', { r2: 1 });
    const second = ask(two.seat, 'g/m', { r1: 1 });
    await Promise.all([first.queued, second.queued]);
    leaf.release();
    expect(await second.answer).toEqual(granted());
    second.release();
    groups[1]?.release();
    expect(await first.answer).toEqual(granted());
  });
});

describe('a map of many items', () => {
  it('gets through a narrow capacity without a large book', async () => {
    const [one, two] = await runs(2, { db: amount(3) });
    if (two === undefined) throw new Error('no run');
    let held = 0;
    let most = 0;
    const items = Array.from({ length: 500 }, (_, index) => ask(one.seat, `load[${index}]`, { db: 1 }));
    const done = items.map(async ({ answer, release }) => {
      await answer;
      held += 1;
      most = Math.max(most, held);
      await new Promise((resolve) => setImmediate(resolve));
      held -= 1;
      release();
    });
    const other = ask(two.seat, 'other', { db: 1 });
    await other.answer;
    // Another run does not wait behind all of the map.
    expect(items.filter(({ state }) => state() !== 'granted').length).toBeGreaterThan(300);
    other.release();
    await Promise.all(done);
    expect(most).toBe(3);
    await Promise.all([one.ledger.close(), two.ledger.close()]);
    expect(one.ledger.claims()).toEqual([]);
  });
});

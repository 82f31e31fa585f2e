import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emptyBook, parseBook } from '../../src/store/tickets/book.ts';
import { takeOverBook } from '../../src/store/tickets/sessions.ts';
import { Versions } from '../../src/store/tickets/versions.ts';
import { freshState, temporaryFolder } from '../store/fixture.ts';
import { amount, ask, own, rate } from './kit.ts';

const anything = (): boolean => true;

describe('versions', () => {
  it('are taken by one writer each', () => {
    const folder = join(temporaryFolder(), 'tickets');
    const [one, other] = [new Versions(folder), new Versions(folder)];
    expect(one.read(anything)).toEqual({ number: 0, text: null });
    other.read(anything);
    expect(one.follow(0, 'first')).toBe('done');
    expect(other.follow(0, 'second')).toBe('lost');
    expect(other.read(anything)).toEqual({ number: 1, text: 'first' });
    expect(other.follow(1, 'second')).toBe('done');
    expect(one.read(anything).text).toBe('second');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(statSync(join(folder, 'book-000000000002.json')).mode & 0o777).toBe(0o600);
  });

  it('do not pile up, and a writer that slept over many of them does not take its own for one that counted', () => {
    const folder = join(temporaryFolder(), 'tickets');
    const [sleeper, other] = [new Versions(folder), new Versions(folder)];
    expect(sleeper.follow(sleeper.read(anything).number, 'v1')).toBe('done');
    for (let number = 1; number < 100; number += 1) expect(other.follow(number, `v${number + 1}`)).toBe('done');
    expect(readdirSync(folder).length).toBeLessThanOrEqual(16);
    expect(sleeper.follow(1, 'late')).toBe('uncertain');
    expect(sleeper.read(anything)).toEqual({ number: 100, text: 'v100' });
    expect(other.read(anything)).toEqual({ number: 100, text: 'v100' });
  });
});

describe('a book that is damaged', () => {
  it.each(['', '{"format":1', '[]', '{"format":2}', '\0\0\0\0'])('%j is none', (text) => {
    expect(parseBook(text)).toBe(null);
  });

  it('or removed keeps nobody from going on, and nobody loses what it holds', async () => {
    const state = await freshState();
    const folder = join(state.root, 'tickets');
    const [one, two] = [await own(state, 1, { db: amount(2) }), await own(state, 2, { db: amount(2) })];
    await ask(one.seat, 'a', { db: 1 }).answer;
    const held = ask(two.seat, 'a', { db: 1 });
    await held.answer;
    const newest = join(
      folder,
      readdirSync(folder)
        .filter((name) => name.startsWith('book-'))
        .sort()
        .at(-1) ?? '',
    );
    expect(readFileSync(newest, 'utf8')).toContain('"db"');
    writeFileSync(newest, '');
    // The version before is taken, which does not know of the second holder; that one puts itself back.
    const next = ask(two.seat, 'b', { db: 1 });
    await next.queued;
    expect(one.ledger.claims().map(({ step, state: now }) => [step, now])).toEqual([
      ['a', 'held'],
      ['a', 'held'],
      ['b', 'waiting'],
    ]);
    rmSync(folder, { recursive: true });
    held.release();
    expect(await next.answer).toEqual({ kind: 'granted', units: {} });
    expect(existsSync(folder)).toBe(true);
    for (const { ledger, lock } of [one, two]) {
      await ledger.close();
      lock.release();
    }
  });
});

describe('a state that cannot be written', () => {
  it('because it was removed is not made anew', async () => {
    const state = await freshState();
    const one = await own(state, 1, { db: amount(1) });
    await ask(one.seat, 'a', { db: 1 }).answer;
    rmSync(state.root, { recursive: true });
    await expect(ask(one.seat, 'b', { db: 1 }).answer).rejects.toMatchObject({ name: 'StateError' });
    await one.ledger.close();
    one.lock.release();
    expect(existsSync(state.root)).toBe(false);
  });

  it('is said, instead of an answer', async () => {
    const state = await freshState();
    const one = await own(state, 1, { db: amount(1) });
    writeFileSync(join(state.root, 'tickets'), 'a file');
    await expect(ask(one.seat, 'a', { db: 1 }).answer).rejects.toMatchObject({ name: 'StateError' });
    await one.ledger.close();
    one.lock.release();
  });
});

describe('after the machine was started anew', () => {
  const wall = Date.UTC(2026, 0, 1);
  const book = () => ({
    ...emptyBook(),
    ...{ boot: 'a', at: 5_000_000, wall, capacities: { api: rate(1, 60_000) } },
    starts: { api: [[4_990_000, 4_995_000, 1] as const] },
    claims: [{ id: 'x' } as never],
    sessions: [{ id: 's' } as never],
  });

  it('nobody holds anything, and starts are as old as the wall clock says', () => {
    const taken = book();
    takeOverBook(taken, { boot: 'b', now: () => 1_000, wall: () => wall + 20_000 });
    expect([taken.claims, taken.sessions]).toEqual([[], []]);
    // 5 s old when it was written, and 20 s have passed.
    expect(taken.starts).toEqual({ api: [[-29_000, -24_000, 1]] });
  });

  it('a wall clock that was set back lets them count from the beginning', () => {
    const taken = book();
    takeOverBook(taken, { boot: 'b', now: () => 1_000, wall: () => wall - 20_000 });
    expect(taken.starts).toEqual({ api: [[-9_000, -4_000, 1]] });
  });

  it('is told from the same life', () => {
    const taken = book();
    takeOverBook(taken, { boot: 'a', now: () => 4_000_000, wall: () => wall - 1e9 });
    expect(taken).toEqual(book());
    // Without a name of the machine's life its clock has to do.
    const nameless = { ...book(), boot: null };
    takeOverBook(nameless, { boot: null, now: () => 5_000_001, wall: () => wall });
    expect(nameless.claims).toHaveLength(1);
    takeOverBook(nameless, { boot: null, now: () => 4_000_000, wall: () => wall });
    expect(nameless.claims).toHaveLength(0);
  });
});

/** Half of a file is removed before the next attempt, as make does; whole ones, and those of others, stay. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clearHalfWritten, forgetNote } from '../../src/cache/half-written.ts';
import { Desk } from './desk.ts';

let desk: Desk;
beforeEach(() => {
  desk = new Desk();
});
afterEach(() => desk.remove());

const begin = (...generates: readonly string[]) => clearHalfWritten(desk.note('only'), desk.folder, generates);

describe('clearHalfWritten', () => {
  it('removes what an attempt made that did not succeed', async () => {
    await begin('out', 'deep/out');
    desk.write('out', 'half');
    desk.write('deep/out', 'half');
    await begin('out', 'deep/out');
    expect([desk.read('out'), desk.read('deep/out')]).toEqual([null, null]);
  });

  it('removes what an attempt overwrote, and leaves what it did not touch', async () => {
    desk.write('old', 'whole');
    desk.write('other', 'whole');
    await begin('old', 'other');
    desk.write('old', 'half of something longer');
    chmodSync(desk.path('other'), 0o600);
    await begin('old', 'other');
    expect([desk.read('old'), desk.read('other')]).toEqual([null, 'whole']);
  });

  it('removes nothing before a first attempt, nor after a success', async () => {
    desk.write('out', 'of an earlier run');
    await begin('out');
    expect(desk.read('out')).toBe('of an earlier run');
    desk.write('out', 'whole');
    await forgetNote(desk.note('only'));
    await begin('out');
    expect(desk.read('out')).toBe('whole');
  });

  it('removes no folder, and nothing that a wildcard means', async () => {
    await begin('dist', '*.o', '!keep', 'a{b,c}');
    mkdirSync(desk.path('dist'));
    for (const name of ['dist/x', 'x.o', 'keep', 'ab']) desk.write(name, 'half');
    await begin('dist', '*.o', '!keep', 'a{b,c}');
    expect(['dist/x', 'x.o', 'keep', 'ab'].map((name) => desk.read(name))).toEqual(['half', 'half', 'half', null]);
  });

  it('rests on its note', async () => {
    writeFileSync(desk.path('.flowctl'), '');
    await expect(begin('out')).rejects.toThrow();
    await clearHalfWritten(desk.note('only'), desk.folder, ['*.o']);
  });

  it('is part of every attempt', async () => {
    const asked = { step: 'only', generates: ['out', 'never'] };
    const half = () => {
      desk.write('out', 'half');
      return null;
    };
    expect((await desk.perform(asked, half)).failure).toBe('the step did not make never, which `generates` names');
    let seen: string | null = 'not asked';
    await desk.perform(asked, () => {
      seen = desk.read('out');
      return null;
    });
    expect(seen).toBe(null);
  });
});

/** Every case of the catalogue of faults and every row of the table of attacks has a test that is named after it. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const TEST = resolve(import.meta.dirname, '..');
const CASES = 66;
const ATTACKS = 27;

/** Titles of tests, of every form in which they are written; those of tables are `it.each([...])('title', ...)`. */
const TITLES =
  /(?:\b(?:it|test|describe)(?:\.\w+)*\(|^\s*\]\)?\)?\(|\)\(|^)\s*(['"`])((?:case \d|S\d)[^\n]*?|[^\n'"`]*\((?:S\d|case \d)[^\n]*?)\1/gm;

const titles = readdirSync(TEST, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts') && !file.startsWith('laws'))
  .flatMap((file) => [...readFileSync(join(TEST, file), 'utf8').matchAll(TITLES)].map(([, , title]) => title ?? ''));

/** The numbers after a word, in any title: `case 13, 14: ...`, `case 60 (S14): ...`, `... (S13)`. */
function named(word: 'case' | 'S'): ReadonlySet<number> {
  const numbers = new Set<number>();
  for (const title of titles) {
    if (word === 'case') {
      const found = /\bcase (\d+(?:, \d+)*)/.exec(title)?.[1] ?? '';
      for (const number of found.split(', ')) numbers.add(Number(number));
    } else for (const [, number] of title.matchAll(/\bS(\d{1,2})\b/g)) numbers.add(Number(number));
  }
  return numbers;
}

const missing = (word: 'case' | 'S', last: number): readonly number[] => {
  const found = named(word);
  return Array.from({ length: last }, (_, index) => index + 1).filter((number) => !found.has(number));
};

/** What has no test, and why. It may only become shorter. */
const ATTACKS_WITHOUT_TEST: { readonly [number: number]: string } = {
  23: 'there is no queue yet',
};

it('sees the titles it judges', () => {
  expect(titles.length).toBeGreaterThan(100);
  expect(titles.some((title) => title.startsWith('case 1:'))).toBe(true);
});

it('every case of the catalogue has a named test', () => {
  expect(missing('case', CASES)).toEqual([]);
});

it('every row of the table of attacks has a named test, or stands among the few without', () => {
  expect(missing('S', ATTACKS)).toEqual(Object.keys(ATTACKS_WITHOUT_TEST).map(Number));
});

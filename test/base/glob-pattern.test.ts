/** Which names patterns mean, and which texts are no patterns. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALTERNATIVES_LIMIT, literalPath, matchesPath, parseGlob } from '../../src/base/glob-pattern.ts';

const means = (pattern: string, path: string): boolean => {
  const globs = parseGlob(pattern);
  if (!globs.ok) throw new Error(globs.error);
  return globs.value.some((glob) => matchesPath(glob, path));
};

describe('a pattern', () => {
  const cases: readonly (readonly [pattern: string, path: string, is: boolean])[] = [
    ['a.txt', 'a.txt', true],
    ['./a.txt', 'a.txt', true],
    ['a//b', 'a/b', true],
    ['a.txt', 'b/a.txt', false],
    ['a.txt', 'aXtxt', false],
    ['*', 'a', true],
    ['*', 'a/b', false],
    ['*', '.a', false],
    ['.*', '.a', true],
    ['?a', '.a', false],
    ['[.]a', '.a', false],
    ['\\.a', '.a', true],
    ['*.c', 'x.c', true],
    ['*.c', '.c', false],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'aXbY', false],
    ['?', 'ä', true],
    ['?', '😀', true],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[^a-c]x', 'dx', true],
    ['[]]', ']', true],
    ['[a-]', '-', true],
    ['[a', '[a', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['**', 'a/b/c', true],
    ['**', 'a/.b/c', false],
    ['**/*.ts', 'x.ts', true],
    ['**/*.ts', 'a/b/x.ts', true],
    ['src/**/x', 'src/x', true],
    ['src/**/x', 'src/a/b/x', true],
    ['src/**', 'src/a/b', true],
    ['src/**', 'lib/a', false],
    ['**/a/**/b', 'x/a/y/z/b', true],
    ['**/a/**/b', 'x/a/y/z/c', false],
    ['**/.x/**', 'a/.x/b', true],
    ['a/{b,c}/d', 'a/c/d', true],
    ['a/{b,c}/d', 'a/{b,c}/d', false],
    ['{a,b{c,d}}', 'bd', true],
    ['{a}', '{a}', true],
    ['{a,b', '{a,b', true],
    ['\\{a,b}', '{a,b}', true],
    ['{,x}a', 'a', true],
    ['/a/*', '/a/b', true],
    ['/a/*', 'a/b', false],
    ['../x/*', '../x/y', true],
  ];
  for (const [pattern, path, is] of cases) {
    it(`${pattern} ${is ? 'means' : 'does not mean'} ${path}`, () => expect(means(pattern, path)).toBe(is));
  }

  it('is literal when it can mean one path only', () => {
    const literal = (pattern: string) => {
      const globs = parseGlob(pattern);
      return globs.ok ? globs.value.map(literalPath) : [];
    };
    expect(literal('./a/b\\*.txt')).toEqual(['a/b*.txt']);
    expect(literal('/a/{b,c}')).toEqual(['/a/b', '/a/c']);
    expect(literal('a/*')).toEqual([null]);
    expect(literal('../[x')).toEqual(['../[x']);
  });

  it('that takes away says so', () => {
    const globs = parseGlob('!*.md');
    expect(globs.ok && globs.value.map(({ negated }) => negated)).toEqual([true]);
  });

  it('that names no file is refused', () => {
    for (const pattern of ['', '.', '/', '!', 'a/../b', '**/..', 'a\0b']) expect(parseGlob(pattern).ok).toBe(false);
    expect(parseGlob('{a,b}'.repeat(Math.ceil(Math.log2(ALTERNATIVES_LIMIT)) + 1)).ok).toBe(false);
    expect(parseGlob('{a,b}'.repeat(40)).ok).toBe(false);
  });

  it('means what a regular expression for it means, in time that does not explode', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 6 });
    const part = fc.oneof(
      { weight: 2, arbitrary: fc.constant('**') },
      fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), minLength: 1, maxLength: 5 }),
    );
    const isPlain = (text: string) => text !== '.' && text !== '..';
    fc.assert(
      fc.property(
        fc.array(part.filter(isPlain), { minLength: 1, maxLength: 4 }),
        fc.array(name.filter(isPlain), { minLength: 1, maxLength: 5 }),
        (parts, names) => {
          expect(means(parts.join('/'), names.join('/'))).toBe(reference(parts).test(`${names.join('/')}/`));
        },
      ),
      { numRuns: 3_000 },
    );
    expect(means(`${'*a'.repeat(100)}b`, 'a'.repeat(255))).toBe(false);
    expect(means(`${'**/a/'.repeat(50)}b`, 'a/'.repeat(200))).toBe(false);
  });
});

/** Every name is followed by a slash. */
function reference(parts: readonly string[]): RegExp {
  const written = parts.map((part) => {
    if (part === '**') return '(?:[^./][^/]*/)*';
    const shown = part.startsWith('.') ? '' : '(?!\\.)';
    return `${shown}${part.replace(/\*+/g, '*').replace(/[.*?]/g, (sign) => (sign === '.' ? '\\.' : sign === '*' ? '[^/]*' : '[^/]'))}/`;
  });
  return new RegExp(`^${written.join('')}$`);
}

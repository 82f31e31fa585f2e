import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findJsonFault } from '../../src/process/json-fault.ts';

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

test.each([
  ['', 'unfinished', 1, 1],
  ['abc', 'unexpected', 1, 1],
  ['{"a":1,}', 'unexpected', 1, 8],
  ['{"a"', 'unfinished', 1, 5],
  ['{"a":', 'unfinished', 1, 6],
  ['[1, 2', 'unfinished', 1, 6],
  ['[1,]', 'unexpected', 1, 4],
  ['{,}', 'unexpected', 1, 2],
  ['[1 2]', 'unexpected', 1, 4],
  ['[1}', 'unexpected', 1, 3],
  ['1]', 'more', 1, 2],
  ['{"a":1}\n{"a":2}\n', 'more', 2, 1],
  ['[\n  1,\n  x\n]', 'unexpected', 3, 3],
  ['"a\nb"', 'unexpected', 1, 3],
  ['"a', 'unfinished', 1, 3],
  ['"\\x"', 'unexpected', 1, 2],
  ['01', 'more', 1, 2],
  ['[.5]', 'unexpected', 1, 2],
  ['{a: 1}', 'unexpected', 1, 2],
])('%j is %s at %i:%i', (text, kind, line, column) => {
  expect(findJsonFault(text)).toEqual({ kind, place: { line, column } });
});

test('it agrees with JSON.parse about every text', () => {
  const pieces = fc.constantFrom(...'{}[]:,"\\ \n-+.eE019xu', 'true', 'false', 'null', '"a"', '\\u00e9', '\u0001', 'é');
  const soup = fc.array(pieces, { maxLength: 14 }).map((parts) => parts.join(''));
  const cut = fc
    .tuple(fc.json(), fc.nat(), fc.nat({ max: 2 }), pieces)
    .map(([text, at, length, piece]) => text.slice(0, at % (text.length + 1)) + piece + text.slice((at % 99) + length));
  fc.assert(
    fc.property(fc.oneof(soup, cut, fc.json()), (text) => {
      expect(findJsonFault(text) === null).toBe(isJson(text));
    }),
    { numRuns: 3_000 },
  );
});

test('everything before the fault could be the beginning of JSON', () => {
  const cut = fc.tuple(fc.json(), fc.nat()).map(([text, at]) => text.slice(0, at % text.length));
  fc.assert(
    fc.property(cut, (text) => {
      const fault = findJsonFault(text);
      expect(
        fault === null || fault.kind === 'unfinished' || text.endsWith('\\') || /\\u.{0,3}$|[-.eE+]$|[a-z]$/.test(text),
      ).toBe(true);
    }),
  );
});

test('a text of megabytes, or one that is nested very deep, is no trouble', () => {
  expect(findJsonFault(`[${'"é\\n",'.repeat(500_000)}]`)).toMatchObject({ kind: 'unexpected' });
  expect(findJsonFault('['.repeat(1_000_000))).toMatchObject({ kind: 'unfinished' });
});

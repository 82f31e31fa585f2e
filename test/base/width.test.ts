/** Columns of texts: the short way for plain ones says what the long way says. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnsOf, textColumns } from '../../src/base/width.ts';

describe('the columns of a text', () => {
  it.each([
    ['plain', 5],
    ['', 0],
    ['a\tb', 6],
    ['日本', 4],
    ['e\u0301', 1],
    ['\u00ad', 1],
    ['naïve', 5],
  ])('%j: %i', (text, columns) => {
    expect(textColumns(text)).toBe(columns);
  });

  it('are those of its characters', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'grapheme' })), (text) => {
        expect(textColumns(text)).toBe([...text].reduce((sum, character) => sum + columnsOf(character), 0));
      }),
    );
  });
});

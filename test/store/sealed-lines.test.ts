/** Lines that are sealed where they lie are those that `sealAfter` makes. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sealAfter } from '../../src/store/sealed-line.ts';
import { SealedLines } from '../../src/store/sealed-lines.ts';

const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.constant('é'.repeat(70_000)));

it('are the same lines, in however many takes, however long', () => {
  fc.assert(
    fc.property(fc.array(fc.array(texts, { maxLength: 6 }), { maxLength: 6 }), (takes) => {
      const lines = new SealedLines();
      let previous: string | null = null;
      for (const take of takes) {
        let expected = '';
        for (const text of take) {
          const object = JSON.stringify({ seq: 1, text });
          const { line, crc } = sealAfter(object, previous);
          expected += line;
          expect(lines.put(object, previous)).toBe(crc);
          previous = crc;
        }
        expect(lines.take().toString('utf8')).toBe(expected);
      }
    }),
    { numRuns: 50 },
  );
});

it('hold what was taken while others are put in', () => {
  const lines = new SealedLines();
  lines.put('{"seq":1}', null);
  const taken = lines.take();
  const text = taken.toString();
  for (let index = 0; index < 5_000; index += 1) lines.put('{"seq":2}', null);
  expect(taken.toString()).toBe(text);
  lines.clear();
  expect(lines.take()).toHaveLength(0);
});

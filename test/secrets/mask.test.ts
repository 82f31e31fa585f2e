import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formsOf } from '../../src/secrets/encodings.ts';
import { type ByteFilter, Mask } from '../../src/secrets/mask.ts';
import { plantTree } from '../../src/secrets/pattern-tree.ts';
import { makeSieve } from '../../src/secrets/sieve.ts';
import { SievedStream } from '../../src/secrets/sieved-stream.ts';
import { StreamMask } from '../../src/secrets/stream-mask.ts';
import { processorMs } from '../kit/processor.ts';

const toBytes = (text: string): Buffer => Buffer.from(text);
const SECRET = 'correct horse/b@ttery+"staple" $5';

const through = (filter: Pick<ByteFilter, 'push' | 'end'>, chunks: readonly Buffer[]): Buffer =>
  Buffer.concat([...chunks.map((chunk) => filter.push(chunk)), filter.end()]);

/** Cuts bytes at places given as fractions of their length. */
function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const at = [0, ...places.map((place) => Math.round(place * bytes.length)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

/** What is to come out, found by trying every pattern at every place. */
function expected(bytes: Buffer, patterns: readonly Uint8Array[], passesBreaks: boolean): string {
  const text = bytes.toString('latin1');
  const spans: [number, number][] = [];
  for (const pattern of patterns) {
    const characters = [...Buffer.from(pattern).toString('latin1')].map((each) =>
      each.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'),
    );
    const search = new RegExp(characters.join(passesBreaks ? '[\\r\\n]{0,2}' : ''), 'y');
    for (let start = 0; start < text.length; start += 1) {
      search.lastIndex = start;
      const found = search.exec(text);
      if (found !== null) spans.push([start, start + found[0].length]);
    }
  }
  spans.sort(([a, b], [c, d]) => a - c || b - d);
  const joined: [number, number][] = [];
  for (const [start, end] of spans) {
    const last = joined.at(-1);
    if (last !== undefined && start < last[1]) last[1] = Math.max(last[1], end);
    else joined.push([start, end]);
  }
  let result = '';
  let given = 0;
  for (const [start, end] of joined) {
    result += `${text.slice(given, start)}***`;
    given = end;
  }
  return result + text.slice(given);
}

describe('a stream', () => {
  // A small alphabet, so that patterns overlap, repeat themselves and begin again in the middle of one another.
  const word = (alphabet: string, minLength: number, maxLength: number) =>
    fc.array(fc.constantFrom(...alphabet), { minLength, maxLength }).map((letters) => letters.join(''));
  const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

  test.each([
    ['as it stands', 'ab\u00e9', 'ab\u00e9\n', 2, false],
    ['as it stands, longer', 'abc', 'abcd\n', 4, false],
    ['with line breaks passed over', 'ab', 'ab\r\n', 2, true],
    ['with line breaks passed over, longer', 'abc', 'abcd\r\n', 4, true],
  ])('hides exactly what is to be hidden, however it is cut: %s', (_, letters, others, shortest, passesBreaks) => {
    fc.assert(
      fc.property(
        fc.array(word(letters, shortest, 7), { minLength: 1, maxLength: 5 }),
        word(others, 0, 90),
        places,
        (words, text, cuts) => {
          const patterns = words.map((each) => Buffer.from(each));
          const bytes = Buffer.from(text);
          const masked = through(new StreamMask(plantTree(patterns, passesBreaks)), cut(bytes, cuts));
          expect(masked.toString('latin1')).toBe(expected(bytes, patterns, passesBreaks));
        },
      ),
      { numRuns: 3_000 },
    );
  });

  // Lengths for several strides of the sieve, and one below them all.
  test.each([6, 7, 11, 15, 19])('steps over nothing that is to be hidden: patterns of %i and more', (shortest) => {
    const pattern = word('abc', shortest, shortest + 4);
    const breaks = fc.constantFrom('', '', '', '\n', '\r\n', '\n\n', '\n\r\n');
    const property = fc.property(
      fc.array(pattern, { minLength: 1, maxLength: 3 }),
      fc.array(pattern, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(30), fc.array(breaks, { maxLength: 24 }), word('abx .\n', 0, 40)), {
        maxLength: 6,
      }),
      places,
      fc.nat(5),
      (exact, wrapped, parts, cuts, offset) => {
        const words = [...exact, ...wrapped];
        // Patterns whole and in part, broken here and there, with something between them.
        const text = parts.map(([which, length, between, other]) => {
          const broken = [...(words[which % words.length] ?? '')].map((letter, at) => letter + (between[at] ?? ''));
          return broken.slice(0, length).join('') + other;
        });
        const bytes = Buffer.from(' '.repeat(offset) + text.join('')).subarray(offset);
        const trees = [plantTree(exact.map(toBytes), false), plantTree(wrapped.map(toBytes), true)] as const;
        const masks = () => trees.map((tree) => new StreamMask(tree));
        const sieve = makeSieve(words.map(toBytes));
        if (sieve === null) return shortest < 7;
        const plain = masks().reduce<Buffer>((stream, mask) => through(mask, [stream]), bytes);
        expect(through(new SievedStream(masks(), sieve), cut(bytes, cuts)).toString()).toBe(plain.toString());
        return true;
      },
    );
    fc.assert(property, { numRuns: 3_000 });
  });

  test('of any bytes around and between secrets leaks nothing in 2,000 random chunkings', () => {
    const secrets = [SECRET, 'tr0ub4dor', 'first line of a key\nsecond line of it\n'];
    const mask = new Mask(secrets);
    const { exact, wrapped } = formsOf(secrets);
    const forms = [...exact, ...wrapped];
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(...forms).map((form) => Buffer.from(form)),
      fc
        .tuple(fc.constantFrom(...forms), fc.double({ min: 0, max: 1, noNaN: true }))
        .map(([form, share]) => Buffer.from(form).subarray(0, Math.floor(share * form.length))),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), places, (pieces, cuts) => {
        const bytes = Buffer.concat(pieces);
        const whole = through(mask.stream(), [bytes]);
        expect(through(mask.stream(), cut(bytes, cuts)).equals(whole)).toBe(true);
        expect(forms.filter((form) => whole.includes(Buffer.from(form)))).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('cut into single bytes is the same', () => {
    const text = `a ${SECRET} b ${SECRET}${SECRET} c ${Buffer.from(SECRET).toString('base64')}`;
    const single = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
    expect(through(new Mask([SECRET]).stream(), single).toString()).toBe('a *** b ****** c ***');
  });

  test('without secrets is byte for byte what came, at once but for what may begin one', () => {
    const filter = new Mask([SECRET]).stream();
    const bytes = Buffer.from(Array.from({ length: 65_536 }, (_, index) => (index * 7919) % 251));
    const now = filter.push(bytes);
    expect(Buffer.concat([now, filter.end()]).equals(bytes)).toBe(true);
    expect(now.length).toBeGreaterThan(bytes.length - 4);
    expect(filter.push(Buffer.from('continue? [y/n] ')).toString()).toBe('continue? [y/n] ');
  });

  test('gives the stars out as soon as the secret is over', () => {
    expect(new Mask(['tr0ub4dor']).stream().push(Buffer.from('is tr0ub4dor')).toString()).toBe('is ***');
  });

  test('is as fast with a secret that repeats itself endlessly', () => {
    const filter = new Mask(['a'.repeat(3_000), 'a'.repeat(9)]).stream();
    const began = processorMs();
    const text = Buffer.from(Buffer.alloc(2_000_000, 'a').toString('base64'));
    const masked = through(filter, [Buffer.alloc(2_000_000, 'a'), Buffer.from('|'), text]);
    expect(masked.toString()).toMatch(/^\*\*\*\|(\*\*\*)?.{0,4}$/);
    expect(processorMs() - began).toBeLessThan(5_000);
  });
});

describe('a value is hidden', () => {
  const mask = new Mask([SECRET]);
  const bytes = Buffer.from(SECRET);
  const url = encodeURIComponent(SECRET);
  test.each([
    ['as it is', SECRET],
    ['in JSON', JSON.stringify({ a: SECRET })],
    ['in JSON in JSON', JSON.stringify(JSON.stringify({ a: SECRET }))],
    ['in a URL', url],
    ['in a URL, small letters', url.replace(/%../g, (code) => code.toLowerCase())],
    ['in a form', new URLSearchParams({ q: SECRET }).toString()],
    ['in a path of Python', url.replaceAll('%2F', '/').replaceAll('!', '%21')],
    ['in hex', bytes.toString('hex')],
    ['in HEX', bytes.toString('hex').toUpperCase()],
    ['in base64url', bytes.toString('base64url')],
    ['in double quotes', `"${SECRET.replace(/["$`\\]/g, '\\$&')}"`],
    ['by `printf %q`', SECRET.replace(/[^\w@%+=:./-]/g, '\\$&')],
    ['in markup', SECRET.replaceAll('"', '&quot;')],
  ])('%s', (_, text) => {
    expect(mask.text(`<${text}>`)).toMatch(/^<[^b]*\*\*\*["}\\]*>$/);
  });

  test('in base64 wherever it stands in what is encoded, also broken into lines', () => {
    for (let before = 0; before < 60; before += 1) {
      const encoded = Buffer.from(`${'x'.repeat(before)}${SECRET}${'y'.repeat(before % 4)}`).toString('base64');
      const lines = encoded.replace(/.{19}/g, '$&\r\n');
      for (const text of [encoded, lines]) {
        // What is left belongs to the neighbours, but for a character on either side that it shares with them.
        const left = mask.text(text).replace(/[\r\n]/g, '');
        expect(left).toContain('***');
        expect(left.length - 3, text).toBeLessThanOrEqual(Math.ceil(((before + (before % 4)) * 4) / 3) + 4);
      }
    }
  });

  test('with a quote in it, in every way in which shells quote', () => {
    const quoted = new Mask(["it's-here"]);
    for (const text of [`'it'\\''s-here'`, `'it'"'"'s-here'`, `it\\'s-here`, `$'it\\'s-here'`]) {
      expect(quoted.text(text)).toMatch(/^\$?'?\*\*\*'?$/);
    }
  });

  test('line by line, without the border lines of PEM', () => {
    const key = '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n  kqhkiG9w0BAQ\r\nabc\n-----END PRIVATE KEY-----\n';
    const text = 'MIIEvQIBADANBg, kqhkiG9w0BAQ, abc, -----BEGIN PRIVATE KEY-----';
    expect(new Mask([key]).text(text)).toBe('***, ***, abc, -----BEGIN PRIVATE KEY-----');
    expect(new Mask([key]).text(`key:\n${key}!`)).toBe('key:\n***!');
    expect(new Mask([key]).text(key.trim())).toBe('***');
  });

  test('in every alphabet', () => {
    const greek = new Mask(['κωδικός😀']);
    for (const text of [
      'κωδικός😀',
      encodeURIComponent('κωδικός😀'),
      '\\u03ba\\u03c9\\u03b4\\u03b9\\u03ba\\u03cc\\u03c2\\ud83d\\ude00',
    ]) {
      expect(greek.text(text)).toBe('***');
    }
  });

  test('whichever of several it is, also where they overlap', () => {
    const both = new Mask(['abcdEFGH', 'EFGHijkl', 'abcd']);
    expect(both.text('abcd abcdEFGH EFGHijkl abcdEFGHijkl')).toBe('*** *** *** ***');
  });

  test('and nothing else is', () => {
    const text = 'correct horse/b@ttery, tr0ub4dor3';
    expect(mask.text(text)).toBe(text);
    expect(mask.findsIn(text)).toBe(false);
    expect(new Mask([]).text(SECRET)).toBe(SECRET);
  });
});

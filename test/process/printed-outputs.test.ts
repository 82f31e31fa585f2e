import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CAPTURE_LIMIT, startCapture } from '../../src/process/capture.ts';
import { type PrintedMode, readPrinted } from '../../src/process/printed-outputs.ts';

const read = (mode: PrintedMode, text: string | Buffer): unknown => {
  const result = readPrinted(mode, { kind: 'whole', bytes: Buffer.from(text) });
  return result.ok ? result.value : result.error.message;
};

describe('what is printed', () => {
  test.each<[PrintedMode, string, unknown]>([
    ['text', '', ''],
    ['text', 'a', 'a'],
    ['text', 'a\n', 'a'],
    ['text', 'a\n\n', 'a\n'],
    ['text', 'a\r\n', 'a'],
    ['text', ' a \n b ', ' a \n b '],
    ['text', '\ufeffa\0é😀\n', '\ufeffa\0é😀'],
    ['lines', '', []],
    ['lines', 'a', ['a']],
    ['lines', 'a\nb\n', ['a', 'b']],
    ['lines', 'a\n\nb', ['a', '', 'b']],
    ['lines', 'a\n\n', ['a', '']],
    ['lines', '\n', ['']],
    ['lines', 'a\r\nb\rc\r\n', ['a', 'b\rc']],
    ['json', ' {"a": [1, null]} \n', { a: [1, null] }],
    ['json', '\ufeff"é"', 'é'],
    ['json', 'null', null],
    ['json', '[1.5e3, true]', [1500, true]],
  ])('as %s: %j', (mode, text, value) => {
    expect(read(mode, text)).toEqual(value);
  });

  test.each([
    ['', 'stdout is empty, though `output: json` expects a JSON value there'],
    [' \n', 'stdout is empty, though `output: json` expects a JSON value there'],
    ['{"a": 1', 'stdout is not one JSON value: it ends too early at line 1, column 8'],
    ['[\n1,\n2 3]', 'stdout is not one JSON value: it stops being JSON at line 3, column 3'],
    ['{}\n{}\n', 'stdout is not one JSON value: more follows its value at line 2, column 1'],
    ['NaN', 'stdout is not one JSON value: it stops being JSON at line 1, column 1'],
    ['{"__proto__": 1}', 'stdout: "__proto__" is no name for an output'],
    ['{"constructor": 1}', 'stdout: "constructor" is no name for an output'],
    ['[{"__proto__": 1}]', 'stdout: the key `__proto__` is not taken'],
    ['['.repeat(501) + ']'.repeat(501), 'stdout: nested deeper than 500 levels'],
  ])('is no JSON: %j', (text, message) => {
    expect(read('json', text)).toBe(message);
  });

  test.each<PrintedMode>(['text', 'lines', 'json'])('that is no UTF-8 is refused, with its place, by %s', (mode) => {
    expect(read(mode, Buffer.from('ab\n\xff', 'latin1'))).toBe('stdout is not UTF-8, from byte 3 on');
    expect(read(mode, Buffer.from([0x61, 0xc3]))).toBe('stdout is not UTF-8, from byte 1 on');
    expect(read(mode, Buffer.from([0xef, 0xbf, 0xbd, 0xed, 0xa0, 0x80]))).toBe('stdout is not UTF-8, from byte 3 on');
  });

  test('is never repeated by a refusal', () => {
    for (const text of ['hunter2', '{"password": hunter2}', 'hunter2 \xff']) {
      expect(read('json', Buffer.from(text, 'latin1'))).not.toContain('hunter2');
    }
  });

  test('comes back, whatever it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        const unsafe = /"(?:__proto__|constructor|prototype)"/.test(text);
        if (!unsafe) expect(read('json', `${text}\n`)).toEqual(JSON.parse(text));
      }),
    );
    const text = fc.string({ unit: 'grapheme' }).filter((each) => !each.endsWith('\r'));
    fc.assert(
      fc.property(text, (each) => {
        expect(read('text', `${each}\n`)).toBe(each);
      }),
    );
  });

  test.each(['too_large', 'endless', 'unwritten'] as const)('and was not kept whole is refused: %s', (kind) => {
    expect(readPrinted('text', { kind })).toMatchObject({ ok: false, error: { code: 'outputs' } });
  });
});

describe('a capture', () => {
  test('keeps what comes, in whatever pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), fc.integer({ min: 0, max: 500 }), (chunks, limit) => {
        const capture = startCapture(limit);
        for (const chunk of chunks) capture.add(Buffer.from(chunk));
        const all = Buffer.concat(chunks);
        expect(capture.end()).toEqual(
          all.length > limit ? { kind: 'too_large' } : { kind: 'whole', bytes: Buffer.from(all) },
        );
      }),
    );
  });

  test('takes the limit to the byte, and forgets everything beyond it', () => {
    const half = Buffer.alloc(CAPTURE_LIMIT / 2);
    const capture = startCapture(CAPTURE_LIMIT);
    capture.add(half);
    capture.add(half);
    expect(capture.end()).toMatchObject({ kind: 'whole' });
    capture.add(Buffer.from('x'));
    expect(capture.end()).toEqual({ kind: 'too_large' });
  });
});

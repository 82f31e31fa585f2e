import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import {
  createOutputFile,
  OUTPUT_FILE_LIMIT,
  parseOutputs,
  readOutputFile,
  removeOutputFile,
} from '../../src/process/output-file.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-'));
afterAll(() => rmSync(folder, { recursive: true }));

const parse = (text: string | Buffer): unknown => {
  const result = parseOutputs(Buffer.from(text));
  return result.ok ? result.value : result.error.message;
};

describe('lines and blocks', () => {
  test.each([
    ['', null],
    ['\n \n', null],
    ['a=1\n', { a: '1' }],
    ['a=1\na=2', { a: '2' }],
    ['a= x = y \n', { a: ' x = y ' }],
    ['a=\n', { a: '' }],
    ['a=b<<c\n', { a: 'b<<c' }],
    ['a<<EOF\none\ntwo=2\n\nEOF\nb=3\n', { a: 'one\ntwo=2\n', b: '3' }],
    ['a<<EOF\nEOF\n', { a: '' }],
    ['a<<=\nx\n=\n', { a: 'x' }],
    ['a=é€😀\n', { a: 'é€😀' }],
  ])('%j', (text, value) => {
    expect(parse(text)).toEqual(value);
  });

  test.each([
    ['a=1\nrubbish\n', 'line 2'],
    ['=x\n', 'line 1'],
    ['a b=1\n', 'line 1'],
    ['ok=1\n\n__proto__=1\n', 'line 3'],
    ['constructor=1\n', 'line 1'],
    ['a<<EOF\nnever closed\n', 'line 1'],
    ['a<<\nx\n', 'line 1'],
    [Buffer.from([0x61, 0x3d, 0x31, 0x0a, 0x62, 0x3d, 0xff, 0x0a]), 'line 2'],
  ])('%j is refused', (text, place) => {
    expect(parse(text)).toContain(place);
  });

  test('any value travels unchanged in a block, and in a line when it has no newline', () => {
    const value = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(value, fc.stringMatching(/^[a-z_][a-z0-9_-]{0,9}$/), (text, name) => {
        fc.pre(!text.split('\n').includes('END'));
        expect(parse(`${name}<<END\n${text}\nEND\n`)).toEqual({ [name]: text });
        if (!text.includes('\n')) expect(parse(`${name}=${text}\n`)).toEqual({ [name]: text });
      }),
    );
  });

  test('no bytes whatever make it throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void parseOutputs(Buffer.from(bytes))));
  });
});

describe('a JSON object', () => {
  test('keeps its types', () => {
    expect(parse(' {"n": 1, "list": [true, null], "o": {"constructor": 1}}\n')).toEqual({
      n: 1,
      list: [true, null],
      o: { constructor: 1 },
    });
  });

  test.each([
    ['{"a": 1,\n"b": }', 'line 2'],
    ['{"a": 1} b=2', 'no JSON object'],
    ['{"__proto__": 1}', '__proto__'],
    ['{"a": [{"__proto__": 1}]}', '__proto__'],
    [`{"a": ${'['.repeat(5_000)}${']'.repeat(5_000)}}`, 'nested deeper'],
  ])('%.20j is refused', (text, words) => {
    expect(parse(text)).toContain(words);
  });
});

describe('the file', () => {
  const file = path.join(folder, 'deep', 'output');

  test('is fresh, empty and private', () => {
    createOutputFile(file);
    writeFileSync(file, 'a=1');
    createOutputFile(file);
    expect(statSync(file).size).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readOutputFile(file)).toEqual({ ok: true, value: null });
  });

  test('may be gone', () => {
    removeOutputFile(file);
    expect(readOutputFile(file)).toEqual({ ok: true, value: null });
  });

  test('is refused when it is too large, by its size', () => {
    writeFileSync(file, `a=${'x'.repeat(OUTPUT_FILE_LIMIT)}`);
    expect(readOutputFile(file)).toMatchObject({ ok: false, error: { code: 'outputs' } });
    removeOutputFile(file);
  });

  test('that became a link, a folder or a pipe is refused and not waited for', () => {
    symlinkSync('/etc/hostname', file);
    expect(readOutputFile(file)).toMatchObject({ ok: false });
    removeOutputFile(file);
    execFileSync('mkfifo', [file]);
    expect(readOutputFile(file)).toMatchObject({ ok: false });
    removeOutputFile(file);
    expect(readOutputFile(folder)).toMatchObject({ ok: false });
  });
});

test('the file of an attempt makes its folder anew, but never the folder of the run', () => {
  createOutputFile(path.join(folder, 'private', 'a.1.out'));
  expect(() => createOutputFile(path.join(folder, 'gone', 'private', 'a.1.out'))).toThrow('ENOENT');
  expect(existsSync(path.join(folder, 'gone'))).toBe(false);
});

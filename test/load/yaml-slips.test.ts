import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { inQuotes } from '../../src/diagnostics/phrase.ts';
import { load, problemsOf } from './flow-file.ts';

const slipsOf = async (text: string) =>
  problemsOf(await load(text)).map(({ line, column, message }) => `${line}:${column} ${message}`);

/** Needs quotes, as a value of `run`. */
const colon = 'a text that contains `: ` needs quotes';
const expression = 'inside of `{ }` and `[ ]`, a text with `${{ }}` needs quotes';
const indentation = 'this line is indented unlike its neighbours';

describe('a slip in YAML is told once, where it was made', () => {
  it.each([
    ['steps:\n  a:\n    run: echo foo: bar\n', [`3:10 ${colon}`]],
    ['steps:\r\n  a:\r\n    run: echo "foo: bar"\r\n', [`3:10 ${colon}`]],
    ['steps:\n  - name: a\n    run: echo foo: bar # x\n', [`3:10 ${colon}`]],
    ['steps:\n  a:\n    env: { A: ${{ params.x }} }\n    run: echo\n', [`3:15 ${expression}`]],
    ['steps:\n  a:\n    run: [echo, ${{ a }}, b${{ c }}d]\n', [`3:17 ${expression}`]],
    ['steps:\n  a:\n    run: { A: b\n  b: {}\n', ['3:10 this `{` is never closed']],
    ['steps:\n  a:\n    run: [echo, b\n', ['3:10 this `[` is never closed']],
    ['steps:\n  a:\n    run: "echo\n', ['3:10 this `"` is never closed']],
    ['steps:\n  a:\n    run: [ -f x ] && echo y\n', ['3:10 a text that begins with `[` needs quotes']],
    ['steps:\n  a:\n    run: "$X" && echo y\n', ['3:10 a text that begins with `"` needs quotes']],
    ['steps:\n  a:\n    run: echo\n      timeout: 3s\n', [`4:7 ${indentation}`]],
    ['steps:\n  a:\n    run: echo\n   timeout: 3s\n', [`4:4 ${indentation}`]],
    [
      'steps:\n  a:\n    run: |\n      echo a\n     echo b\n',
      ['5:6 this line is indented less than the text above it'],
    ],
  ])('%j', async (text, slips) => {
    expect(await slipsOf(text)).toEqual(slips);
  });

  it('but no text with an expression in it is one where YAML reads it as it is', async () => {
    const text = 'steps:\n  a:\n    env: { A: "${{ 1 }}", B: b }\n    stdin: a ${{ 2 }} b\n    run: |\n      cat $\n';
    expect(await slipsOf(text)).toEqual([]);
  });
});

it('quotes make the same text of any line', () => {
  const line = fc.string({ unit: 'grapheme' }).filter((text) => !/[\p{Cc}\u2028\u2029\ufeff]/u.test(text));
  fc.assert(fc.property(line, (text) => parse(`a: ${inQuotes(text)}`).a === text));
});

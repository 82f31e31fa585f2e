import { data, Evaluator, Lexer, Parser } from '@actions/expressions';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { evaluateTemplate, parseTemplate, type Scope } from '../../src/expressions/expressions.ts';
import { evaluate, pointed, problemOf, templateValue } from './kit.ts';

describe('access', () => {
  test('names are compared exactly, however they differ in case', () => {
    const scope = { steps: { Load: { outputs: 1 }, load: { outputs: 2 } }, params: { id: 1, ID: 2 } };
    expect(evaluate('steps.load.outputs', scope)).toBe(2);
    expect(evaluate('steps.Load.outputs', scope)).toBe(1);
    expect(evaluate('steps.LOAD', scope)).toBeNull();
    expect(evaluate('params', scope)).toEqual({ id: 1, ID: 2 });
  });

  test('a name that does not exist is null at any depth', () => {
    expect(evaluate('steps.a.b.c[3].d', { steps: {} })).toBeNull();
    expect(evaluate("params.text.x['y']", { params: { text: 'abc' } })).toBeNull();
  });

  test('nothing inherited can be read', () => {
    const scope: Scope = { params: { list: [], text: '' } };
    for (const name of ['constructor', '__proto__', 'toString', 'prototype', 'hasOwnProperty']) {
      expect(evaluate(`params.${name}`, scope)).toBeNull();
      expect(evaluate(`params.list['${name}']`, scope)).toBeNull();
      expect(evaluate(`params.text['${name}']`, scope)).toBeNull();
    }
    expect(evaluate('params.list.length', scope)).toBeNull();
    expect(evaluate('params.__proto__.x', { params: JSON.parse('{"__proto__": {"x": 1}}') as Json })).toBe(1);
  });

  test('a root that is known but absent is a problem with its name', () => {
    const text = 'a ${{ item.id }}';
    const problem = problemOf(text);
    expect(problem).toMatchObject({ code: 'name_not_available', message: '`item` is not available here' });
    expect(pointed(text, problem)).toBe('item');
    expect(problemOf('${{ item }}', { item: undefined }).code).toBe('name_not_available');
    expect(problemOf('${{ params }}', Object.create({ params: 1 }) as Scope).code).toBe('name_not_available');
    expect(evaluate('item', { item: null })).toBeNull();
  });

  test('`params.n-1` is one name: said, where `n` is a number', () => {
    const text = '${{ params.n-1 }}';
    const problem = problemOf(text, { params: { n: 3 } });
    expect(problem).toMatchObject({ code: 'hyphenated_name', help: 'to subtract from `n` write `sub(a, b)`' });
    expect(pointed(text, problem)).toBe('n-1');
    expect(evaluate('params.n-1', { params: { n: 3, 'n-1': 7 } })).toBe(7);
    expect(evaluate('steps.load-2', { steps: { load: {} } })).toBeNull();
  });

  test('lists take positions', () => {
    const scope = { params: { list: ['a', 'b'], n: 1 } };
    expect(evaluate('params.list[1]', scope)).toBe('b');
    expect(evaluate("params.list['1']", scope)).toBe('b');
    expect(evaluate('params.list[params.n]', scope)).toBe('b');
    for (const key of ['-1', '2', "'x'", "''", 'null', 'true', '1e300']) {
      expect(evaluate(`params.list[${key}]`, scope)).toBeNull();
    }
  });

  test('a star spreads over the members and what follows is read from each', () => {
    const scope = { steps: { a: { outputs: { n: 1 } }, b: { outputs: null }, c: { outputs: { n: 3, list: [4] } } } };
    expect(evaluate('steps.*.outputs.n', scope)).toEqual([1, 3]);
    expect(evaluate('steps[*].outputs.list[0]', scope)).toEqual([4]);
    expect(evaluate('steps.*.outputs.*', scope)).toEqual([1, 3, [4]]);
    expect(evaluate('len(steps.*)', scope)).toBe(3);
    expect(evaluate('steps.x.*', scope)).toEqual([]);
    // Only a list that a star made is spread again: this one came from the data.
    expect(evaluate('steps.c.outputs.list.n', scope)).toBeNull();
  });
});

describe('operators', () => {
  test('text is compared without regard to case, values of other types as numbers', () => {
    expect(evaluate("'ABC' == 'abc'")).toBe(true);
    expect(evaluate("1 == '1'")).toBe(true);
    expect(evaluate('null == 0')).toBe(true);
    expect(evaluate("true == '1'")).toBe(true);
    expect(evaluate("'x' == 0")).toBe(false);
    expect(evaluate("'b' > 'A'")).toBe(true);
    expect(evaluate("'x' < 1 || 'x' >= 1")).toBe(false);
  });

  test('lists and objects are equal when their JSON is', () => {
    const scope = { params: { a: { x: [1], y: 2 }, b: { y: 2, x: [1] }, c: [] } };
    expect(evaluate('params.a == params.b', scope)).toBe(true);
    expect(evaluate('params.a == params.c', scope)).toBe(false);
    expect(evaluate('params.c == 0', scope)).toBe(false);
    expect(evaluate("fromJSON('[1]') == fromJSON('[1]')")).toBe(true);
  });

  test('and, or yield one of their values and stop at it', () => {
    expect(evaluate("'' || 'x'")).toBe('x');
    expect(evaluate("0 && fromJSON('!')")).toBe(0);
    expect(evaluate("1 || fromJSON('!')")).toBe(1);
    expect(evaluate('true && null && 1')).toBeNull();
    expect(evaluate("!''")).toBe(true);
  });

  test('and, or, not and comparisons agree with the library on primitives', () => {
    const literal = fc.oneof(
      fc.constantFrom(
        'null',
        'true',
        'false',
        "''",
        "'a'",
        "'A'",
        "'\u0131'",
        "'I'",
        "'0'",
        "'1'",
        "' 1 '",
        "'0x10'",
        "'b'",
      ),
      fc.integer({ min: -20, max: 20 }).map(String),
    );
    const { expression } = fc.letrec<{ expression: string }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 4, depthSize: 'small' },
        literal,
        fc
          .tuple(tie('expression'), fc.constantFrom('==', '!=', '<', '<=', '>', '>=', '&&', '||'), tie('expression'))
          .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
        tie('expression').map((inner) => `!${inner}`),
      ),
    }));
    fc.assert(
      fc.property(expression, (source) => {
        const tree = new Parser(new Lexer(source).lex().tokens, [], []).parse();
        const theirs = JSON.parse(
          JSON.stringify(new Evaluator(tree, new data.Dictionary()).evaluate(), data.replacer),
        ) as Json;
        expect(evaluate(source)).toEqual(theirs);
      }),
      { numRuns: 500 },
    );
  });
});

describe('text around expressions', () => {
  test('numbers and booleans are written as in JSON', () => {
    expect(templateValue('${{ 1 }} ${{ 2.50 }} ${{ true }} ${{ 1e21 }}')).toBe('1 2.5 true 1e+21');
    expect(templateValue('x${{ params.n }}', { params: { n: 1e-20 } })).toBe('x1e-20');
  });

  test('null in a text is a problem unless replaced', () => {
    const text = 'file-${{ params.x }}.csv';
    expect(problemOf(text, { params: {} })).toMatchObject({ code: 'null_in_text', offset: 9, length: 8 });
    const unnamed = problemOf('a ${{ default(params.a, null) }}', { params: {} });
    expect(unnamed.message).toBe('null cannot stand inside a longer text');
    expect(problemOf('a ${{ steps.a.outputs.b-c }}', { steps: { a: { outputs: {} } } })).toMatchObject({
      message: '`steps.a.outputs.b-c` is null, which cannot stand inside a longer text',
      help: "write `default(steps.a.outputs.b-c, '')` where nothing may stand",
    });
    expect(problemOf('a ${{ join(params) }}', { params: [null] }).message).toContain('item 0');
    expect(templateValue("file-${{ default(params.x, '') }}.csv", { params: {} })).toBe('file-.csv');
    expect(templateValue('${{ params.x }}', { params: {} })).toBeNull();
  });

  test('a list or an object in a text is a problem that names toJSON', () => {
    expect(problemOf('x ${{ params.x }}', { params: { x: [] } })).toMatchObject({ code: 'not_text' });
    expect(problemOf('x ${{ params.x }}', { params: { x: {} } }).help).toContain('toJSON');
  });

  test('a text that grows beyond the limit is a problem', () => {
    const scope = { params: { x: 'x'.repeat(600_000) } };
    expect(problemOf('${{ params.x }}${{ params.x }}', scope).code).toBe('result_too_large');
    expect(templateValue('${{ params.x }}', scope)).toHaveLength(600_000);
  });
});

test('any text parses or has problems inside it, and evaluating never throws', () => {
  const words = [
    'params',
    'steps',
    '.',
    '[',
    ']',
    '(',
    ')',
    "'",
    "''",
    ',',
    '*',
    '!',
    '==',
    '<',
    '&&',
    '||',
    '1',
    '-',
    'x',
    ' ',
    '\n',
  ];
  const calls = [
    'format(',
    'toJSON(',
    'case(',
    'join(',
    'constructor(',
    '}}',
    '${{',
    '"',
    '\u0000',
    '\u2028',
    'é',
    '1e9',
    'null',
    'item',
  ];
  const soup = fc
    .array(fc.constantFrom(...words, ...calls), { maxLength: 25 })
    .map((parts) => `\${{ ${parts.join('')} }}`);
  fc.assert(
    fc.property(
      fc.oneof(
        soup,
        fc.string({ unit: 'binary' }).map((text) => `\${{${text}}}`),
      ),
      (text) => {
        const template = parseTemplate(text);
        if (!template.ok) {
          for (const { offset, length } of template.error) {
            expect(offset).toBeGreaterThanOrEqual(0);
            expect(length).toBeGreaterThan(0);
            expect(offset + length).toBeLessThanOrEqual(text.length);
          }
          return;
        }
        const value = evaluateTemplate(template.value, { params: { x: [1, { x: null }] }, steps: {} });
        if (value.ok) expect(JSON.parse(JSON.stringify(value.value))).toEqual(value.value);
      },
    ),
    { numRuns: 3_000 },
  );
});

import { describe, expect, test } from 'vitest';
import { hasExpression, parseTemplate } from '../../src/expressions/expressions.ts';
import { evaluate, parseProblems, pointed, templateValue } from './kit.ts';
import { processorMs } from '../kit/processor.ts';

const only = (text: string) => {
  const problems = parseProblems(text);
  expect(problems).toHaveLength(1);
  const [problem] = problems;
  if (problem === undefined) throw new Error('no problem');
  return { ...problem, at: pointed(text, problem) };
};

describe('cutting a text', () => {
  test('a text without an expression is a literal', () => {
    expect(hasExpression('plain $HOME ${x} }}')).toBe(false);
    expect(parseTemplate('plain }}')).toEqual({ ok: true, value: { kind: 'literal', text: 'plain }}' } });
  });

  test('a text that is exactly one expression keeps its type; a space makes it text', () => {
    expect(templateValue('${{ params.n }}', { params: { n: 3 } })).toBe(3);
    expect(templateValue('${{ params.n }} ', { params: { n: 3 } })).toBe('3 ');
    expect(templateValue('${{ params.n }}${{ params.n }}', { params: { n: 3 } })).toBe('33');
  });

  test('closing braces inside quoted text end nothing', () => {
    expect(templateValue("a${{ '}}' }}b")).toBe('a}}b');
    expect(templateValue("${{ '${{' }}")).toBe('${{');
    expect(templateValue("${{ 'it''s }} ' }}")).toBe("it's }} ");
  });

  test('an expression that is not closed points at its beginning', () => {
    expect(only('ab ${{ params.x')).toMatchObject({ code: 'expression_syntax', at: '${{', offset: 3 });
    expect(only("ab ${{ 'x }}").help).toContain('quote');
  });

  test('an empty expression is a problem', () => {
    expect(only('${{ }}')).toMatchObject({ code: 'expression_syntax', message: 'the expression is empty' });
    expect(only('${{}}').length).toBe(1);
  });

  test('the same text is parsed once', () => {
    const text = '${{ params.once }}';
    expect(parseTemplate(text)).toBe(parseTemplate(text));
  });
});

describe('problems and their places', () => {
  test('every problem of every expression is found at once', () => {
    const text = 'a ${{ paramz.x }} b ${{ formt(sgeps.y, 1) }} ${{ 1 + 2 }}';
    const found = parseProblems(text).map((problem) => [problem.code, pointed(text, problem)]);
    expect(found).toEqual([
      ['unknown_name', 'paramz'],
      ['unknown_function', 'formt'],
      ['unknown_name', 'sgeps'],
      ['expression_syntax', '+'],
    ]);
  });

  test('offsets hold after line ends, tabs and characters outside the basic plane', () => {
    const text = "😀\n${{\n\t'😀x' ==\n  nope.x }}";
    expect(only(text)).toMatchObject({ code: 'unknown_name', at: 'nope' });
  });

  test('what is missing at the end is missed right behind the last thing that is there', () => {
    expect(only('a ${{ params.   }}').offset).toBe('a ${{ params.'.length);
    expect(only('a ${{ (params.x }}')).toMatchObject({ message: 'the expression ends too early, behind `x`', at: 'x' });
  });

  test('names and functions get a suggestion', () => {
    expect(only('${{ Params.x }}').help).toBe('did you mean `params`?');
    expect(only('${{ tojsn(1) }}').help).toBe('did you mean `toJSON`?');
    expect(only('${{ zzzzzz(1) }}').help).toContain('contains startsWith');
  });

  test.each([
    ['1 + 2', 'add('],
    ['params.n - 1', 'sub('],
    ['params.n * 2', 'mul('],
    ['params.n / 2', 'div('],
    ['params.n % 2', 'mod('],
    ["params.n = 'x'", '=='],
    ['params.n & params.m', '&&'],
    ['params.x | upper', '||'],
    ['params.x ? 1 : 2', 'case('],
    ['"text"', 'single quotes'],
    ['params.a and params.b', '&&'],
    ['$params', 'dollar'],
    ['[1, 2]', 'list literals'],
  ])('%s is refused with what to write instead', (expression, help) => {
    expect(only(`\${{ ${expression} }}`).help).toContain(help);
  });

  test.each([
    '(',
    '!',
    'f(',
    'params.',
    'params[',
    "'a' ==",
    'params.x params.y',
    ')',
    'format(,)',
    '.x',
    'params..x',
    '1.2.3',
    '@',
  ])('the broken expression %s is a problem inside its text', (expression) => {
    const text = `\${{ ${expression} }}`;
    for (const problem of parseProblems(text)) {
      expect(problem.offset).toBeGreaterThanOrEqual(3);
      expect(problem.length).toBeGreaterThan(0);
      expect(problem.offset + problem.length).toBeLessThanOrEqual(text.length);
    }
  });

  test('numbers that JSON does not have are refused', () => {
    for (const number of ['NaN', 'Infinity', '1e999']) expect(only(`\${{ ${number} }}`).at).toBe(number);
  });

  test('wrong numbers of arguments show how the function is called', () => {
    expect(only('${{ toJSON() }}')).toMatchObject({ code: 'wrong_arguments', help: 'write `toJSON(value)`' });
    expect(only('${{ join(1, 2, 3) }}').help).toBe('write `join(list, separator?)`');
    expect(only('${{ case(true, 1) }}').help).toBe('write `case(condition, value, next, more...)`');
    expect(only('${{ case(false, 1, true, 2) }}').code).toBe('wrong_arguments');
    expect(only('${{ sub(1) }}')).toMatchObject({ at: 'sub', help: 'write `sub(a, b)`' });
    expect(only('${{ add(1) }}').help).toBe('write `add(a, b, more...)`');
  });
});

describe('traps of the library', () => {
  test.each(['constructor', 'toString', 'hasOwnProperty', '__proto__', 'valueOf', 'Object', 'eval', 'this'])(
    '%s is neither a function nor a name',
    (name) => {
      expect(only(`\${{ ${name}() }}`).code).toMatch(/^unknown_function$|^expression_syntax$/);
      expect(only(`\${{ ${name} }}`).code).toBe('unknown_name');
    },
  );

  test('every doubled quote stands for one', () => {
    expect(evaluate("'it''s ''q'''")).toBe("it's 'q'");
    expect(evaluate("''")).toBe('');
    expect(evaluate("''''")).toBe("'");
    expect(evaluate("format('{0}''{0}''', 'x')")).toBe("x'x'");
  });

  test('function names ignore letter case, as on GitHub', () => {
    expect(evaluate("TOJSON('a')")).toBe('"a"');
    expect(evaluate('Add(1, 2)')).toBe(3);
  });
});

describe('limits', () => {
  test('an expression longer than 20,000 characters is refused', () => {
    const long = `'${'x'.repeat(19_998)}'`;
    expect(evaluate(`${long.slice(0, -3)}'`)).toHaveLength(19_996);
    expect(only(`\${{ ${long} }}`).code).toBe('too_long');
  });

  test('10^5 parentheses are refused, in far less than 100 ms', () => {
    const begin = processorMs();
    expect(only(`\${{ ${'('.repeat(1e5)}1${')'.repeat(1e5)} }}`).code).toBe('too_long');
    // A hundred, and what the engine itself may be at.
    expect(processorMs() - begin).toBeLessThan(250);
  });

  test.each([
    ['parentheses', `${'('.repeat(9_000)}1${')'.repeat(9_000)}`],
    ['negations', `${'!'.repeat(19_000)}1`],
    ['brackets', `params${'[params'.repeat(2_000)}${']'.repeat(2_000)}`],
    ['properties', `params${'.x'.repeat(9_000)}`],
    ['a chain of comparisons', `1${'==1'.repeat(6_000)}`],
    ['a chain of orders', `1${'<1'.repeat(9_000)}`],
    ['calls', `${'abs('.repeat(3_000)}1${')'.repeat(3_000)}`],
  ])('deep nesting of %s is refused', (_what, expression) => {
    const begin = processorMs();
    const problems = parseProblems(`\${{ ${expression} }}`);
    expect(problems.map(({ code }) => code)).toEqual(['too_deep']);
    expect(processorMs() - begin).toBeLessThan(500);
  });

  test('a hundred thousand open expressions cost linear time', () => {
    const begin = processorMs();
    expect(parseProblems('${{ x '.repeat(1e5)).length).toBe(1);
    expect(parseProblems(`${"${{ 1 }}' ".repeat(1e4)}\${{`).length).toBe(1);
    expect(processorMs() - begin).toBeLessThan(2_000);
  });
});

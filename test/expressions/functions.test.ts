import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { documentFunctions, evaluateTemplate, FUNCTIONS, parseTemplate } from '../../src/expressions/expressions.ts';
import { evaluate, parseProblems, pointed, problemOf } from './kit.ts';
import { processorMs } from '../kit/processor.ts';

const failure = (expression: string, params: Json = null) => problemOf(`\${{ ${expression} }}`, { params });

describe('the table', () => {
  test.each(documentFunctions())('$signature: the documented example holds', ({ example }) => {
    expect(evaluate(example.expression)).toEqual(example.result);
  });

  test('names differ, also without regard to case', () => {
    expect(new Set(FUNCTIONS.map(({ name }) => name.toLowerCase())).size).toBe(FUNCTIONS.length);
  });

  test('no function throws, whatever it is given, and every answer is JSON', () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
      fc.constantFrom<Json>(
        '',
        '{',
        '{0}{1}',
        '1h',
        '2026-01-01',
        '2026-01-01T00:00:00Z',
        'UTC',
        '(a',
        'i',
        -1,
        0,
        1e300,
        5e-324,
        [],
        {},
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom(...FUNCTIONS), fc.array(value, { maxLength: 4 }), (definition, values) => {
        const least = definition.parameters.filter(({ presence }) => presence === 'required').length;
        const padded = [...values, ...Array<Json>(Math.max(0, least - values.length)).fill(1)];
        const result = definition.call(padded);
        if (result.ok) expect(JSON.parse(JSON.stringify(result.value))).toEqual(result.value);
        else expect(result.error.message).not.toBe('');
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('numbers', () => {
  test('a wrong type is a problem at its argument, never NaN', () => {
    const text = '${{ add(1, params.n) }}';
    const problem = problemOf(text, { params: { n: '2' } });
    expect(problem).toMatchObject({ code: 'wrong_type', message: '`add` takes a number as `b`, not text' });
    expect(problem.help).toContain('number(text)');
    expect(pointed(text, problem)).toBe('params.n');
    expect(failure('add(1, 2, null)').help).toContain('default(');
    expect(failure('max(fromJSON(params))', '[1]').code).toBe('wrong_type');
    expect(evaluate('add(1, number(params.n))', { params: { n: '2' } })).toBe(3);
  });

  test('division by zero, overflow and texts that are no numbers are problems', () => {
    for (const expression of [
      'div(1, 0)',
      'mod(1, 0)',
      'mul(1e308, 10)',
      "number('')",
      "number('0x10')",
      "number('1e999')",
      "number('1_000')",
    ]) {
      expect(failure(expression).code).toBe('function_failed');
    }
  });

  test('halves are rounded away from zero, in decimal', () => {
    expect(
      ['round(2.5)', 'round(-2.5)', 'round(1.005, 2)', 'round(1e300, 15)', 'round(1.5e-7, 7)', 'round(-0.4)'].map((e) =>
        evaluate(e),
      ),
    ).toEqual([3, -3, 1.01, 1e300, 2e-7, 0]);
    expect(failure('round(1, -1)').message).toContain('digits');
  });
});

describe('text and lists', () => {
  test('contains, startsWith and endsWith ignore case and take null as empty', () => {
    expect(evaluate("contains(null, '')")).toBe(true);
    expect(evaluate("startsWith('x', null)")).toBe(true);
    expect(evaluate("contains(fromJSON('[\"A\", 1]'), 'a')")).toBe(true);
    expect(evaluate("contains(fromJSON('[1]'), '1')")).toBe(true);
    expect(failure('contains(params, 1)', { a: 1 }).help).toContain('keys(');
  });

  test('format refuses what GitHub would write as nothing or as a word', () => {
    expect(evaluate("format('{{{0}}}', 1)")).toBe('{1}');
    expect(failure("format('{0}', null)").code).toBe('null_in_text');
    expect(failure("format('{0}', params)", [1]).code).toBe('not_text');
    expect(failure("format('{1}', 1)").message).toContain('{1}');
    for (const pattern of ['{', '}', '{x}', '{0', '{-1}', '{}'])
      expect(failure(`format('${pattern}', 1)`).code).toBe('function_failed');
  });

  test('join names the item that has no text', () => {
    expect(evaluate("join('one')")).toBe('one');
    expect(failure('join(params)', ['a', null])).toMatchObject({
      code: 'null_in_text',
      help: '`compact(list)` leaves nulls out',
    });
    expect(failure('join(params)', [[1]]).help).toContain('toJSON');
  });

  test('lines knows both line ends', () => {
    expect(evaluate('lines(params)', { params: 'a\r\nb\n\nc\n' })).toEqual(['a', 'b', '', 'c']);
    expect(evaluate('lines(params)', { params: '' })).toEqual([]);
  });

  test('characters are counted whole', () => {
    expect(evaluate("len('a😀')")).toBe(2);
    expect(evaluate("slice('a😀b', 1, 2)")).toBe('😀');
    expect(evaluate('slice(params, -2)', { params: [1, 2, 3] })).toEqual([2, 3]);
  });

  test('only null is replaced by default', () => {
    expect(evaluate("default('', 'x')")).toBe('');
    expect(evaluate('default(params.a.b, 7)', { params: {} })).toBe(7);
    expect(evaluate('coalesce(null, null)')).toBeNull();
  });

  test('case wants conditions', () => {
    expect(failure("case('x', 1, 2)")).toMatchObject({ code: 'wrong_type' });
    expect(evaluate('case(false, 1, 2)')).toBe(2);
  });

  test('sort, unique and range have their limits', () => {
    expect(evaluate('sort(params)', { params: [10, 9, 1] })).toEqual([1, 9, 10]);
    expect(failure('sort(params)', [1, 'a']).code).toBe('function_failed');
    expect(evaluate('unique(params)', { params: [{ a: 1, b: 2 }, { b: 2, a: 1 }, 'A', 'a'] })).toEqual([
      { a: 1, b: 2 },
      'A',
      'a',
    ]);
    expect(evaluate('range(3, 0, -1)')).toEqual([3, 2, 1]);
    expect(evaluate('range(0)')).toEqual([]);
    for (const call of ['range(1e9)', 'range(0, 1, 0)', 'range(0.5)', 'range(0, 1e15, 1)'])
      expect(failure(call).code).toBe('function_failed');
  });
});

describe('match', () => {
  const found = (subject: string, pattern: string, flags = ''): Json =>
    evaluate('match(params.s, params.p, params.f)', { params: { s: subject, p: pattern, f: flags } });

  test('null, or what was matched and what the groups did', () => {
    expect(found('sales.csv', '^a')).toBeNull();
    expect(found('sales.csv', '')).toEqual(['']);
    expect(found('b', '(a)|(?:(?P<letter>b)())')).toEqual(['b', null, 'b', '']);
    expect(evaluate("match('x1', '\\d')[0]")).toBe('1');
    expect(evaluate("match('x', '\\d')[0]")).toBeNull();
    expect(found('é😀x', '^..(.)')).toEqual(['é😀x', 'x']);
  });

  test('flags', () => {
    expect([found('ÄB', 'äb'), found('ÄB', 'äb', 'i')]).toEqual([null, ['ÄB']]);
    expect([found('a\nb', '^b$'), found('a\nb', '^b$', 'm')]).toEqual([null, ['b']]);
    expect([found('a\nb', 'a.b'), found('a\nb', 'a.b', 'si')]).toEqual([null, ['a\nb']]);
  });

  test('says what JavaScript says, where both know the syntax', () => {
    const part = fc.constantFrom('a', 'b', '.', '[ab]', '(a|b)', '(?:a)?', '(b+)', 'a*', '(a{1,2})', '\\w', '$', '^');
    const pattern = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.stringMatching(/^[ab ]{0,8}$/), pattern, (subject, source) => {
        const expected = new RegExp(source).exec(subject);
        expect(found(subject, source)).toEqual(expected === null ? null : [...expected].map((group) => group ?? null));
      }),
      { numRuns: 500 },
    );
  });

  test('a pattern that is written out is examined before anything runs', () => {
    const text = "${{ match(params.s, '[a-z') }}";
    const [problem, ...more] = parseProblems(text);
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ code: 'invalid_pattern', message: expect.stringContaining('missing closing ]') });
    expect(problem && pointed(text, problem)).toBe("'[a-z'");
    expect(parseProblems("${{ match('a', params.p, 'g') }}")).toMatchObject([
      { code: 'invalid_pattern', help: expect.stringContaining('`i`') },
    ]);
    for (const pattern of ['a(?=b)', '(?<!a)b', '(a)\\1', '(?>a)', 'a++', '(', '*', '\\'])
      expect(parseProblems(`\${{ match('a', '${pattern}') }}`)[0]?.code).toBe('invalid_pattern');
  });

  test('a pattern that comes when it runs is refused then, at its place', () => {
    const text = '${{ match(params.s, params.p) }}';
    const problem = problemOf(text, { params: { s: 'a', p: '[' } });
    expect(problem.code).toBe('function_failed');
    expect(pointed(text, problem)).toBe('params.p');
  });

  test.each([
    ['too long', 'a'.repeat(1_001), 'longer than 1000'],
    ['too many repetitions', '(?:a{100}){10}', 'too large'],
    ['too many groups', '(a)'.repeat(33), '32 groups'],
  ])('limits: %s', (_, pattern, message) => {
    expect(failure('match(params.s, params.p)', { s: 'a', p: pattern }).message).toContain(message);
  });

  test('no pattern makes it throw', () => {
    const part = fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      '^',
      '-',
      '{9}',
      '{,',
      '*',
      '|',
      '\\',
      'Q',
      'pL',
      '?P<n>',
      '?i)',
      'é',
      '\ud83d',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const template = parseTemplate('${{ match(params.s, params.p) }}');
        const scope = { params: { s: 'aé😀\ud83d', p: parts.join('') } };
        const value = template.ok ? evaluateTemplate(template.value, scope) : template;
        if (!value.ok) expect(value.error).toMatchObject({ code: 'function_failed' });
      }),
      { numRuns: 2_000 },
    );
  });

  test('a text that is too long is refused at its place', () => {
    expect(failure("match(params, 'a')", 'b'.repeat(65_537)).message).toContain('65536');
    expect(evaluate("match(params, 'a')", { params: 'b'.repeat(65_536) })).toBeNull();
  });

  test.each([
    '(a*)*$',
    '^(a+)+$',
    '(a|aa)+$',
    '^(a|a)*b',
    '(.*a){20}b',
    '(?i)(\\pL{0,200})*z',
    `^(${'(a?)'.repeat(30)}(?:a{0,9}){0,15})*$`,
  ])('%s is linear in the text', (pattern) => {
    const begin = processorMs();
    found(`${'a'.repeat(65_535)}!`, pattern);
    // With backtracking each of them would outlast the machine; the ceiling is for a slow and busy one.
    expect(processorMs() - begin).toBeLessThan(15_000);
  });
});

describe('results have a limit', () => {
  const half = 'x'.repeat(700_000);
  test.each([
    ["format('{0}{0}', params)", half],
    ['join(params)', [half, half]],
    ["replace(params, 'x', 'yyy')", half],
    ['toJSON(params)', [half, half]],
    ['hash(params)', [half, half]],
    ['upper(params)', 'ß'.repeat(700_000)],
    ['fromJSON(params)', `"${half}${half}"`],
  ])('%s is refused when its result is too large', (expression, params) => {
    const scope = { params: params as Json };
    expect(problemOf(`\${{ ${expression} }}`, scope).code).toBe('result_too_large');
  });

  test('a replacement that would fill the memory is refused before it is made', () => {
    expect(
      failure('replace(params.a, params.b, params.c)', { a: 'a'.repeat(1e6), b: 'a', c: 'b'.repeat(1e6) }).code,
    ).toBe('result_too_large');
  });

  test('nested amplification ends at the first result that is too large', () => {
    let expression = "'0123456789'";
    for (let level = 0; level < 20; level += 1) expression = `format('{0}{0}{0}{0}{0}{0}{0}{0}', ${expression})`;
    const begin = processorMs();
    expect(failure(expression).code).toBe('result_too_large');
    expect(processorMs() - begin).toBeLessThan(1_000);
  });

  test('values that nest too deeply are refused, not walked into', () => {
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
    expect(failure('fromJSON(params)', deep).message).toContain('500 levels');
    const value = JSON.parse(deep) as Json;
    for (const call of ['toJSON(params)', 'hash(params)', 'unique(params)'])
      expect(failure(call, value).message).toContain('levels');
    expect(evaluate('params == params.x', { params: value })).toBe(false);
  });
});

describe('time', () => {
  const format = (instant: string, pattern: string, zone?: string): Json =>
    evaluate(zone === undefined ? `format_date(params.i, params.p)` : `format_date(params.i, params.p, params.z)`, {
      params: { i: instant, p: pattern, z: zone ?? null },
    });

  test('all fields', () => {
    const pattern = "yyyy yy MMMM MMM MM M dd d EEEE EEE HH H mm ss SSS XXX 'at' ''";
    expect(format('2026-03-05T04:06:07.089Z', pattern)).toBe(
      "2026 26 March Mar 03 3 05 5 Thursday Thu 04 4 06 07 089 Z at '",
    );
    expect(format('2026-01-01T00:00:00Z', "'o''clock' HH")).toBe("o'clock 00");
  });

  test('zones with their changes of clock', () => {
    expect(format('2026-03-08T06:59:59Z', 'HH:mm XXX', 'America/New_York')).toBe('01:59 -05:00');
    expect(format('2026-03-08T07:00:00Z', 'HH:mm XXX', 'America/New_York')).toBe('03:00 -04:00');
    expect(format('2026-01-01T00:00:00Z', 'yyyy-MM-dd HH:mm XXX', 'Asia/Kathmandu')).toBe('2026-01-01 05:45 +05:45');
    expect(format('2025-12-31T23:30:00.5-02:00', "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", 'Pacific/Auckland')).toBe(
      '2026-01-01T14:30:00.500+13:00',
    );
    expect(format('1969-12-31T23:59:59.250Z', 'yyyy HH:mm:ss.SSS', 'Europe/London')).toBe('1970 00:59:59.250');
    expect(format('2026-01-01T05:00:00Z', 'HH', 'America/New_York')).toBe('00');
  });

  test('a date is in no zone', () => {
    expect(format('2026-07-04', 'dd.MM.yyyy EEE')).toBe('04.07.2026 Sat');
    expect(failure("format_date('2026-07-04', 'dd', 'America/New_York')").help).toBe('leave the zone out');
  });

  test.each([
    '2026-02-30',
    '2026-13-01',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00+24:00',
    'today',
    '',
    '1700000000',
  ])('the instant %j is refused', (instant) => {
    expect(failure("format_date(params, 'yyyy')", instant).message).toContain('RFC 3339');
  });

  test.each(['YYYY', 'DD', 'yyy', 'T', "'open", 'MMMMM'])(
    'the pattern %j is refused with the fields there are',
    (pattern) => {
      expect(failure("format_date('2026-01-01', params)", pattern).help).toContain('yyyy');
    },
  );

  test.each(['Mars/Phobos', '+01:00', '', '__proto__'])('the zone %j is refused', (zone) => {
    expect(failure("format_date('2026-01-01T00:00:00Z', 'yyyy', params)", zone).message).toContain('no time zone');
  });

  test('durations are added and taken away', () => {
    expect(evaluate("add_duration('2026-01-31T22:30:00+01:00', '1h30m')")).toBe('2026-01-31T23:00:00.000Z');
    expect(evaluate("add_duration('2026-03-01', '-1d')")).toBe('2026-02-28T00:00:00.000Z');
    expect(failure("add_duration('2026-03-01', 'soon')").help).toContain('1h30m');
    expect(failure("add_duration('9999-12-31', '1d')").message).toContain('9999');
  });

  test('writing an instant and reading it back gives the same instant', () => {
    const zones = fc.constantFrom('UTC', 'America/St_Johns', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Tokyo');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), zones, (epochMs, zone) => {
        const written = format(new Date(epochMs).toISOString(), "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", zone);
        expect(Date.parse(String(written))).toBe(epochMs);
      }),
      { numRuns: 300 },
    );
  });
});

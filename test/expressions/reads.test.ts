import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { deepReads, evaluateDeep, parseTemplate, templateReads } from '../../src/expressions/expressions.ts';
import { pointed } from './kit.ts';

const reads = (text: string): readonly (readonly [string, string])[] => {
  const template = parseTemplate(text);
  if (!template.ok) throw new Error(JSON.stringify(template.error));
  return templateReads(template.value).map((reference) => {
    return [[reference.root, ...reference.path].join('/'), pointed(text, reference)] as const;
  });
};

describe('what a template reads', () => {
  test.each([
    ['plain', []],
    ['${{ steps.extract.outputs.rows }}', [['steps/extract/outputs/rows', 'steps.extract.outputs.rows']]],
    ["a ${{ steps [ 'it''s' ] . x }}", [["steps/it's/x", "steps [ 'it''s' ] . x"]]],
    ['${{ steps.a.outputs[0].id }}', [['steps/a/outputs/0/id', 'steps.a.outputs[0].id']]],
    ['${{ steps.*.outputs }}', [['steps', 'steps']]],
    ['${{ (steps.a).outputs }}', [['steps/a/outputs', 'steps.a).outputs']]],
    [
      '${{ fromJSON(params.text).x[item.i] }}',
      [
        ['params/text', 'params.text'],
        ['item/i', 'item.i'],
      ],
    ],
    [
      '${{ steps[params.which].outputs[index] }}',
      [
        ['steps', 'steps'],
        ['params/which', 'params.which'],
        ['index', 'index'],
      ],
    ],
    [
      '${{ !env.A && (vars.b == 1 || flow.name < run.id) }}',
      [
        ['env/A', 'env.A'],
        ['vars/b', 'vars.b'],
        ['flow/name', 'flow.name'],
        ['run/id', 'run.id'],
      ],
    ],
    [
      '${{ params.a }}-${{ params.b }}',
      [
        ['params/a', 'params.a'],
        ['params/b', 'params.b'],
      ],
    ],
  ])('%s', (text, expected) => {
    expect(reads(text)).toEqual(expected);
  });
});

describe('values with templates inside', () => {
  const scope = { params: { n: 3, list: ['${{ params.n }}'] } };

  test('every text is evaluated, keys and results are left alone', () => {
    const value = { '${{ params.n }}': ['${{ params.n }}', 'n=${{ params.n }}', 1, null], list: '${{ params.list }}' };
    expect(evaluateDeep(value, scope)).toEqual({
      ok: true,
      value: { '${{ params.n }}': [3, 'n=3', 1, null], list: ['${{ params.n }}'] },
    });
  });

  test('a problem carries its path', () => {
    const value = { rows: [{ 'a b': ['x', '-${{ params.none }}'] }] };
    expect(evaluateDeep(value, scope)).toMatchObject({
      ok: false,
      error: { code: 'null_in_text', path: 'rows[0]["a b"][1]' },
    });
    expect(evaluateDeep('${{ nope }}', scope)).toMatchObject({ ok: false, error: { code: 'unknown_name', path: '' } });
  });

  test('a key `__proto__` stays a key', () => {
    const value = JSON.parse('{"__proto__": {"polluted": "${{ params.n }}"}}') as Json;
    const result = evaluateDeep(value, scope);
    expect(JSON.stringify(result)).toBe('{"ok":true,"value":{"__proto__":{"polluted":3}}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('reads are found at every depth, broken texts passed over', () => {
    const value = { a: ['${{ steps.x.outputs }}', { b: '${{ params.y }} ${{ run.id }}' }], c: '${{ (' };
    expect(deepReads(value).map(({ root, path }) => [root, ...path].join('.'))).toEqual([
      'steps.x.outputs',
      'params.y',
      'run.id',
    ]);
  });
});

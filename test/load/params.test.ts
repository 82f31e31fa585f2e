import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { type GivenParam, readParamsFile, resolveParams } from '../../src/load/params.ts';
import { loaded } from './flow-file.ts';

const flow = async (params: string) => (await loaded(`params:\n${params}\nsteps: { a: { run: x } }\n`)).definition;
const given = (values: { readonly [name: string]: string }): ReadonlyMap<string, GivenParam> =>
  new Map(Object.entries(values).map(([name, text]) => [name, { kind: 'text', text }]));

async function resolved(params: string, values: { readonly [name: string]: string }, scope = {}): Promise<Json> {
  const result = await resolveParams(await flow(params), given(values), scope);
  return result.ok ? result.value : result.error.map(({ kind, param }) => `${kind} ${param}`);
}

describe('params of a run', () => {
  it('are read as their types say', async () => {
    const params = `  text: { type: string }
  whole: { type: integer }
  number: { type: number }
  flag: { type: boolean }
  list: { type: array, items: { type: integer } }
  object: { type: object }
  either: { type: [integer, string] }
  nothing: { type: [string, "null"] }
  choice: { enum: [1, two, "3"] }
  free: {}`;
    const values = { text: '5', whole: '5', number: '1e2', flag: 'true', list: '[1, 2]', object: '{"a": 1}' };
    const rest = { either: '5', nothing: 'null', choice: '1', free: '5' };
    expect(await resolved(params, { ...values, ...rest })).toEqual({
      text: '5',
      whole: 5,
      number: 100,
      flag: true,
      list: [1, 2],
      object: { a: 1 },
      either: 5,
      nothing: null,
      choice: 1,
      free: '5',
    });
  });

  it('that do not fit are all told, each once', async () => {
    const params = `  whole: 5
  flag: { type: boolean }
  date: { type: string, format: date }
  short: { type: string, maxLength: 2 }
  list: { type: array, items: { type: integer } }
  missing: { type: string }`;
    const values = { whole: '1.5', flag: 'yes', date: 'today', short: 'abc', list: '["a"]', other: '1' };
    expect(await resolved(params, values)).toEqual([
      'unknown other',
      'mismatch whole',
      'unreadable flag',
      'mismatch date',
      'mismatch short',
      'mismatch list',
      'missing missing',
    ]);
  });

  it('without a value have their default, computed from the top down', async () => {
    const params =
      '  a: 2\n  b: ${{ add(params.a, 1) }}\n  c: { type: array, default: ["${{ params.b }}", "${{ run.id }}-x"] }';
    expect(await resolved(params, {}, { run: { id: 'R' } })).toEqual({ a: 2, b: 3, c: [3, 'R-x'] });
    expect(await resolved(params, { a: '10' }, { run: { id: 'R' } })).toEqual({ a: 10, b: 11, c: [11, 'R-x'] });
  });

  it('are checked after their default was computed', async () => {
    expect(await resolved('  a: { type: integer, default: "${{ run.id }}" }', {}, { run: { id: 'R' } })).toEqual([
      'mismatch a',
    ]);
    expect(await resolved('  a: x-${{ run.id }}', {}, {})).toEqual(['default a']);
  });

  it('suggest the name that was meant', async () => {
    const result = await resolveParams(await flow('  limit: 1'), given({ limt: '2' }), {});
    expect(result).toMatchObject({ ok: false, error: [{ kind: 'unknown', help: 'did you mean `limit`?' }] });
  });

  it('of a file are taken as they are', async () => {
    const file = readParamsFile('{"whole": 7, "text": "8"}');
    const result = await resolveParams(await flow('  whole: 5\n  text: x'), file ?? new Map(), {});
    expect(result).toEqual({ ok: true, value: { whole: 7, text: '8' } });
    const wrong = await resolveParams(await flow('  whole: 5'), readParamsFile('{"whole": "7"}') ?? new Map(), {});
    expect(wrong).toMatchObject({ ok: false, error: [{ kind: 'mismatch' }] });
    expect(readParamsFile('[1]')).toBeNull();
    expect(readParamsFile('{')).toBeNull();
  });

  it('cannot hang in a pattern', async () => {
    const params = '  a: { type: string, pattern: "^(a+)+$" }';
    expect(await resolved(params, { a: 'aaaa' })).toEqual({ a: 'aaaa' });
    expect(await resolved(params, { a: 'b' })).toEqual(['mismatch a']);
    expect(await resolved(params, { a: `${'a'.repeat(60)}!` })).toEqual(['mismatch a']);
  });
});

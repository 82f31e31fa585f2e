/** What is checked without ajv is checked as ajv does: the same schemas are right, the same values fit, the same thing is said first. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/base/json.ts';
import { compileParamSchema } from '../../src/load/param-compiler.ts';
import { isSimple, simpleMismatch } from '../../src/load/simple-schema.ts';

const number = fc
  .oneof(
    fc.integer({ min: -3, max: 6 }),
    fc.constantFrom(0.5, 2.5, 1e21, 5e-324),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  )
  // ajv writes -0 as 0.
  .map((any) => any + 0);
const text = fc.oneof(
  fc.constantFrom('', 'a', 'ab', '🎉', 'e\u0301', '\ud800', '2024-02-29', '2023-02-29', '1900-02-29', '2000-02-29'),
  fc.constantFrom('2024-13-01', '2024-00-10', '2024-04-31', '2024-4-01', ' 2024-04-01', '2024-04-01\n', '0000-01-01'),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.record({ year: fc.nat(9999), month: fc.nat(13), day: fc.nat(32) }).map(({ year, month, day }) =>
    [
      [year, 4],
      [month, 2],
      [day, 2],
    ]
      .map(([n, w]) => String(n).padStart(w ?? 0, '0'))
      .join('-'),
  ),
);
const scalar: fc.Arbitrary<Json> = fc.oneof(number, text, fc.boolean(), fc.constant(null));
const value: fc.Arbitrary<Json> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.string(), scalar, { maxKeys: 2 }),
);

const TYPES = ['string', 'integer', 'number', 'boolean', 'array', 'object', 'null'];
const oneType = fc.constantFrom('string', 'integer', 'number', 'string', 'number', ...TYPES);
const type = fc.oneof(oneType, fc.uniqueArray(oneType, { minLength: 1, maxLength: 3 }));
const count = fc.oneof(fc.nat(5), number);

const schema: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      type: type as fc.Arbitrary<Json>,
      title: fc.string() as fc.Arbitrary<Json>,
      minimum: number as fc.Arbitrary<Json>,
      maximum: number as fc.Arbitrary<Json>,
      exclusiveMinimum: number as fc.Arbitrary<Json>,
      exclusiveMaximum: number as fc.Arbitrary<Json>,
      minLength: count as fc.Arbitrary<Json>,
      maxLength: count as fc.Arbitrary<Json>,
      format: fc.constantFrom('date', 'date', 'time') as fc.Arbitrary<Json>,
      enum: fc.uniqueArray(value, { maxLength: 4, comparator: 'SameValueZero' }) as fc.Arbitrary<Json>,
      pattern: fc.constant('^a') as fc.Arbitrary<Json>,
    },
    { requiredKeys: [] },
  )
  // Records with every key at once are of no type that simple schemas have: most have one to three.
  .chain((all) => fc.subarray(Object.keys(all)).map((keys) => pick(all, keys.slice(0, 4))));

const pick = (all: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(keys.map((key) => [key, all[key] ?? null]));

const RUNS = { numRuns: 4_000 };

describe('simple schemas', () => {
  it('say the first thing that ajv says, or nothing', () => {
    let compared = 0;
    let refused = 0;
    fc.assert(
      fc.property(schema, fc.array(value, { minLength: 1, maxLength: 5 }), (given, values) => {
        fc.pre(isSimple(given));
        const validate = compileParamSchema(given);
        for (const each of values) {
          const isRight = validate(each);
          const [first] = validate.errors ?? [];
          const { instancePath, keyword, params, message } = first ?? {};
          const expected = isRight ? null : { instancePath, keyword, params, message };
          expect(simpleMismatch(given, each)).toEqual(expected);
          compared += 1;
          if (!isRight) refused += 1;
        }
      }),
      RUNS,
    );
    // What is compared is not empty, and goes both ways.
    expect(Math.min(refused, compared - refused)).toBeGreaterThan(RUNS.numRuns / 4);
  });

  it.each<[JsonObject, boolean]>([
    [{}, true],
    [{ type: 'string', title: 'a name', minLength: 1 }, true],
    [{ type: 'integer', minimum: 1, maximum: 10 }, true],
    [{ type: 'string', format: 'date' }, true],
    [{ enum: ['a', 1, null] }, true],
    [{ minimum: 1 }, false],
    [{ type: ['string', 'number'], minLength: 1 }, false],
    [{ type: 'string', minLength: -1 }, false],
    [{ type: 'string', format: 'email' }, false],
    [{ type: 'string', pattern: '^a' }, false],
    [{ enum: [] }, false],
    [{ enum: [{ a: 1 }] }, false],
    [{ type: 'array', items: { type: 'string' } }, false],
  ])('%j: %s', (given, expected) => {
    expect(isSimple(given)).toBe(expected);
  });
});

/**
 * The schemas that most params have, one scalar with a limit or a choice, checked without ajv, which takes longer to load than a whole
 * run of one step. What is found, and in which order, is what ajv finds: the two are compared in `test/load/simple-schema.test.ts`.
 */

import type { ErrorObject } from 'ajv';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';

/** What does not fit, as ajv tells it. */
export type Mismatch = Pick<ErrorObject, 'instancePath' | 'keyword' | 'params' | 'message'>;

const ANNOTATIONS: ReadonlySet<string> = new Set(['title', 'description', 'examples']);

/** A keyword: which types it speaks of, what it may say, and whether a value of such a type keeps to it. */
interface Keyword {
  readonly about: 'number' | 'string' | 'anything';
  readonly takes: (limit: Json) => boolean;
  readonly holds: (value: Json, limit: Json) => boolean;
  readonly mismatch: (limit: Json) => Omit<Mismatch, 'instancePath' | 'keyword'>;
}

const isNumber = (value: Json): value is number => typeof value === 'number';
const isLength = (value: Json): boolean => isNumber(value) && Number.isInteger(value) && value >= 0;

const limit = (comparison: string, holds: (value: number, limit: number) => boolean): Keyword => ({
  about: 'number',
  takes: isNumber,
  holds: (value, given) => holds(value as number, given as number),
  mismatch: (given) => ({ params: { comparison, limit: given }, message: `must be ${comparison} ${String(given)}` }),
});

/** Characters are counted as JSON Schema does, by code points. */
const length = (word: string, holds: (characters: number, limit: number) => boolean): Keyword => ({
  about: 'string',
  takes: isLength,
  holds: (value, given) => holds([...(value as string)].length, given as number),
  mismatch: (given) => ({
    params: { limit: given },
    message: `must NOT have ${word} than ${String(given)} characters`,
  }),
});

/** In the order in which ajv asks. */
const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  [
    'enum',
    {
      about: 'anything',
      takes: (values) => Array.isArray(values) && values.length > 0 && values.every(isScalar),
      holds: (value, values) => (values as readonly Json[]).includes(value),
      mismatch: (allowedValues) => ({
        params: { allowedValues },
        message: 'must be equal to one of the allowed values',
      }),
    },
  ],
  ['maximum', limit('<=', (value, most) => value <= most)],
  ['minimum', limit('>=', (value, least) => value >= least)],
  ['exclusiveMaximum', limit('<', (value, above) => value < above)],
  ['exclusiveMinimum', limit('>', (value, below) => value > below)],
  ['maxLength', length('more', (characters, most) => characters <= most)],
  ['minLength', length('fewer', (characters, least) => characters >= least)],
  [
    'format',
    {
      about: 'string',
      takes: (format) => format === 'date',
      holds: (value) => isDate(value as string),
      mismatch: (format) => ({ params: { format }, message: `must match format "${String(format)}"` }),
    },
  ],
]);

const isScalar = (value: Json): boolean => value === null || typeof value !== 'object';

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** A full-date of RFC 3339, section 5.6. */
function isDate(text: string): boolean {
  const [, year = 0, month = 0, day = 0] = (/^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? []).map(Number);
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day >= 1 && day <= (month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0));
}

/** The types that a schema names; none when it names no type. */
export function typesOf(schema: JsonObject): readonly string[] {
  const { type } = schema;
  if (typeof type === 'string') return [type];
  return Array.isArray(type) ? type.filter((each): each is string => typeof each === 'string') : [];
}

/**
 * True for a schema that this file can check: it is right as it is, and asks of a type only what all its values have. Of other
 * types ajv passes a limit over, before or after the type itself.
 */
export function isSimple(schema: JsonObject): boolean {
  const types = typesOf(schema);
  return Object.entries(schema).every(([key, value]) => {
    if (key === 'type' || ANNOTATIONS.has(key)) return true;
    const keyword = KEYWORDS.get(key);
    if (keyword === undefined || !keyword.takes(value)) return false;
    if (keyword.about === 'anything') return true;
    const isAbout = (type: string): boolean =>
      keyword.about === 'number' ? type === 'number' || type === 'integer' : type === 'string';
    return types.length > 0 && types.every(isAbout);
  });
}

/** Checks a value against a simple schema. @returns the first thing that does not fit, or null. */
export function simpleMismatch(schema: JsonObject, value: Json): Mismatch | null {
  const types = typesOf(schema);
  const asked = [...KEYWORDS].filter(([name]) => schema[name] !== undefined);
  // With a keyword about the only type ajv asks for the type when it comes to that keyword, behind `enum`.
  const isTypeLate = types.length === 1 && asked.some(([, { about }]) => about === types[0]);
  const isOfTypes = types.length === 0 || types.some((type) => isOfType(value, type));
  const wrongType = isOfTypes
    ? null
    : mismatchOf('type', { params: { type: schema['type'] }, message: typeMessage(types) });
  if (wrongType !== null && !isTypeLate) return wrongType;
  for (const [name, keyword] of asked) {
    if (wrongType !== null && keyword.about !== 'anything') return wrongType;
    const given = schema[name] ?? null;
    if (!keyword.holds(value, given)) return mismatchOf(name, keyword.mismatch(given));
  }
  return wrongType;
}

const typeMessage = (types: readonly string[]): string => `must be ${types.join(',')}`;

const mismatchOf = (keyword: string, told: Omit<Mismatch, 'instancePath' | 'keyword'>): Mismatch => ({
  instancePath: '',
  keyword,
  ...told,
});

function isOfType(value: Json, type: string): boolean {
  switch (type) {
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isJsonObject(value);
    case 'null':
      return value === null;
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

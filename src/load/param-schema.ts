/**
 * The schemas that a flow gives its params: JSON Schema (2020-12) without references, as `schemas/flow.schema.json` allows them.
 * Simple ones are checked by `simple-schema.ts`; ajv and its formats are loaded for all others, when one is first needed.
 */

import type { ValidateFunction } from 'ajv';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { counted, listed, quoted } from '../diagnostics/phrase.ts';
import { hasExpression, parseTemplate } from '../expressions/expressions.ts';
import type { ParamDefinition } from '../model/flow.ts';
import { toJsonValue } from './document.ts';
import type { ParamOutline } from './outline.ts';
import { isSimple, type Mismatch, simpleMismatch, typesOf } from './simple-schema.ts';

const TYPE_WORDS: ReadonlyMap<string, string> = new Map([
  ['string', 'a text'],
  ['integer', 'a whole number'],
  ['number', 'a number'],
  ['boolean', '`true` or `false`'],
  ['array', 'a list'],
  ['object', 'an object'],
  ['null', '`null`'],
]);

/** The schema of a param that is only a default: of the default's type; of any type when the default is exactly one expression. */
export function inferSchema(value: Json): JsonObject {
  if (typeof value === 'string' && hasExpression(value)) {
    const template = parseTemplate(value);
    return template.ok && template.value.kind === 'expression' ? {} : { type: 'string' };
  }
  if (typeof value === 'number') return { type: Number.isInteger(value) ? 'integer' : 'number' };
  return typeof value === 'boolean' ? { type: 'boolean' } : { type: 'string' };
}

const namesOfTypes = (types: readonly string[]): string =>
  listed(
    types.map((type) => TYPE_WORDS.get(type) ?? type),
    'or',
  );

const compiled = async (schema: JsonObject): Promise<ValidateFunction> =>
  (await import('./param-compiler.ts')).compileParamSchema(schema);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Finds what is wrong with a schema beyond its shape, as a broken pattern. @returns a sentence, or null. */
export async function findSchemaProblem(schema: JsonObject): Promise<string | null> {
  if (isSimple(schema)) return null;
  try {
    await compiled(schema);
    return null;
  } catch (error) {
    return messageOf(error).replace(/^Invalid regular expression/, 'invalid regular expression');
  }
}

function sentenceOf({ instancePath, keyword, params, message }: Mismatch): string {
  const where = instancePath === '' ? 'it' : quoted(instancePath.slice(1).replace(/\//g, '.'));
  const given = params as { readonly [name: string]: Json | undefined };
  switch (keyword) {
    case 'type': {
      const { type = null } = given;
      return `${where} has to be ${namesOfTypes(typesOf({ type }))}`;
    }
    case 'enum': {
      const values = (given['allowedValues'] ?? []) as readonly Json[];
      return `${where} has to be ${listed(
        values.map((value) => quoted(String(value))),
        'or',
      )}`;
    }
    case 'format':
      return `${where} is not a ${String(given['format'])}`;
    case 'pattern':
      return `${where} does not match ${quoted(String(given['pattern']))}`;
    case 'required':
      return `${where} has no ${quoted(String(given['missingProperty']))}`;
    case 'additionalProperties':
      return `${where} cannot have ${quoted(String(given['additionalProperty']))}`;
    default:
      return `${where} ${limitIn(keyword, given) ?? message ?? 'does not fit'}`;
  }
}

const COMPARISONS: ReadonlyMap<Json | undefined, string> = new Map([
  ['>=', 'at least'],
  ['<=', 'at most'],
  ['>', 'more than'],
  ['<', 'less than'],
]);

/** What `minItems` and its like count, by the end of the word. */
const COUNTED: ReadonlyMap<string, string> = new Map([
  ['Length', 'character'],
  ['Items', 'item'],
  ['Properties', 'member'],
]);

/** What a limit asks for, in words; null for every other keyword. */
function limitIn(keyword: string, given: { readonly [name: string]: Json | undefined }): string | null {
  const { comparison, limit, multipleOf } = given;
  const compared = COMPARISONS.get(comparison);
  if (compared !== undefined) return `has to be ${compared} ${String(limit)}`;
  if (keyword === 'multipleOf') return `has to be a multiple of ${String(multipleOf)}`;
  if (keyword === 'const') return `has to be ${quoted(JSON.stringify(given['allowedValue']))}`;
  if (keyword === 'uniqueItems') return 'has two items that are the same';
  const noun = COUNTED.get(keyword.slice(3));
  if (noun === undefined || typeof limit !== 'number') return null;
  return `has to have at ${keyword.startsWith('min') ? 'least' : 'most'} ${counted(limit, noun)}`;
}

/** Checks a value against a schema. @returns a sentence about the first thing that does not fit, or null. */
export async function findMismatch(schema: JsonObject, value: Json): Promise<string | null> {
  if (isSimple(schema)) {
    const mismatch = simpleMismatch(schema, value);
    return mismatch === null ? null : sentenceOf(mismatch);
  }
  const validate = await compiled(schema);
  try {
    if (validate(value)) return null;
  } catch (error) {
    return `its pattern cannot be tested: ${messageOf(error)}`;
  }
  const [first] = validate.errors ?? [];
  return first === undefined ? 'it does not fit' : sentenceOf(first);
}

/** One param in its normal form; a bare value is a default, from which the type is taken. */
export function paramOf({ name, node }: ParamOutline): ParamDefinition {
  const value = toJsonValue(node);
  if (!isJsonObject(value)) return { name, schema: inferSchema(value), required: false, default: value };
  const { default: fallback, ...schema } = value;
  return { name, schema, required: fallback === undefined, default: fallback ?? null };
}

/** The params of one run: what was given, defaults for the rest, each checked against its schema. */

import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { listedNames, quoted } from '../diagnostics/phrase.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { evaluateDeep, type Scope } from '../expressions/expressions.ts';
import type { FlowDefinition, ParamDefinition } from '../model/flow.ts';
import { findMismatch } from './param-schema.ts';
import { typesOf } from './simple-schema.ts';

/** A value that was given for a param. */
export type GivenParam =
  /** Text of a command line, read as the param's type says. */
  | { readonly kind: 'text'; readonly text: string }
  /** A value of a params file or a program, taken as it is. */
  | { readonly kind: 'value'; readonly value: Json };

/** Why the params of a run cannot be used. */
export interface ParamProblem {
  readonly kind: 'unknown' | 'missing' | 'unreadable' | 'mismatch' | 'default';
  readonly param: string;
  readonly message: string;
  readonly help: string | null;
}

const NOT_JSON = Symbol('not JSON');

function parseJson(text: string): Json | typeof NOT_JSON {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return NOT_JSON;
  }
}

const typeOfJson = (value: Json): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
};

function fitsType(value: Json, type: string): boolean {
  const found = typeOfJson(value);
  return found === type || (found === 'number' && type === 'integer');
}

/** The values that a schema lists in `enum` or `const`. */
function listedValues(schema: JsonObject): readonly Json[] {
  const values = schema['enum'];
  if (Array.isArray(values)) return values as readonly Json[];
  return schema['const'] === undefined ? [] : [schema['const']];
}

/**
 * Reads text as the param's type says: text for `string`, JSON for every other type. Where several types fit, or the schema only
 * lists values, JSON is tried before text. A schema that says neither takes text.
 */
function readText(text: string, param: ParamDefinition): Result<Json, ParamProblem> {
  const types = typesOf(param.schema);
  const values = listedValues(param.schema);
  const value = parseJson(text);
  if (types.length === 0) {
    const isListed = value !== NOT_JSON && typeof value !== 'string' && values.includes(value);
    return ok(isListed ? value : text);
  }
  const isJson = value !== NOT_JSON && typeof value !== 'string' && types.some((type) => fitsType(value, type));
  if (isJson) return ok(value);
  if (types.includes('string')) return ok(text);
  const isContainer = types.includes('array') || types.includes('object');
  return err({
    kind: 'unreadable',
    param: param.name,
    message: `param ${quoted(param.name)} has to be of type ${types.join(' or ')}, not ${quoted(text)}`,
    help: isContainer
      ? `write JSON, for example: -p '${param.name}=${types.includes('array') ? '["a", "b"]' : '{"a": 1}'}'`
      : null,
  });
}

function unknownParams(definition: FlowDefinition, given: ReadonlyMap<string, GivenParam>): ParamProblem[] {
  const known = definition.params.map(({ name }) => name);
  const problems: ParamProblem[] = [];
  for (const name of given.keys()) {
    if (known.includes(name)) continue;
    const suggestion = suggest(name, known);
    const list = known.length === 0 ? 'it takes none' : `the params are ${listedNames(known, 'and')}`;
    const help = suggestion === null ? list : `did you mean ${quoted(suggestion)}?`;
    problems.push({ kind: 'unknown', param: name, message: `the flow has no param ${quoted(name)}`, help });
  }
  return problems;
}

function describeParam({ schema }: ParamDefinition): string | null {
  return typeof schema['description'] === 'string' ? schema['description'] : null;
}

/** The value of one param: given, or its default evaluated with the params above it in scope. */
function paramValue(
  param: ParamDefinition,
  given: GivenParam | undefined,
  scope: Scope,
  above: JsonObject,
): Result<Json, ParamProblem> {
  if (given?.kind === 'value') return ok(given.value);
  if (given !== undefined) return readText(given.text, param);
  const { name } = param;
  if (param.required) {
    const message = `param ${quoted(name)} is missing`;
    return err({
      kind: 'missing',
      param: name,
      message,
      help: describeParam(param) ?? `give it a value: -p ${name}=...`,
    });
  }
  const value = evaluateDeep(param.default, { ...scope, params: above });
  if (value.ok) return value;
  const message = `the default of param ${quoted(name)} cannot be computed: ${value.error.message}`;
  return err({ kind: 'default', param: name, message, help: value.error.help ?? null });
}

/** The params of a flow whose own code checks them. Nothing is known of their types: what reads as JSON is taken as that. */
function uncheckedParams(given: ReadonlyMap<string, GivenParam>): JsonObject {
  const values = [...given].map(([name, param]) => {
    if (param.kind === 'value') return [name, param.value] as const;
    const value = parseJson(param.text);
    return [name, value === NOT_JSON ? param.text : value] as const;
  });
  return Object.fromEntries(values);
}

/**
 * Computes the params of a run, all problems at once. Where the flow's own code checks them, they come back as they were given.
 * @param given by name. A `Map`, so that no name can mean anything but itself.
 * @param scope what defaults may refer to besides the params above them: `run`, `env`, `flow`.
 * @returns every param of the flow with its value, in the flow's order.
 */
export async function resolveParams(
  definition: FlowDefinition,
  given: ReadonlyMap<string, GivenParam>,
  scope: Scope,
): Promise<Result<JsonObject, readonly ParamProblem[]>> {
  if (definition.script?.checks_params === true) return ok(uncheckedParams(given));
  const problems = unknownParams(definition, given);
  const values = Object.create(null) as Record<string, Json>;
  for (const param of definition.params) {
    const { name, schema } = param;
    const value = paramValue(param, given.get(name), scope, values);
    if (!value.ok) {
      // A default that needs a param with a problem of its own would only repeat it.
      if (value.error.kind !== 'default' || problems.length === 0) problems.push(value.error);
      continue;
    }
    const mismatch = await findMismatch(schema, value.value);
    if (mismatch !== null) {
      const message = `param ${quoted(name)} does not fit: ${mismatch}`;
      problems.push({ kind: 'mismatch', param: name, message, help: describeParam(param) });
    }
    values[name] = value.value;
  }
  return problems.length > 0 ? err(problems) : ok({ ...values });
}

/** Reads a params file: a JSON object. @returns null when the text is something else. */
export function readParamsFile(text: string): ReadonlyMap<string, GivenParam> | null {
  const value = parseJson(text);
  if (value === NOT_JSON || !isJsonObject(value)) return null;
  return new Map(Object.entries(value).map(([name, each]) => [name, { kind: 'value', value: each }]));
}

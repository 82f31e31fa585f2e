/** How a function of the expression language is described: typed parameters, documentation and an example beside the code. */

import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { EvaluationProblemCode } from './syntax.ts';

/** Why a call failed; the place is the caller's business. */
export interface CallProblem {
  readonly code: EvaluationProblemCode;
  readonly message: string;
  readonly help?: string;
  /** The argument that is to blame, counted from 0; absent: the call as a whole. */
  readonly argument?: number;
}

/** What a function answers. */
export type CallResult = Result<Json, CallProblem>;

/** One parameter; `T` is what the implementation is handed. */
export interface Parameter<T> {
  readonly name: string;
  /** What it takes, as a noun for people: `a number`. */
  readonly takes: string;
  readonly presence: 'required' | 'optional' | 'rest';
  readonly accepts: (value: Json) => boolean;
  /** Never set; carries the type. */
  readonly type?: T;
}

/** A function as the evaluator and the documentation see it. */
export interface FunctionDefinition {
  readonly name: string;
  readonly group: 'GitHub Actions' | 'numbers' | 'values' | 'text' | 'lists' | 'time';
  readonly parameters: readonly Parameter<unknown>[];
  readonly description: string;
  /** An expression without `${{ }}` and the value it has. */
  readonly example: { readonly expression: string; readonly result: Json };
  /** Checks the arguments, then computes. */
  readonly call: (values: readonly Json[]) => CallResult;
  /** What is wrong whatever the other arguments will be; undefined is one that is not known before the expression is evaluated. */
  readonly examine?: (known: readonly (Json | undefined)[]) => CallProblem | null;
}

type Values<P extends readonly Parameter<unknown>[]> = {
  [K in keyof P]: P[K] extends Parameter<infer T> ? T : never;
};

const required = <T>(name: string, takes: string, accepts: (value: Json) => boolean): Parameter<T> => ({
  name,
  takes,
  presence: 'required',
  accepts,
});

const isPrimitive = (value: Json): boolean => value === null || typeof value !== 'object';

/** A parameter that takes a number. */
export const number = (name: string): Parameter<number> => required(name, 'a number', (v) => typeof v === 'number');

/** A parameter that takes text. */
export const text = (name: string): Parameter<string> => required(name, 'text', (v) => typeof v === 'string');

/** A parameter that takes a list. */
export const list = (name: string): Parameter<readonly Json[]> => required(name, 'a list', Array.isArray);

/** A parameter that takes an object. */
export const object = (name: string): Parameter<JsonObject> => required(name, 'an object', isJsonObject);

/** A parameter that takes text or a list. */
export const textOrList = (name: string): Parameter<string | readonly Json[]> =>
  required(name, 'text or a list', (v) => typeof v === 'string' || Array.isArray(v));

/** A parameter that takes text, a list or an object. */
export const container = (name: string): Parameter<string | readonly Json[] | JsonObject> =>
  required(name, 'text, a list or an object', (v) => typeof v === 'string' || (typeof v === 'object' && v !== null));

/** A parameter that takes text, a number, a boolean or null. */
export const primitive = (name: string): Parameter<null | boolean | number | string> =>
  required(name, 'text, a number, a boolean or null', isPrimitive);

/** A parameter that takes a list, or what a list of one item could hold. */
export const listOrPrimitive = (name: string): Parameter<null | boolean | number | string | readonly Json[]> =>
  required(name, 'a list', (v) => isPrimitive(v) || Array.isArray(v));

/** A parameter that takes every value. */
export const anything = (name: string): Parameter<Json> => required(name, 'any value', () => true);

/** Makes a parameter one that may be left out. */
export const optional = <T>(parameter: Parameter<T>): Parameter<T | undefined> => ({
  name: parameter.name,
  takes: parameter.takes,
  accepts: parameter.accepts,
  presence: 'optional',
});

/** Makes a parameter, the last, one that may be given any number of times. */
export const rest = <T>(parameter: Parameter<T>): Parameter<readonly T[]> => ({
  name: parameter.name,
  takes: parameter.takes,
  accepts: parameter.accepts,
  presence: 'rest',
});

/** The kind of a value in words. Its content is left out: it could be a secret. */
export function nameKind(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}

function helpFor(parameter: Parameter<unknown>, value: Json): string | null {
  if (value === null)
    return 'null comes from a name that does not exist or has no value; `default(value, other)` replaces it';
  if (parameter.takes === 'a number' && typeof value === 'string') return '`number(text)` reads a number from text';
  if (parameter.takes === 'text' && typeof value !== 'string') return '`toJSON(value)` makes text of any value';
  return null;
}

function wrongType(name: string, parameter: Parameter<unknown>, value: Json, argument: number): CallProblem {
  const help = helpFor(parameter, value);
  const message = `\`${name}\` takes ${parameter.takes} as \`${parameter.name}\`, not ${nameKind(value)}`;
  return { code: 'wrong_type', message, argument, ...(help === null ? {} : { help }) };
}

/** Describes a function. The implementation gets its arguments checked, a rest parameter as one list. */
export function define<const P extends readonly Parameter<unknown>[]>(
  description: Omit<FunctionDefinition, 'call' | 'parameters'> & {
    readonly parameters: P;
    readonly compute: (...values: Values<P>) => CallResult;
  },
): FunctionDefinition {
  const { compute, ...rest } = description;
  const call = (values: readonly Json[]): CallResult => {
    const arranged: unknown[] = [];
    for (const [position, parameter] of description.parameters.entries()) {
      const given = parameter.presence === 'rest' ? values.slice(position) : values.slice(position, position + 1);
      const wrong = given.findIndex((value) => !parameter.accepts(value));
      const value = given[wrong];
      if (value !== undefined) return err(wrongType(description.name, parameter, value, position + wrong));
      arranged.push(parameter.presence === 'rest' ? given : given[0]);
    }
    return compute(...(arranged as Values<P>));
  };
  return { ...rest, call };
}

/** Answers a number, or says why there is none. Minus zero, which JSON text does not keep apart, becomes zero. */
export function finite(value: number, name: string): CallResult {
  if (Number.isFinite(value)) return ok(value + 0);
  return err({ code: 'function_failed', message: `the result of \`${name}\` is too large for a number` });
}

/** A failure of the function itself. */
export const failed = (message: string, help?: string): CallResult =>
  err({ code: 'function_failed', message, ...(help === undefined ? {} : { help }) });

/** Writes the parameters as documentation does: `(text, separator?, more...)`. */
export function signatureOf(definition: Pick<FunctionDefinition, 'name' | 'parameters'>): string {
  const marks = { required: '', optional: '?', rest: '...' } as const;
  return `${definition.name}(${definition.parameters.map(({ name, presence }) => name + marks[presence]).join(', ')})`;
}

/** How many arguments a function takes: at least and at most. */
export function arityOf(definition: FunctionDefinition): { readonly least: number; readonly most: number } {
  const { parameters } = definition;
  return {
    least: parameters.filter(({ presence }) => presence === 'required').length,
    most: parameters.some(({ presence }) => presence === 'rest') ? Number.POSITIVE_INFINITY : parameters.length,
  };
}

/** From the params of a flow, as they are written, to the types of their values. Types only: the loader checks values. */

import type { Json } from '../base/json.ts';
import type { StandardSchema } from './standard-schema.ts';

/** The words that a JSON Schema has for types. */
type TypeName = 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object' | 'null';

/** A JSON Schema (2020-12) without references, as `params` of a YAML flow takes it. */
export interface ParamSchema {
  readonly type?: TypeName | readonly TypeName[];
  readonly title?: string;
  readonly description?: string;
  /** A param with a default need not be given. Texts may hold `${{ }}` over `run`, `env`, `vars` and the params above. */
  readonly default?: Json;
  readonly examples?: readonly Json[];
  readonly enum?: readonly Json[];
  readonly const?: Json;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly items?: ParamSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly properties?: { readonly [name: string]: ParamSchema };
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | ParamSchema;
}

/** A param: a schema, or a bare value that is its default and tells its type. */
export type ParamDeclaration = ParamSchema | string | number | boolean;

/** The params of a flow: one declaration each, or one Standard Schema for all. */
export type ParamsDeclaration = { readonly [name: string]: ParamDeclaration } | StandardSchema;

type Flat<T> = { [K in keyof T]: T[K] };

type RequiredOf<S> = S extends { readonly required: readonly (infer Name)[] } ? Name : never;

type PropertiesOf<S, P> = Flat<
  { -readonly [K in keyof P as K extends RequiredOf<S> ? K : never]: FromSchema<P[K]> } & {
    -readonly [K in keyof P as K extends RequiredOf<S> ? never : K]?: FromSchema<P[K]>;
  }
>;

type ObjectOf<S> = S extends { readonly properties: infer P }
  ? PropertiesOf<S, P>
  : S extends { readonly additionalProperties: infer A extends ParamSchema }
    ? { [name: string]: FromSchema<A> }
    : { [name: string]: Json };

type OfType<T, S> = T extends 'string'
  ? string
  : T extends 'integer' | 'number'
    ? number
    : T extends 'boolean'
      ? boolean
      : T extends 'null'
        ? null
        : T extends 'array'
          ? S extends { readonly items: infer I }
            ? FromSchema<I>[]
            : Json[]
          : T extends 'object'
            ? ObjectOf<S>
            : Json;

/** The values that fit a schema, as far as types can say it. */
export type FromSchema<S> = S extends { readonly const: infer C }
  ? C
  : S extends { readonly enum: readonly (infer E)[] }
    ? E
    : S extends { readonly type: readonly (infer T)[] }
      ? OfType<T, S>
      : S extends { readonly type: infer T }
        ? OfType<T, S>
        : Json;

/** The value of a param. */
type ValueOf<D> = D extends string ? string : D extends number ? number : D extends boolean ? boolean : FromSchema<D>;

type HasDefault<D> = D extends string | number | boolean
  ? true
  : D extends { readonly default: unknown }
    ? true
    : false;

/** What a flow function gets: every param, defaults filled in. */
export type Params<P> =
  P extends StandardSchema<unknown, infer Output>
    ? Output
    : [P] extends [undefined]
      ? { [name: string]: never }
      : Flat<{ -readonly [K in keyof P]: ValueOf<P[K]> }>;

/** What a caller gives: params without a default have to be there. */
export type GivenParams<P> =
  P extends StandardSchema<infer Input, unknown>
    ? Input
    : [P] extends [undefined]
      ? { [name: string]: never }
      : Flat<
          { -readonly [K in keyof P as HasDefault<P[K]> extends true ? never : K]: ValueOf<P[K]> } & {
            -readonly [K in keyof P as HasDefault<P[K]> extends true ? K : never]?: ValueOf<P[K]>;
          }
        >;

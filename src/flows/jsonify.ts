/** What becomes of a type when a value of it is written as JSON and read again. Types only. */

import type { Json } from '../base/json.ts';

/** A type of which `JSON.stringify` makes nothing: left out in objects, null in lists. */
type Unwritten = undefined | symbol | ((...args: never) => unknown);

/** True for `any`, which would be every case at once. */
type IsAny<T> = 0 extends 1 & T ? true : false;

/** The members that are written. One that may be undefined may be missing. */
type JsonifyObject<T> = {
  [K in keyof T as K extends string | number
    ? [T[K]] extends [Unwritten]
      ? never
      : undefined extends T[K]
        ? never
        : K
    : never]: Jsonify<T[K]>;
} & {
  [K in keyof T as K extends string | number
    ? [T[K]] extends [Unwritten]
      ? never
      : undefined extends T[K]
        ? K
        : never
    : never]?: Jsonify<Exclude<T[K], undefined>>;
};

/** Written as one type, so that editors show members and not the two halves. */
type Flat<T> = { [K in keyof T]: T[K] };

/**
 * The type of a value after its way through JSON: what a caller gets of what a task returned. A `Date` becomes a string, as everything
 * becomes what its `toJSON` gives; `undefined` in a list becomes null, and nothing returned becomes null; methods are lost; maps, sets,
 * class instances without `toJSON` and big integers cannot be written, which is told when it happens, and are `never` here.
 */
export type Jsonify<T> =
  IsAny<T> extends true
    ? T
    : unknown extends T
      ? T
      : // Also what ends the recursion of types such as `Json` itself.
        [T] extends [Json]
        ? T
        : T extends string | number | boolean | null
          ? T
          : T extends { toJSON(...args: never): infer Written }
            ? Jsonify<Written>
            : T extends Unwritten
              ? null
              : T extends bigint | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | RegExp | Error
                ? never
                : T extends readonly unknown[]
                  ? { [K in keyof T]: Jsonify<T[K]> }
                  : T extends object
                    ? Flat<JsonifyObject<T>>
                    : never;

/** What a task yields: what its function returns, or resolves with, after its way through JSON. `void` becomes null. */
export type Outputs<R> = [Awaited<R>] extends [never]
  ? never
  : IsAny<Awaited<R>> extends true
    ? Awaited<R>
    : Awaited<R> extends infer Returned
      ? // biome-ignore lint/suspicious/noConfusingVoidType: what functions return that return nothing is what is asked about.
        [void] extends [Returned]
        ? Jsonify<Exclude<Returned, void>> | null
        : Jsonify<Returned>
      : never;

/** True when values of the type are what they were after their way through JSON. */
type IsJson<T> =
  IsAny<T> extends true
    ? true
    : unknown extends T
      ? true
      : [T] extends [undefined]
        ? true
        : [Exclude<T, undefined>] extends [Jsonify<Exclude<T, undefined>>]
          ? true
          : false;

/** Of a list of arguments, `unknown` when all are JSON; else a type that no function has, whose name says what is wrong. */
export type ArgumentsAreJson<A extends readonly unknown[]> = false extends {
  [K in keyof A]: IsJson<A[K]>;
}[number]
  ? { readonly 'arguments of a task have to be JSON, or the task names a serializer': never }
  : unknown;

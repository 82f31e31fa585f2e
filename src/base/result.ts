/**
 * The words every room speaks. `base` imports nothing from the project; every other room may import it.
 * Expected trouble is a `Result` value; a `Bug` is thrown and ends the program with exit code 70.
 */

/** Either a value or an error, decided by `ok`. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/** Wraps a value as success. */
export const ok = <T>(value: T): Result<T, never> => ({ ok: true, value });

/** Wraps an error as failure. */
export const err = <E>(error: E): Result<never, E> => ({ ok: false, error });

/** We are wrong, not the user: a broken invariant of flowctl itself. */
export class Bug extends Error {
  override readonly name = 'Bug';
}

/**
 * Ends an exhaustive switch: compiles only where every member of the union was handled.
 * @throws {Bug} when a value outside the union arrives at run time.
 */
export function assertNever(value: never, what: string): never {
  throw new Bug(`unhandled ${what}: ${JSON.stringify(value)}`);
}

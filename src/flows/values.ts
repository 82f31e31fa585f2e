/** Values on their way into a request and out of an outcome, and where they came from. */

import { findNotJson, type Json } from '../base/json.ts';

/** Writes values that are not JSON, and reads them again. */
export interface Serializer {
  stringify(value: unknown): string;
  parse(text: string): unknown;
}

/** A copy of a value as JSON. @param what for the message: `argument 1 of \`save\``. @throws {TypeError} with the place of what is not. */
export function asJson(what: string, value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  const problem = findNotJson(value);
  if (problem !== null) {
    const place = problem.path === '' ? '' : ` at \`${problem.path}\``;
    throw new TypeError(`${what} is not JSON${place}: ${problem.found}`);
  }
  return typeof value === 'number' ? value : (JSON.parse(JSON.stringify(value)) as Json);
}

/** The arguments of a call as JSON. Those at the end that are undefined are left out, so that default values hold. */
export function writeArguments(name: string, args: readonly unknown[], serializer: Serializer | null): readonly Json[] {
  let count = args.length;
  while (count > 0 && args[count - 1] === undefined) count -= 1;
  return args
    .slice(0, count)
    .map((argument, index) =>
      serializer === null ? asJson(`argument ${index + 1} of \`${name}\``, argument) : serializer.stringify(argument),
    );
}

/** A value as a serializer wrote it, read; without one as it is. */
export const readValue = (json: Json, serializer: Serializer | null): unknown =>
  serializer === null ? json : serializer.parse(String(json));

/** Which step a value came from. Only objects have an identity, so plain texts and numbers are of unknown origin. */
const origins = new WeakMap<object, string>();

/** Remembers that a value, and the members of a list, came out of a step. */
export function noteOrigin(value: unknown, step: string): void {
  if (typeof value !== 'object' || value === null) return;
  origins.set(value, step);
  if (!Array.isArray(value)) return;
  for (const item of value as readonly unknown[])
    if (typeof item === 'object' && item !== null) origins.set(item, step);
}

/** The steps that arguments came from, as far as it is known, each once. Objects inside are looked at two levels deep. */
export function originsOf(args: readonly unknown[]): readonly string[] {
  const found = new Set<string>();
  const look = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null) return;
    const origin = origins.get(value);
    if (origin !== undefined) found.add(origin);
    else if (depth > 0) for (const member of Object.values(value).slice(0, 100)) look(member, depth - 1);
  };
  for (const argument of args) look(argument, 2);
  return [...found];
}

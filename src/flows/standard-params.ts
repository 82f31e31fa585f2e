/** Params checked by a Standard Schema. */

import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { ParamsProblem, RegisteredFlow } from './conductor.ts';
import type { StandardIssue, StandardSchema } from './standard-schema.ts';
import { asJson } from './values.ts';

function pathOf({ path = [] }: StandardIssue): string {
  return path
    .map((part) => (typeof part === 'object' ? part.key : part))
    .map((part, index) =>
      typeof part === 'number' || /^\d+$/.test(String(part))
        ? `[${String(part)}]`
        : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
}

/**
 * Checks params. What the schema makes of them has to be JSON again, for it is what a run records and a resume gives once more.
 * @param schema null: nothing is checked.
 */
export async function checkedParams(
  schema: StandardSchema | null,
  given: JsonObject,
): ReturnType<RegisteredFlow['params']> {
  if (schema === null) return { ok: true, value: given };
  const result = await schema['~standard'].validate(given);
  if (result.issues !== undefined) {
    const problems = result.issues.map((issue): ParamsProblem => ({ path: pathOf(issue), message: issue.message }));
    return { ok: false, problems };
  }
  const refused = (message: string) => ({ ok: false, problems: [{ path: '', message }] }) as const;
  try {
    const value = asJson('what the schema makes of the params', result.value);
    return isJsonObject(value) ? { ok: true, value } : refused('what the schema makes of the params is no object');
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
}

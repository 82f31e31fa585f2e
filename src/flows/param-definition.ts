/** A param of a TypeScript flow in its normal form, as `load` makes it of a YAML flow's. */

import { isJsonObject } from '../base/json.ts';
import type { ParamDefinition } from '../model/flow.ts';
import { asJson } from './values.ts';

/** The normal form of a declaration: a schema, perhaps with a default, or a bare default. @throws {TypeError} for what is not JSON. */
export function paramDefinition(name: string, declaration: unknown): ParamDefinition {
  const value = asJson(`param \`${name}\``, declaration);
  if (!isJsonObject(value)) {
    const type = Number.isInteger(value) ? 'integer' : typeof value;
    return { name, schema: { type }, required: false, default: value };
  }
  const { default: fallback, ...schema } = value;
  return { name, schema, required: fallback === undefined, default: fallback ?? null };
}

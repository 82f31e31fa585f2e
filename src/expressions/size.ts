/** Limits on values: asked before a value is copied or written, so that a large one costs no more than the limit. */

import type { Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { MAX_RESULT_LENGTH, MAX_VALUE_DEPTH } from './syntax.ts';

/** Limits on a value; each defaults to none. `length` is that of its JSON text at least, in UTF-16 units. */
export interface ValueLimits {
  readonly depth?: number;
  readonly length?: number;
}

/** True when a value keeps within the limits. Walks with a stack of its own and stops at the first limit it meets. */
export function isWithin(value: Json, limits: ValueLimits): boolean {
  const maxDepth = limits.depth ?? Number.POSITIVE_INFINITY;
  const maxLength = limits.length ?? Number.POSITIVE_INFINITY;
  const open: { readonly node: Json; readonly depth: number }[] = [{ node: value, depth: 0 }];
  let length = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, depth } = next;
    length += typeof node === 'string' ? node.length + 2 : 1;
    if (depth > maxDepth || length > maxLength) return false;
    if (node === null || typeof node !== 'object') continue;
    if (Array.isArray(node)) {
      if (length + node.length > maxLength) return false;
      for (const item of node as readonly Json[]) open.push({ node: item, depth: depth + 1 });
      continue;
    }
    for (const [key, member] of Object.entries(node)) {
      length += key.length + 3;
      if (length > maxLength) return false;
      open.push({ node: member, depth: depth + 1 });
    }
  }
  return true;
}

/** Why a value was not written. */
export type WriteProblem = 'too_large' | 'too_deep';

/**
 * Writes a value as JSON text of at most `MAX_RESULT_LENGTH` units.
 * @param indent spaces per level; 0 writes one line.
 */
export function writeJson(value: Json, indent: number): Result<string, WriteProblem> {
  if (!isWithin(value, { length: MAX_RESULT_LENGTH })) return err('too_large');
  if (!isWithin(value, { depth: MAX_VALUE_DEPTH })) return err('too_deep');
  const text = JSON.stringify(value, null, indent);
  return text.length > MAX_RESULT_LENGTH ? err('too_large') : ok(text);
}

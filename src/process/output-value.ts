/** Which JSON values can be outputs of a step. */

import { isUnsafeKey } from '../base/ids.ts';
import { isJsonObject, type Json } from '../base/json.ts';

/** JSON that is nested deeper fails the attempt. */
const DEPTH_LIMIT = 500;

/** Finds why a parsed value cannot be taken as outputs. @returns a sentence, or null. */
export function findUntakeable(value: Json): string | null {
  const name = isJsonObject(value) ? Object.keys(value).find(isUnsafeKey) : undefined;
  if (name !== undefined) return `${JSON.stringify(name)} is no name for an output`;
  // Level by level, since a deep value would overflow a recursive walk.
  let level: Json[] = [value];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > DEPTH_LIMIT) return `nested deeper than ${DEPTH_LIMIT} levels`;
    const next: Json[] = [];
    for (const node of level) {
      if (node === null || typeof node !== 'object') continue;
      if (Object.hasOwn(node, '__proto__')) return 'the key `__proto__` is not taken';
      for (const member of Object.values(node)) next.push(member as Json);
    }
    level = next;
  }
  return null;
}

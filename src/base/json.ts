/** JSON as data: the only shape that is persisted, hashed or handed between processes. */

/** A JSON value (RFC 8259). */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** True for a JSON object: neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value with every text in it changed; names of members stay. */
export function mapTexts(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => mapTexts(item, change));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, mapTexts(member, change)]));
}

/** Why a value is not JSON, and where: `path` is written as in JavaScript, for example `rows[3].when`. */
export interface NotJson {
  readonly path: string;
  readonly found: string;
}

/**
 * Finds the first place at which a value is not JSON: a function, symbol, BigInt, undefined inside an array,
 * NaN or an infinity, a cycle, or an object with a prototype of its own that has no `toJSON`.
 * Members whose value is undefined are ignored, as `JSON.stringify` ignores them.
 * @returns the place and what stands there, or null when the value is JSON.
 */
export function findNotJson(value: unknown): NotJson | null {
  const open = new Set<object>();
  const walk = (node: unknown, path: string): NotJson | null => {
    if (node === null) return null;
    switch (typeof node) {
      case 'string':
      case 'boolean':
        return null;
      case 'number':
        return Number.isFinite(node) ? null : { path, found: String(node) };
      case 'object':
        break;
      default:
        return { path, found: typeof node };
    }
    const object = node as object;
    if (open.has(object)) return { path, found: 'a cycle' };
    if ('toJSON' in object && typeof object.toJSON === 'function') return walk(object.toJSON(), path);
    const prototype: unknown = Object.getPrototypeOf(object);
    if (!Array.isArray(object) && prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      const name = (object.constructor as { name?: string } | undefined)?.name ?? 'object';
      return { path, found: `an instance of ${name}` };
    }
    open.add(object);
    const found = Array.isArray(object) ? walkArray(object, path) : walkMembers(object, path);
    open.delete(object);
    return found;
  };
  const walkArray = (items: readonly unknown[], path: string): NotJson | null => {
    for (let index = 0; index < items.length; index += 1) {
      const found = walk(items[index], `${path}[${index}]`);
      if (found) return found;
    }
    return null;
  };
  const walkMembers = (object: object, path: string): NotJson | null => {
    for (const [key, member] of Object.entries(object)) {
      if (member === undefined) continue;
      const step = /^[A-Za-z_$][\w$]*$/.test(key) ? `${path === '' ? '' : '.'}${key}` : `[${JSON.stringify(key)}]`;
      const found = walk(member, `${path}${step}`);
      if (found) return found;
    }
    return null;
  };
  return walk(value, '');
}

/**
 * Writes JSON with the members of every object sorted by UTF-16 code units and no white space, so that equal values
 * give equal bytes (the ordering of RFC 8785; numbers and strings as ECMAScript's JSON.stringify writes them).
 */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonicalJson).join(',')}]`;
  if (isJsonObject(value)) {
    const members = Object.keys(value)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] as Json)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}

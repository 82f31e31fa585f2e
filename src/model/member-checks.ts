/** Questions about one member of a JSON object that somebody else may have written. Each takes any value and never throws. */

import { isJsonObject } from '../base/json.ts';

/** True for a value that may stand where it was found; undefined is a member that is missing. */
export type MemberCheck = (value: unknown) => boolean;

/** A text. */
export const isText: MemberCheck = (value) => typeof value === 'string';

/** True or false. */
export const isFlag: MemberCheck = (value) => typeof value === 'boolean';

/** A number; JSON has no infinities. */
export const isNumber: MemberCheck = (value) => typeof value === 'number' && Number.isFinite(value);

/** A whole number from 0 on that has no neighbour it could be taken for. */
export const isCount: MemberCheck = (value) => Number.isSafeInteger(value) && Number(value) >= 0;

/** A whole number that has no neighbour it could be taken for. */
export const isInteger: MemberCheck = (value) => Number.isSafeInteger(value);

/** A text that `Date.parse` understands. */
export const isInstant: MemberCheck = (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value));

/** A SHA-256: 64 lower-case hex digits. */
export const isHash: MemberCheck = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

/** Any JSON value; the member is there. */
export const isPresent: MemberCheck = (value) => value !== undefined;

/** A JSON object, whatever is in it. */
export const isObject: MemberCheck = isJsonObject;

/** One of these texts. */
export function isOneOf(...words: readonly string[]): MemberCheck {
  const known = new Set<unknown>(words);
  return (value) => known.has(value);
}

/** That, or null. */
export const orNull =
  (check: MemberCheck): MemberCheck =>
  (value) =>
    value === null || check(value);

/** That, or a member that is missing. */
export const orMissing =
  (check: MemberCheck): MemberCheck =>
  (value) =>
    value === undefined || check(value);

/** A list of that. */
export const isListOf =
  (check: MemberCheck): MemberCheck =>
  (value) =>
    Array.isArray(value) && value.every(check);

/** An object whose members are all that, whatever their names. */
export const isMapOf =
  (check: MemberCheck): MemberCheck =>
  (value) =>
    isJsonObject(value) && Object.values(value).every(check);

/** The checks of an object's members by name; members that are not named are not looked at. */
export type MemberChecks = { readonly [member: string]: MemberCheck };

/** The name of the first member that is not what it should be, or null. */
export function wrongMember(value: { readonly [member: string]: unknown }, checks: MemberChecks): string | null {
  for (const name in checks) {
    if (checks[name]?.(Object.hasOwn(value, name) ? value[name] : undefined) !== true) return name;
  }
  return null;
}

/** An object with these members, and maybe more. */
export const hasMembers =
  (checks: MemberChecks): MemberCheck =>
  (value) =>
    isJsonObject(value) && wrongMember(value, checks) === null;

/** One of several shapes, told apart by `kind`. */
export const isKindOf =
  (kinds: { readonly [kind: string]: MemberChecks }): MemberCheck =>
  (value) => {
    const kind = isJsonObject(value) ? value['kind'] : null;
    const checks = typeof kind === 'string' && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    return checks !== undefined && hasMembers(checks)(value);
  };

/**
 * Truth, equality and order as GitHub Actions defines them, on plain JSON.
 * Source: https://docs.github.com/actions/reference/workflows-and-actions/expressions#operators. Text is compared without regard to
 * case; values of different types are compared as numbers. One thing differs: lists and objects are equal when their JSON is, where
 * GitHub asks whether they are the same instance, which would make a result depend on whether a value was computed or read back.
 */

import { canonicalJson, type Json } from '../base/json.ts';
import { isWithin } from './size.ts';
import { MAX_VALUE_DEPTH } from './syntax.ts';

const isPrimitive = (value: Json): value is null | boolean | number | string =>
  value === null || typeof value !== 'object';

/** Upper case for comparisons. The dotless i keeps its form, as in .NET's ordinal comparison, which GitHub uses. */
export const foldCase = (text: string): string =>
  text
    .split('\u0131')
    .map((part) => part.toUpperCase())
    .join('\u0131');

/** False for null, false, 0 and the empty text; true for everything else. */
export const isTruthy = (value: Json): boolean => value !== null && value !== false && value !== 0 && value !== '';

/** The number that a primitive is compared as; NaN where it is none. */
function toNumber(value: null | boolean | number | string): number {
  return Number(value);
}

function equalContainers(left: Json, right: Json): boolean {
  if (left === right) return true;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const walkable = isWithin(left, { depth: MAX_VALUE_DEPTH }) && isWithin(right, { depth: MAX_VALUE_DEPTH });
  return walkable && canonicalJson(left) === canonicalJson(right);
}

/** The operator `==`. */
export function isEqual(left: Json, right: Json): boolean {
  if (!isPrimitive(left) || !isPrimitive(right)) {
    return !isPrimitive(left) && !isPrimitive(right) && equalContainers(left, right);
  }
  if (typeof left === 'string' && typeof right === 'string') return foldCase(left) === foldCase(right);
  return toNumber(left) === toNumber(right);
}

/** The operator `<`. Lists, objects and what is no number are in no order: always false. */
export function isLess(left: Json, right: Json): boolean {
  if (!isPrimitive(left) || !isPrimitive(right)) return false;
  if (typeof left === 'string' && typeof right === 'string') return foldCase(left) < foldCase(right);
  return toNumber(left) < toNumber(right);
}

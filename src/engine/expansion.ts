/** From a map's definition to its items: lists, combinations of a matrix, and the key of each item. */

import { itemKeyOf, type StepKey } from '../base/ids.ts';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { evaluateDeep, type Scope } from '../expressions/expressions.ts';
import type { MapDefinition } from '../model/flow.ts';
import type { Failure } from '../model/outcome.ts';

/** One child of a map. */
export interface Item {
  readonly key: StepKey;
  readonly item: Json;
}

const failure = (message: string, detail?: string): Failure => ({
  code: 'expansion',
  message,
  ...(detail === undefined ? {} : { detail }),
});

/** Every template that decides of a map's list, in one value. */
export const listTemplates = ({ over }: MapDefinition): Json =>
  over.kind === 'foreach' ? over.items : { axes: over.axes, include: over.include, exclude: over.exclude };

/**
 * The items of a map, in order.
 * @param scope what the step sees; `item` and `index` are added for `key`.
 */
export function itemsOf(map: StepKey, definition: MapDefinition, scope: Scope): Result<readonly Item[], Failure> {
  const evaluated = evaluateDeep(listTemplates(definition), scope);
  if (!evaluated.ok)
    return err(failure(`the list cannot be evaluated: ${evaluated.error.message}`, evaluated.error.help));
  const { over } = definition;
  const items =
    over.kind === 'foreach' ? listOf('foreach', evaluated.value) : combinations(evaluated.value as JsonObject);
  if (!items.ok) return items;
  return withKeys(map, definition, items.value, scope);
}

function withKeys(
  map: StepKey,
  { key: template, over }: MapDefinition,
  items: readonly Json[],
  scope: Scope,
): Result<readonly Item[], Failure> {
  if (template === null) return ok(items.map((item, index) => ({ key: itemKeyOf(map, index), item })));
  const seen = new Map<string, number>();
  const named: Item[] = [];
  for (const [index, item] of items.entries()) {
    const own = { ...scope, item, index, ...(over.kind === 'matrix' ? { matrix: item } : {}) };
    const value = evaluateDeep(template, own);
    if (!value.ok) return err(failure(`\`key\` of item ${index}: ${value.error.message}`, value.error.help));
    const name = nameOf(value.value);
    if (name === null) return err(failure(`\`key\` of item ${index} is ${brief(value.value)}`, KEY_HELP));
    const before = seen.get(name);
    if (before !== undefined) return err(failure(`items ${before} and ${index} have the same key \`${name}\``));
    seen.set(name, index);
    named.push({ key: itemKeyOf(map, name), item });
  }
  return ok(named);
}

const KEY_HELP = 'a key is a text or a number of 1 to 100 characters, without brackets, slashes and control characters';
const LONGEST_KEY = 100;

function nameOf(value: Json): string | null {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return null;
  const name = String(value);
  return name.length === 0 || name.length > LONGEST_KEY || UNFIT_FOR_KEYS.test(name) ? null : name;
}

/** Brackets and slashes, which keys are made of; control characters, also those that turn the direction of a text around. */
const UNFIT_FOR_KEYS = /[[\]/\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

function brief(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function listOf(name: string, value: Json): Result<readonly Json[], Failure> {
  if (Array.isArray(value)) return ok(value as readonly Json[]);
  // What a step yields as text is often a list that was printed.
  if (typeof value === 'string') {
    const parsed = parseList(value);
    if (parsed !== null) return ok(parsed);
  }
  return err(failure(`\`${name}\` is ${brief(value)}, which is no list`, 'a list is needed, or the JSON text of one'));
}

function parseList(text: string): readonly Json[] | null {
  try {
    const value = JSON.parse(text) as Json;
    return Array.isArray(value) ? (value as readonly Json[]) : null;
  } catch {
    return null;
  }
}

/**
 * The combinations of a matrix as GitHub Actions defines them (docs.github.com, "Running variations of jobs in a workflow"): the product
 * of the axes, the first one slowest; those that match every member of an `exclude` are left out; each `include` is added to all
 * combinations that it contradicts in no axis, and stands alone where there is none.
 */
function combinations(matrix: JsonObject): Result<readonly Json[], Failure> {
  const axes: (readonly [string, readonly Json[]])[] = [];
  for (const [name, value] of Object.entries((matrix['axes'] ?? {}) as JsonObject)) {
    const list = listOf(`matrix.${name}`, value);
    if (!list.ok) return list;
    axes.push([name, list.value]);
  }
  const size = axes.reduce((product, [, values]) => product * values.length, 1);
  if (size > MOST_COMBINATIONS)
    return err(failure(`the matrix has ${size} combinations; at most ${MOST_COMBINATIONS} are taken`));
  const excludes = objectsOf('exclude', matrix['exclude'] ?? []);
  const includes = objectsOf('include', matrix['include'] ?? []);
  if (!excludes.ok) return excludes;
  if (!includes.ok) return includes;
  const product = axes.length === 0 ? [] : productOf(axes);
  const kept = product.filter((combination) => !excludes.value.some((pattern) => matches(combination, pattern)));
  return ok(included(kept, includes.value, new Set(axes.map(([name]) => name))));
}

const MOST_COMBINATIONS = 100_000;

function productOf(axes: readonly (readonly [string, readonly Json[]])[]): readonly JsonObject[] {
  let product: readonly JsonObject[] = [{}];
  for (const [name, values] of axes) {
    product = product.flatMap((combination) => values.map((value) => ({ ...combination, [name]: value })));
  }
  return product;
}

function included(
  combinations: readonly JsonObject[],
  includes: readonly JsonObject[],
  axes: ReadonlySet<string>,
): readonly JsonObject[] {
  const extended: JsonObject[] = [...combinations];
  const alone: JsonObject[] = [];
  for (const include of includes) {
    let found = false;
    combinations.forEach((original, index) => {
      const fits = Object.entries(include).every(
        ([name, value]) => !axes.has(name) || same(original[name] ?? null, value),
      );
      if (!fits) return;
      found = true;
      extended[index] = { ...extended[index], ...include };
    });
    if (!found) alone.push(include);
  }
  return [...extended, ...alone];
}

const matches = (combination: JsonObject, pattern: JsonObject): boolean =>
  Object.entries(pattern).every(
    ([name, value]) => Object.hasOwn(combination, name) && same(combination[name] ?? null, value),
  );

const same = (one: Json, other: Json): boolean => JSON.stringify(one) === JSON.stringify(other);

function objectsOf(name: string, value: Json): Result<readonly JsonObject[], Failure> {
  const list = listOf(`matrix.${name}`, value);
  if (!list.ok) return list;
  const odd = list.value.find((entry) => !isJsonObject(entry));
  if (odd !== undefined)
    return err(failure(`\`matrix.${name}\` holds ${brief(odd)}, which is no map of names and values`));
  return ok(list.value as readonly JsonObject[]);
}

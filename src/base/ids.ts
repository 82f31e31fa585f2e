/** Branded identifiers. They are minted or parsed here only, so that one kind of string cannot stand for another. */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A run's id: a ULID in lower case, so it sorts by the time of creation and begins with a digit. */
export type RunId = Branded<'RunId'>;
/** A step's name in its flow. */
export type StepId = Branded<'StepId'>;
/** A step's place in a run: `load`, `load[3]` or `load[eu]` for an item, `report/extract` inside a group. */
export type StepKey = Branded<'StepKey'>;
/** The SHA-256 of some content, 64 lower-case hex digits. */
export type ContentHash = Branded<'ContentHash'>;

const ANY_ID = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/;
const RUN_ID = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;
const STEP_ID = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;
const FLOW_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const UNSAFE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'prototype', 'constructor']);

/** True for the object keys that could reach a prototype; refused wherever a user may choose a key. */
export const isUnsafeKey = (key: string): boolean => UNSAFE_KEYS.has(key);

/** True for a text that may name something of ours: `[A-Za-z0-9_][A-Za-z0-9_-]{0,63}`. Everything else is no id, and no path. */
export const isPlainId = (text: string): boolean => ANY_ID.test(text);

/** Reads a complete run id, in either case; null when the text is none. */
export function parseRunId(text: string): RunId | null {
  const id = text.toLowerCase();
  return RUN_ID.test(id) ? (id as RunId) : null;
}

/** Reads what may be the beginning of a run id; null when no run id can begin so. */
export function parseRunIdPrefix(text: string): string | null {
  const prefix = text.toLowerCase();
  return ANY_ID.test(text) && RUN_ID.test(prefix + '0'.repeat(Math.max(0, 26 - prefix.length))) ? prefix : null;
}

/** Reads a step name: `[A-Za-z_][A-Za-z0-9_-]{0,63}`, and none that could reach a prototype. */
export function parseStepId(text: string): StepId | null {
  return STEP_ID.test(text) && !isUnsafeKey(text) ? (text as StepId) : null;
}

/** Reads a flow or deployment name: `[A-Za-z0-9][A-Za-z0-9_.-]{0,99}` without `..`. */
export function isFlowName(text: string): boolean {
  return FLOW_NAME.test(text) && !text.includes('..');
}

/** The name of a handler among those of its flow or step: `on_failure[0]`. */
export const handlerId = (phase: string, position: number): StepId => `${phase}[${position}]` as StepId;

/** The place of a plain step, outside any map or group: its name. */
export const stepKeyOf = (id: StepId): StepKey => id as string as StepKey;

/** The places of plain steps: the same list, since there may be a hundred thousand of them. */
export const stepKeysOf = (ids: readonly StepId[]): readonly StepKey[] =>
  ids as readonly string[] as readonly StepKey[];

/** Takes a step key from a record that flowctl itself wrote. */
export const recordedStepKey = (text: string): StepKey => text as StepKey;

/** Takes a hash from the function that computed it. */
export const contentHash = (hex: string): ContentHash => hex as ContentHash;

/** The place of a group's member: `report/extract`. */
export const memberKeyOf = (group: StepKey, member: StepId): StepKey => `${group}/${member}` as StepKey;

/** The place of a map's item: `load[3]`, `load[eu]`. @param name the item's key, or its index. */
export const itemKeyOf = (map: StepKey, name: string | number): StepKey => `${map}[${name}]` as StepKey;

/** The place of a handler: `on_failure[0]`, or `load/on_failure[0]` for one of a step. */
export const handlerKeyOf = (owner: StepKey | null, phase: string, index: number): StepKey =>
  `${owner === null ? '' : `${owner}/`}${phase}[${index}]` as StepKey;

/**
 * True for what belongs to something that is named here, at any depth: `report/extract` and `load[3]` to `report` and `load`. Takes time in
 * the length of the key, however many names there are.
 */
export function isWithin(names: ReadonlySet<string>, key: string): boolean {
  for (let end = key.length - 1; end > 0; end -= 1) {
    const isBorder = key[end] === '/' || key[end] === '[';
    if (isBorder && names.has(key.slice(0, end))) return true;
  }
  return false;
}

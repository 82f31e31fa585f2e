/**
 * Values that are kept across runs: `vars.json`, changed under the kernel lock `vars.lock`. No cache: nothing else knows them. A run is
 * given those of its beginning, which its journal keeps, so that a change is seen by the runs that begin after it.
 */

import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import { underLock } from './document-lock.ts';
import { readText, writeDurably } from './durable-files.ts';
import type { StateLayout } from './layout.ts';
import { guarded, StateError, type StateProblem } from './problem.ts';

/** How long all values may be together, as JSON: the record of every run holds all of them. */
export const MOST_CHARACTERS = 100_000;

const FORMAT = 'flowctl-vars-1';

/** Where they lie. */
export const varsPath = (state: StateLayout): string => join(state.root, 'vars.json');

/** What may be the name of a value: as of steps, so that it can stand behind a dot. */
export const isVarName = (name: string): boolean =>
  /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(name) && !['__proto__', 'prototype', 'constructor'].includes(name);

/** Reads all values, by name. A project that keeps none has an empty object. `damaged` (65): the file is no such document. */
export function readVars(state: StateLayout): Promise<Result<JsonObject, StateProblem>> {
  return guarded(varsPath(state), () => read(varsPath(state)));
}

/**
 * Changes the values under their lock.
 * @param change what they become; the same object: nothing is written.
 * @returns the values as they are afterwards.
 */
export function changeVars(
  state: StateLayout,
  change: (vars: JsonObject) => JsonObject,
): Promise<Result<JsonObject, StateProblem>> {
  const path = varsPath(state);
  return guarded(path, () =>
    underLock(join(state.root, 'vars.lock'), async () => {
      const before = await read(path);
      const after = change(before);
      if (after !== before) await writeDurably(path, `${JSON.stringify({ format: FORMAT, vars: after })}\n`);
      return after;
    }),
  );
}

async function read(path: string): Promise<JsonObject> {
  // Most projects keep none, and every run asks.
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return {};
  const damaged = (message: string): StateError =>
    new StateError({ kind: 'damaged', file: path, offset: null, message });
  const text = await readText(path);
  let document: Json;
  try {
    document = JSON.parse(text) as Json;
  } catch {
    throw damaged(text === '' ? 'is empty' : 'is no JSON');
  }
  const vars = isJsonObject(document) && document['format'] === FORMAT ? document['vars'] : null;
  if (!isJsonObject(vars) || !Object.keys(vars).every(isVarName))
    throw damaged('is not the document that belongs here');
  return vars;
}

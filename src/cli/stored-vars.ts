/** Values that are kept across runs, for the commands that start or judge flows. */

import type { JsonObject } from '../base/json.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { stateLayout } from '../store/layout.ts';
import { unwrap } from '../store/problem.ts';
import { readVars } from '../store/vars.ts';

/** Those of a state directory, which need not exist. @throws {StateError} when they cannot be read. */
export const storedVars = async (stateDirectory: string): Promise<JsonObject> =>
  unwrap(await readVars(stateLayout(stateDirectory)));

/** A flow whose expressions see them, above those of the project's config. */
export const withVars = <T extends Pick<FlowDefinition, 'vars'>>(definition: T, stored: JsonObject): T =>
  Object.keys(stored).length === 0 ? definition : { ...definition, vars: { ...definition.vars, ...stored } };

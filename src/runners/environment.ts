/** The environment of a step: what flowctl inherited, what the step declares, and the names that are flowctl's own. */

import type { AttemptRequest } from '../engine/ports.ts';
import { TOKEN_VARIABLE, tokenOf } from '../process/token.ts';
import type { AttemptPlaces } from './runner.ts';

/** An environment as it was inherited; undefined members do not exist. */
export type InheritedEnvironment = { readonly [name: string]: string | undefined };

/** Of an outer run's step when flowctl itself runs inside one; they would be mistaken for this attempt's. */
const OUTER_ONLY = /^FLOWCTL_(?:ITEM$|RESOURCE_)/;

/** The variable that names the units of a resource: `gpu-a` is `FLOWCTL_RESOURCE_GPU_A`. */
export const resourceVariable = (resource: string): string =>
  `FLOWCTL_RESOURCE_${resource.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_')}`;
const NOTHING: ReadonlySet<string> = new Set();

/**
 * Puts the environment of an attempt together: the inherited one, over it the step's `env`, over both the variables that
 * flowctl sets for every command step, so that a step can neither hide from a sweep nor mislead its children.
 * @param withheld variables that are not inherited. Default: none.
 */
export function environmentOf(
  inherited: InheritedEnvironment,
  request: AttemptRequest,
  places: AttemptPlaces,
  withheld: ReadonlySet<string> = NOTHING,
): { readonly [name: string]: string } {
  const own: { readonly [name: string]: string } = {
    FLOWCTL_RUN_ID: request.run,
    FLOWCTL_RUN_DIR: places.runDirectory,
    FLOWCTL_FLOW: request.flow,
    FLOWCTL_STEP: request.step,
    FLOWCTL_ATTEMPT: String(request.attempt),
    FLOWCTL_IDEMPOTENCY_KEY: request.idempotency_key,
    FLOWCTL_OUTPUT: places.output,
    FLOWCTL_ARTIFACTS: places.artifacts,
    [TOKEN_VARIABLE]: tokenOf(inherited[TOKEN_VARIABLE] ?? '', request.run, request.step, request.attempt),
  };
  const given: { [name: string]: string } = {};
  if (request.item !== undefined) given['FLOWCTL_ITEM'] = JSON.stringify(request.item);
  for (const [resource, units] of Object.entries(request.units)) given[resourceVariable(resource)] = units.join(',');
  // No prototype: a variable may bear any name.
  const environment: { [name: string]: string } = Object.create(null);
  for (const layer of [inherited, request.env, request.values, given, own]) {
    for (const name in layer) {
      const value = layer[name];
      const isTaken = layer !== inherited || !(OUTER_ONLY.test(name) || withheld.has(name));
      if (value !== undefined && isTaken) environment[name] = value;
    }
  }
  return environment;
}

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

/** The environment of an attempt in two layers: what it has in common with others, the same object every time, and over it its own. */
export interface LayeredEnvironment {
  readonly shared: { readonly [name: string]: string };
  readonly own: { readonly [name: string]: string };
}

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
  const { shared, own } = layersOf(inherited, request, places, withheld);
  // No prototype: a variable may bear any name.
  return Object.assign(Object.create(null), shared, own);
}

/** The same as `environmentOf`, in layers: going through all that was inherited costs as much as a quick function. */
export function layersOf(
  inherited: InheritedEnvironment,
  request: AttemptRequest,
  places: AttemptPlaces,
  withheld: ReadonlySet<string> = NOTHING,
): LayeredEnvironment {
  const own: { [name: string]: string } = {
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
  if (request.item !== undefined) own['FLOWCTL_ITEM'] = JSON.stringify(request.item);
  for (const resource in request.units) own[resourceVariable(resource)] = (request.units[resource] ?? []).join(',');
  return { shared: heritageOf(inherited, withheld), own: hasMembers(request) ? declared(request, own) : own };
}

const hasMembers = ({ env, values }: AttemptRequest): boolean => {
  for (const _ in env) return true;
  for (const _ in values) return true;
  return false;
};

/** What a step declares, below what is flowctl's own. */
function declared({ env, values }: AttemptRequest, own: LayeredEnvironment['own']): LayeredEnvironment['own'] {
  // No prototype: a variable may bear any name.
  return Object.assign(Object.create(null), env, values, own);
}

const heritages = new WeakMap<InheritedEnvironment, WeakMap<ReadonlySet<string>, LayeredEnvironment['shared']>>();

/**
 * What an attempt inherits; the same object for the same arguments.
 * @param withheld as in `environmentOf`. Default: none.
 */
export function heritageOf(
  inherited: InheritedEnvironment,
  withheld: ReadonlySet<string> = NOTHING,
): LayeredEnvironment['shared'] {
  const known = heritages.get(inherited) ?? new WeakMap<ReadonlySet<string>, LayeredEnvironment['shared']>();
  heritages.set(inherited, known);
  const made = known.get(withheld);
  if (made !== undefined) return made;
  const heritage: { [name: string]: string } = Object.create(null);
  for (const name in inherited) {
    const value = inherited[name];
    if (value !== undefined && !OUTER_ONLY.test(name) && !withheld.has(name)) heritage[name] = value;
  }
  known.set(withheld, heritage);
  return heritage;
}

/**
 * What a group says for its members: `env` and `workdir`, as each of them takes it over. The texts are written for the place of the
 * group; where a member is a map itself, or in one, `item` and its like would mean something else there, so they are led back.
 */

import { withPrefix } from '../expressions/expressions.ts';
import { textOf } from './document.ts';
import { MAP_NAMES } from './map-references.ts';
import { envOf, type Node } from './node-values.ts';
import { defaultValue, type FlowOutline, isMapped, type StepOutline, stepValue } from './outline.ts';

/** A group around a step, and what stands before names of maps in texts that the step takes over from it. */
interface Surrounding {
  readonly group: StepOutline;
  readonly prefix: string;
}

/** The groups around a step, the nearest first. */
function surroundings(step: StepOutline): readonly Surrounding[] {
  const found: Surrounding[] = [];
  let prefix = '';
  for (let at = step; at.group !== null; at = at.group) {
    if (isMapped(at)) prefix += 'outer.';
    found.push({ group: at.group, prefix });
  }
  return found;
}

/** A text of a group as it is written at the place of a member. */
const led = (text: string, prefix: string): string => (prefix === '' ? text : withPrefix(text, MAP_NAMES, prefix));

/** The environment of a step: what is shared, that of the groups around it, its own. */
export function mergedEnv(step: StepOutline, shared: readonly Node[]): { readonly [name: string]: string } {
  const env = new Map(Object.entries(envOf(...shared)));
  for (const { group, prefix } of surroundings(step).toReversed())
    for (const [name, text] of Object.entries(envOf(stepValue(group, 'env')))) env.set(name, led(text, prefix));
  for (const [name, text] of Object.entries(envOf(stepValue(step, 'env')))) env.set(name, text);
  return Object.fromEntries(env);
}

/** The working directory of a step: its own, that of the nearest group, that of `defaults`. */
export function mergedWorkdir(step: StepOutline, flow: FlowOutline): string | null {
  const own = textOf(stepValue(step, 'workdir'));
  if (own !== undefined) return own;
  for (const { group, prefix } of surroundings(step)) {
    const text = textOf(stepValue(group, 'workdir'));
    if (text !== undefined) return led(text, prefix);
  }
  return textOf(defaultValue(flow, 'workdir')) ?? null;
}

/** Which automations do something about what happened, and how often they may. Pure. */

import { matchesPath, parseGlob } from '../base/glob-pattern.ts';
import type { AutomationDefinition, RunSelection } from '../model/automation.ts';
import type { Happening } from './happenings.ts';

/** An automation that is to do something. */
export interface Firing {
  readonly automation: AutomationDefinition;
  readonly happening: Happening;
}

/** What is to be done, and what would be too often. */
export interface Firings {
  readonly firings: readonly Firing[];
  readonly withheld: readonly Firing[];
  readonly fired: { readonly [automation: string]: readonly number[] };
}

const MINUTE_MS = 60_000;

/** True for a name that a glob fits. */
function fits(pattern: string | null, name: string | null): boolean {
  if (pattern === null) return true;
  if (name === null) return false;
  const globs = parseGlob(pattern);
  return globs.ok && globs.value.some((glob) => matchesPath(glob, name) !== glob.negated);
}

const isOf = ({ flow, deployment, tag }: RunSelection, happening: Happening): boolean =>
  fits(flow, happening.flow) &&
  fits(deployment, happening.deployment) &&
  (tag === null || happening.tags.some((each) => fits(tag, each)));

/** True when an automation is about this. */
export function isAbout({ active, when }: AutomationDefinition, happening: Happening): boolean {
  if (!active || when.kind !== happening.kind) return false;
  switch (when.kind) {
    case 'ended':
      return when.states.some((state) => state === happening.state) && isOf(when.runs, happening);
    case 'lasts':
      return (happening.lastedMs ?? 0) >= when.longer_than_ms && isOf(when.runs, happening);
    case 'due':
      return when.outcomes.some((each) => each === happening.state) && fits(when.deployment, happening.deployment);
  }
}

/**
 * Chooses.
 * @param isDone whether an automation has reacted to something already.
 * @param before when automations did something, see `AutomationMemory`. @param now milliseconds since the epoch.
 */
export function chooseFirings(
  automations: readonly AutomationDefinition[],
  happenings: readonly Happening[],
  isDone: (firing: Firing) => boolean,
  before: Firings['fired'],
  now: number,
): Firings {
  const recent = new Map<string, number[]>();
  for (const { name } of automations) {
    // A clock that was set back must not silence anybody.
    const times = (before[name] ?? []).filter((at) => at <= now && now - at < MINUTE_MS);
    if (times.length > 0) recent.set(name, times);
  }
  const firings: Firing[] = [];
  const withheld: Firing[] = [];
  for (const happening of happenings) {
    for (const automation of automations) {
      const firing = { automation, happening };
      if (!isAbout(automation, happening) || isDone(firing)) continue;
      const times = recent.get(automation.name) ?? [];
      if (times.length >= automation.at_most) withheld.push(firing);
      else {
        firings.push(firing);
        recent.set(automation.name, [...times, now]);
      }
    }
  }
  return { firings, withheld, fired: Object.fromEntries(recent) };
}

/** Why a result does not stand for running a step, in words: what is other than it was at the step's last success. */

import type { Parts, SourceHash } from './fingerprint.ts';

/** Most names in one sentence. */
const NAMES = 3;

/** What a step depended on at its last success, and what it depends on now. */
export interface Compared {
  readonly parts: Parts;
  readonly sources: readonly SourceHash[];
}

/** @returns a sentence such as `sources changed: a.c (edited); env CC changed`, or null when nothing did. */
export function describeChanges(before: Compared, now: Compared): string | null {
  const sentences = [...changedSources(before.sources, now.sources), ...changedParts(before.parts, now.parts)];
  return sentences.length === 0 ? null : sentences.join('; ');
}

function changedSources(before: readonly SourceHash[], now: readonly SourceHash[]): readonly string[] {
  const old = new Map(before);
  const current = new Map(now);
  const changes = [
    ...now.flatMap(([path, hash]) => {
      const known = old.get(path);
      if (known === hash) return [];
      return [`${path} (${known === undefined ? 'added' : 'edited'})`];
    }),
    ...before.flatMap(([path]) => (current.has(path) ? [] : [`${path} (removed)`])),
  ];
  return changes.length === 0 ? [] : [`sources changed: ${listed(changes)}`];
}

function changedParts(before: Parts, now: Parts): readonly string[] {
  const verbs: { readonly verb: string; readonly of: (words: string) => boolean }[] = [
    { verb: 'changed', of: (words) => words in before && words in now && before[words] !== now[words] },
    { verb: 'was added', of: (words) => !(words in before) },
    { verb: 'was removed', of: (words) => !(words in now) },
  ];
  const all = [...new Set([...Object.keys(now), ...Object.keys(before)])];
  return verbs.flatMap(({ verb, of }) => {
    const names = all.filter(of);
    if (names.length === 0) return [];
    return [`${listed(names)} ${names.length === 1 ? verb : verb.replace('was', 'were')}`];
  });
}

/** `a, b, c and 2 more`. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMES).join(', ');
  return names.length > NAMES ? `${shown} and ${names.length - NAMES} more` : shown;
}

/** Did you mean: the nearest of some known words, where `-`, `_` and case do not count. */

import { nearestWord } from '../base/suggestion.ts';

const folded = (word: string): string => word.toLowerCase().replace(/[-_ ]/g, '');

/**
 * Finds the word that was probably meant: equal but for case, `-` and `_`, else the nearest by single-letter edits
 * (see `nearestWord`).
 * @returns the first of equally near candidates; null when nothing is near. Never the written word itself.
 */
export function suggest(written: string, candidates: Iterable<string>): string | null {
  const wanted = folded(written);
  const others = [...candidates].filter((candidate) => candidate !== written);
  return others.find((candidate) => folded(candidate) === wanted) ?? nearestWord(written, others);
}

/** Did you mean: the nearest of some known words. */

const LONGEST_WORD = 64;

/**
 * The number of single-letter edits (insert, delete, replace, swap of neighbours) between two words: the restricted
 * Damerau-Levenshtein distance ("optimal string alignment"; Damerau 1964, Levenshtein 1966).
 * @param limit distances above it are not told apart.
 * @returns the distance, or `limit + 1` when it is above `limit`.
 */
export function editDistance(left: string, right: string, limit: number): number {
  const beyond = limit + 1;
  if (Math.abs(left.length - right.length) > limit) return beyond;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    let best = row;
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        (previous[column] ?? beyond) + 1,
        (current[column - 1] ?? beyond) + 1,
        (previous[column - 1] ?? beyond) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, (beforePrevious[column - 2] ?? beyond) + 1);
      current.push(cost);
      best = Math.min(best, cost);
    }
    if (best > limit) return beyond;
    beforePrevious = previous;
    previous = current;
  }
  return Math.min(previous[right.length] ?? beyond, beyond);
}

const folded = (word: string): string => word.toLowerCase().replace(/[-_ ]/g, '');

/**
 * Finds the word that was probably meant: equal but for case, `-` and `_`, or within a third of the written word's length
 * (at least one, at most three) single-letter edits.
 * @returns the nearest candidate, the first of equally near ones; null when nothing is near, or the word is above 64 letters.
 */
export function suggest(written: string, candidates: Iterable<string>): string | null {
  if (written.length === 0 || written.length > LONGEST_WORD) return null;
  const limit = Math.min(3, Math.max(1, Math.floor(written.length / 3)));
  const wanted = folded(written);
  let nearest: string | null = null;
  let nearestDistance = limit + 1;
  for (const candidate of candidates) {
    if (candidate === written || candidate.length > LONGEST_WORD) continue;
    const plain = folded(candidate);
    const distance = plain === wanted ? 0 : editDistance(wanted, plain, Math.min(limit, nearestDistance - 1));
    if (distance < nearestDistance) {
      nearest = candidate;
      nearestDistance = distance;
    }
  }
  return nearest;
}

/** The word that was probably meant, for every `did you mean` of the program. */

/**
 * Counts the edits between two words: insertions, deletions, replacements and swaps of neighbours
 * (optimal string alignment, the restricted form of Damerau-Levenshtein).
 */
function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let best = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) best = Math.min(best, (beforePrevious[column - 2] ?? 0) + 1);
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[right.length] ?? 0;
}

/**
 * Finds the candidate nearest to a word, ignoring case.
 * @returns the first of the nearest, or null when none is within a third of the word's length (at least one edit).
 */
export function nearestWord(word: string, candidates: Iterable<string>): string | null {
  // Hostile words may be long; nobody misspells a word by more than it has letters.
  if (word.length > 100) return null;
  const wanted = word.toLowerCase();
  let limit = Math.max(1, Math.floor(word.length / 3));
  let nearest: string | null = null;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > limit) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < limit || (distance === limit && nearest === null)) {
      limit = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

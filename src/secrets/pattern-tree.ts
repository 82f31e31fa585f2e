/**
 * Many byte patterns looked for at once: the tree of Aho and Corasick ("Efficient string matching", CACM 18, 1975). A node is the longest
 * beginning of any pattern with which the bytes read so far end. It is kept in flat arrays, children as linked lists: the patterns of one
 * secret are a few long chains, for which a row of 256 per node would be a thousand times too much.
 */

/** The tree, ready to be walked. Node 0 is its root: nothing that was read can be the beginning of a pattern. */
export interface PatternTree {
  /** Whether line breaks inside an occurrence do not matter: encoders break what they print into lines. */
  readonly passesBreaks: boolean;
  /** The node below the root by byte, 0 for none. */
  readonly roots: Int32Array;
  /** True (1) where some pattern begins with these two bytes, the first one being the higher half of the index. */
  readonly beginnings: Uint8Array;
  /**
   * The same for any two neighbours among the first four bytes of a pattern. Where the third and the fourth byte ahead are no such two, no
   * pattern begins at any of the next three, so that most of most texts is stepped over (as in Wu and Manber, "A fast algorithm for
   * multi-pattern searching", 1994).
   */
  readonly near: Uint8Array;
  readonly firstChild: Int32Array;
  readonly sibling: Int32Array;
  readonly byteOf: Uint8Array;
  /** Where the walk goes on when no child fits: the longest proper ending of the node that begins a pattern. */
  readonly fallback: Int32Array;
  /** How many bytes a node stands for. */
  readonly depth: Int32Array;
  /** The length of the longest pattern that ends at a node, 0 for none. */
  readonly ending: Int32Array;
}

const BREAKS = [0x0a, 0x0d] as const;

/** What a line is broken with. */
export const isBreak = (byte: number | undefined): boolean => byte === BREAKS[0] || byte === BREAKS[1];

/** How many bytes ahead are looked at; shorter patterns are found all the same, one byte at a time. */
const AHEAD = 4;

/**
 * Plants the tree.
 * @param patterns at least two bytes each.
 */
export function plantTree(patterns: readonly Uint8Array[], passesBreaks: boolean): PatternTree {
  const most = patterns.reduce((sum, { length }) => sum + length, 1);
  const firstChild = new Int32Array(most);
  const sibling = new Int32Array(most);
  const byteOf = new Uint8Array(most);
  const depth = new Int32Array(most);
  const ending = new Int32Array(most);
  const fallback = new Int32Array(most);
  const roots = new Int32Array(256);
  const beginnings = new Uint8Array(65_536);

  const childOf = (node: number, byte: number): number => {
    let child = node === 0 ? at(roots, byte) : at(firstChild, node);
    if (node !== 0) while (child !== 0 && byteOf[child] !== byte) child = at(sibling, child);
    return child;
  };

  let count = 1;
  for (const pattern of patterns) {
    let node = 0;
    for (const byte of pattern) {
      let child = childOf(node, byte);
      if (child === 0) {
        child = count;
        count += 1;
        byteOf[child] = byte;
        depth[child] = at(depth, node) + 1;
        if (node === 0) roots[byte] = child;
        sibling[child] = at(firstChild, node);
        firstChild[node] = child;
      }
      node = child;
    }
    ending[node] = pattern.length;
    beginnings[pairAt(pattern, 0)] = 1;
  }

  // Level by level, so that what a node falls back to, which is shorter, is known before it.
  const queue = new Int32Array(count);
  let queued = 1;
  for (let next = 0; next < queued; next += 1) {
    const node = at(queue, next);
    for (let child = at(firstChild, node); child !== 0; child = at(sibling, child)) {
      queue[queued] = child;
      queued += 1;
      if (node === 0) continue;
      const byte = byteOf[child] ?? 0;
      let from = at(fallback, node);
      let target = childOf(from, byte);
      while (target === 0 && from !== 0) {
        from = at(fallback, from);
        target = childOf(from, byte);
      }
      fallback[child] = target;
      if (ending[child] === 0) ending[child] = at(ending, target);
    }
  }
  const near = nearPairs(patterns, passesBreaks);
  return { passesBreaks, roots, beginnings, near, firstChild, sibling, byteOf, fallback, depth, ending };
}

const pairAt = (bytes: Uint8Array, index: number): number => ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);

function nearPairs(patterns: readonly Uint8Array[], passesBreaks: boolean): Uint8Array {
  const near = new Uint8Array(65_536);
  if (patterns.some(({ length }) => length < AHEAD)) return near.fill(1);
  for (const pattern of patterns) for (let index = 0; index < AHEAD - 1; index += 1) near[pairAt(pattern, index)] = 1;
  for (const byte of passesBreaks ? BREAKS : []) {
    near.fill(1, byte << 8, (byte + 1) << 8);
    for (let other = 0; other < near.length; other += 256) near[other | byte] = 1;
  }
  return near;
}

/** Indices are always within: the compiler cannot know it. */
const at = (array: Int32Array, index: number): number => array[index] ?? 0;

/** Random numbers that can be had again: every draw follows from the seed. */

/** Numbers from 0 up to, not including, 1. */
export type Draw = () => number;

/** Mulberry32, a small generator of 32 bits (public domain, by Tommy Ettinger). */
export function seeded(seed: number): Draw {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A whole number from the first to the last, both included. */
export const between = (draw: Draw, first: number, last: number): number =>
  first + Math.floor(draw() * (last - first + 1));

/** One of them. @throws when there is none. */
export function oneOf<T>(draw: Draw, choices: readonly T[]): T {
  const chosen = choices[Math.floor(draw() * choices.length)];
  if (chosen === undefined) throw new RangeError('nothing to draw from');
  return chosen;
}

/** True in this share of all draws. */
export const chance = (draw: Draw, share: number): boolean => draw() < share;

/** How a cost grows over the sizes of a ladder. */

import type { Growth } from './area.ts';
import { exponent } from './protocol.ts';

/** The points of a ladder as a figure. */
export function growth(
  area: string,
  name: string,
  unit: string,
  points: readonly (readonly [size: number, value: number])[],
): Growth {
  return { area, name, unit, points, exponent: exponent(points), topExponent: exponent(points.slice(-2)) };
}

/** What one more step costs between the two largest sizes. */
export function perStep(points: readonly (readonly [size: number, value: number])[]): number {
  const [[fewer, less] = [0, 0], [more, most] = [1, 0]] = points.slice(-2);
  return (most - less) / (more - fewer);
}

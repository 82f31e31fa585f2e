/** What an area of the bench gets and gives. */

import type { Absence, Row } from './protocol.ts';

/** What there is to measure with. */
export interface BenchContext {
  /** Path of the built program. */
  readonly flowctl: string;
  /** Path of the compiled reference that starts shells; null where there is no C compiler. */
  readonly spawn: string | null;
  /** Larger sizes and more rounds. */
  readonly full: boolean;
}

/** A ladder's figure: how the cost grows. */
export interface Growth {
  readonly area: string;
  readonly name: string;
  /** Fitted over all sizes, and over the two largest. 1 is linear. */
  readonly exponent: number;
  readonly topExponent: number;
  readonly points: readonly (readonly [size: number, value: number])[];
  readonly unit: string;
  readonly note?: string;
}

/** Everything an area can report. */
export type Figure = Row | Absence | Growth;

/** One area. */
export interface Area {
  readonly name: string;
  /** True: it runs only when it is named. */
  readonly onRequest?: boolean;
  run(context: BenchContext): Promise<readonly Figure[]>;
}

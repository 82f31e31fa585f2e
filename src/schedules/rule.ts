/**
 * Schedules: from a definition to the instants it names. `cron`, `interval`, `recurrence` and `moment` are the four ways of naming them,
 * `zone` knows clocks; `occurrences` joins them. This room computes: it knows no runs, no files and not what time it is.
 */

import type { Result } from '../base/result.ts';
import type { Zone } from './zone.ts';

/** A schedule's way of naming instants, read. */
export interface Rule {
  /**
   * The instants at or after one, in order, each once.
   * @param from milliseconds since the epoch.
   * @param zone whose clock is meant.
   */
  occurrences(from: number, zone: Zone): Iterable<number>;
}

/** Why a text names no instants: a sentence without a full stop, and what to write in its place. */
export interface RuleProblem {
  readonly message: string;
  readonly help: string | null;
}

/** What is read of a text. */
export type RuleResult = Result<Rule, RuleProblem>;

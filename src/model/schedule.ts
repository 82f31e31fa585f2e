/** When a flow should run by itself, in the normal form: one way of naming instants, a zone, and what happens around them. */

import type { Json } from '../base/json.ts';

/** How a schedule names its instants. */
export type ScheduleTiming =
  /** Five fields, six with seconds first, or a word such as `@daily`. */
  | { readonly kind: 'cron'; readonly expression: string }
  /** Equal steps of time, counted from an anchor: an instant, or a time of the zone's clock; null: 2020-01-01T00:00 of the zone. */
  | { readonly kind: 'interval'; readonly every_ms: number; readonly anchor: string | null }
  /** RFC 5545, section 3.3.10; may be preceded by DTSTART, RDATE and EXDATE on lines of their own. */
  | { readonly kind: 'rrule'; readonly rule: string }
  /** Once: an instant, or a time of the zone's clock. */
  | { readonly kind: 'at'; readonly time: string };

/** What happens when the run of an earlier instant is still going on. */
export const OVERLAPS = ['skip', 'queue', 'cancel_running', 'allow'] as const;

/** Which of the instants that nobody was there for are run afterwards. */
export const CATCH_UPS = ['none', 'latest', 'all'] as const;

/** One schedule of a flow or of a deployment. */
export interface ScheduleDefinition {
  readonly timing: ScheduleTiming;
  /** A name of the IANA time zone database. */
  readonly timezone: string;
  /** Nothing before it; an instant, or a time of the zone's clock. */
  readonly start: string | null;
  /** Nothing from it on. */
  readonly end: string | null;
  /** What the runs are given; texts are templates. */
  readonly params: { readonly [name: string]: Json };
  /** Runs begin up to this much later than their instant, each by an amount of its own that stays the same. */
  readonly jitter_ms: number;
  readonly active: boolean;
  readonly overlap: (typeof OVERLAPS)[number];
  readonly catch_up: (typeof CATCH_UPS)[number];
  /** How long ago an instant may have been to be caught up with. */
  readonly catch_up_window_ms: number;
}

/** The zone of a schedule that names none. */
export const DEFAULT_ZONE = 'UTC';

/** Where intervals are counted from when no anchor is given, by the zone's clock. */
export const DEFAULT_ANCHOR = '2020-01-01T00:00';

/** A day. */
export const CATCH_UP_WINDOW_MS = 86_400_000;

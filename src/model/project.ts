/** What a project says for all its flows: `flowctl.config.yaml` in its normal form. Plain JSON, without positions. */

import type { JsonObject } from '../base/json.ts';

/** How much there is of something that steps of all runs share. */
export type Capacity =
  /** Any units: at most `units` are out at once. */
  | { readonly kind: 'amount'; readonly units: number }
  /** Named units, each handed to one holder at a time. */
  | { readonly kind: 'named'; readonly names: readonly string[] }
  /** A limit of starts: at most `max` within any span of `per_ms`. */
  | { readonly kind: 'rate'; readonly max: number; readonly per_ms: number };

/** The project's settings. */
export interface ProjectConfig {
  /** Absolute path of its file; null where there is none. */
  readonly file: string | null;
  readonly resources: { readonly [name: string]: Capacity };
  readonly durability: 'full' | 'process';
  /** Null: the default of 5 s. */
  readonly grace_ms: number | null;
  /** What flows of the project take where they say nothing: members as in a flow's `defaults`, and `env`, `dotenv`, `secrets` of flows. */
  readonly defaults: JsonObject;
  /** Named sets of environment, params and defaults, chosen by `--profile`. */
  readonly profiles: { readonly [name: string]: JsonObject };
  /** Values that expressions see as `vars`. */
  readonly vars: JsonObject;
}

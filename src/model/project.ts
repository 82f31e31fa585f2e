/**
 * What a project says about all its runs: `flowctl.config.yaml` in its normal form. What it says about flows (`env`, `defaults`, `vars`,
 * profiles ...) is merged into their definitions when they are loaded.
 */

import type { AutomationDefinition } from './automation.ts';

/** How much there is of something that steps of all runs share. */
export type Capacity =
  /** Any units: at most `units` are out at once. */
  | { readonly kind: 'amount'; readonly units: number }
  /** Named units, each handed to one holder at a time. */
  | { readonly kind: 'named'; readonly names: readonly string[] }
  /** A limit of starts: at most `max` within any span of `per_ms`. */
  | { readonly kind: 'rate'; readonly max: number; readonly per_ms: number };

/** Which runs go: those that are older and not among the newest of their flow. */
export interface RetentionRule {
  /** Since their end, milliseconds; null: whatever their age. */
  readonly older_than_ms: number | null;
  /** So many of the newest of each flow stay whatever their age; null: none. */
  readonly keep: number | null;
}

/** What holds where no project says otherwise: what ended 30 days ago goes. */
export const DEFAULT_RETENTION: RetentionRule = { older_than_ms: 30 * 86_400_000, keep: null };

/** The project's settings. */
export interface ProjectConfig {
  /** Absolute path of its file; null where there is none. */
  readonly file: string | null;
  readonly resources: { readonly [name: string]: Capacity };
  readonly durability: 'full' | 'process';
  /** Null: the default of 5 s. */
  readonly grace_ms: number | null;
  /** Which runs are deleted by themselves, now and then; null: none. */
  readonly retention: RetentionRule | null;
  /** What waits and messages may reach in private networks besides what flows name. */
  readonly private_hosts: PrivateHosts;
  /** What is done about what happens to runs and schedules. */
  readonly automations: readonly AutomationDefinition[];
}

/** Hosts that may have private addresses: names, addresses, and networks such as `10.0.0.0/8`. */
export type PrivateHosts = 'all' | readonly string[];

/** What holds where no project says otherwise. */
export const NO_CONFIG: ProjectConfig = {
  file: null,
  resources: {},
  durability: 'full',
  grace_ms: null,
  retention: DEFAULT_RETENTION,
  private_hosts: [],
  automations: [],
};

/** What a project says beneath and above the flows in it, as far as loading a flow has to know it. */

import type { Json, JsonObject } from '../base/json.ts';
import type { SecretDefinition } from '../model/policies.ts';
import type { Capacity } from '../model/project.ts';
import type { DocumentNode } from './document.ts';

/** One layer: members as a flow has them, as they are written, so that values keep the form that they have there. */
export interface Layer {
  readonly env: DocumentNode | undefined;
  readonly defaults: DocumentNode | undefined;
}

/** A secret that the project declares. */
export type ProjectSecret = SecretDefinition & {
  /** True where a profile says where its value comes from: then it does not matter what the flow says. */
  readonly isForced: boolean;
};

/** The project around a flow. Everything in it has been checked. */
export interface ProjectLayer {
  /** Its config file as diagnostics name it; null where there is none. */
  readonly shownAs: string | null;
  /** The name of the profile that is laid over flows; null: none. */
  readonly profile: string | null;
  /** Beneath the flow, the weakest first. */
  readonly beneath: readonly Layer[];
  /** Above the flow, the weakest first: what a profile says. */
  readonly above: readonly Layer[];
  /** Absolute paths, before those of the flow, and after them. */
  readonly dotenv: { readonly before: readonly string[]; readonly after: readonly string[] };
  /** Null: unknown, so any name is one. */
  readonly secrets: readonly ProjectSecret[] | null;
  /** Null: unknown, so any name is one. */
  readonly vars: JsonObject | null;
  /** Names of values that are kept across runs: `vars` beside those. Absent: none. */
  readonly kept_vars?: readonly string[];
  /** Defaults of params, instead of those that the flow says. */
  readonly params: { readonly [name: string]: Json };
  /** Null: nothing is known of capacities, so they are not checked. */
  readonly resources: { readonly [name: string]: Capacity } | null;
}

/** A project of which nothing is known, for its config is invalid. */
export const UNKNOWN_PROJECT: ProjectLayer = {
  shownAs: null,
  profile: null,
  beneath: [],
  above: [],
  dotenv: { before: [], after: [] },
  secrets: null,
  vars: null,
  params: {},
  resources: null,
};

/** No project at all. */
export const NO_PROJECT: ProjectLayer = {
  shownAs: null,
  profile: null,
  beneath: [],
  above: [],
  dotenv: { before: [], after: [] },
  secrets: [],
  vars: {},
  params: {},
  resources: {},
};

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

/** The project around a flow. Everything in it has been checked. */
export interface ProjectLayer {
  /** Its config file as diagnostics name it; null where there is none. */
  readonly shownAs: string | null;
  /** Beneath the flow, the weakest first. */
  readonly beneath: readonly Layer[];
  /** Above the flow, the weakest first: what a profile says. */
  readonly above: readonly Layer[];
  /** Absolute paths, before those of the flow, and after them. */
  readonly dotenv: { readonly before: readonly string[]; readonly after: readonly string[] };
  /** The source of each, instead of what the flow says where `isForced` (a profile says it). */
  readonly secrets: readonly (SecretDefinition & { readonly isForced: boolean })[];
  readonly vars: JsonObject;
  /** Defaults of params, instead of those that the flow says. */
  readonly params: { readonly [name: string]: Json };
  /** Null: nothing is known of capacities, so they are not checked. */
  readonly resources: { readonly [name: string]: Capacity } | null;
}

/** No project at all. */
export const NO_PROJECT: ProjectLayer = {
  shownAs: null,
  beneath: [],
  above: [],
  dotenv: { before: [], after: [] },
  secrets: [],
  vars: {},
  params: {},
  resources: {},
};

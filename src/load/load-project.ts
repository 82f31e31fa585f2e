/**
 * The project around flows: `flowctl.config.yaml`, which holds for all of them. It is data: nothing of it is run. What it says about flows
 * becomes a layer beneath them, and what a profile of it says a layer above; see `project-layer`.
 */

import { resolve } from 'node:path';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Sources } from '../diagnostics/source.ts';
import type { AutomationDefinition } from '../model/automation.ts';
import {
  type Capacity,
  DEFAULT_RETENTION,
  type PrivateHosts,
  type ProjectConfig,
  type RetentionRule,
} from '../model/project.ts';
import { automationOf, automationsIn } from './automations.ts';
import { checkLayerTemplates } from './check-config-templates.ts';
import { type ConfigFile, programConfig, readConfigFiles } from './config-files.ts';
import { type DocumentNode, entriesOf, entryOf, textOf } from './document.ts';
import { durationOf, isTrue, jsonOf, numberOf, oneOrMoreTexts, textsOf } from './node-values.ts';
import type { ProjectLayer, ProjectSecret } from './project-layer.ts';
import { secretsIn, sourceOf } from './secret-sources.ts';

/** What came of loading a project. */
export type ProjectResult =
  | { readonly kind: 'loaded'; readonly config: ProjectConfig; readonly layer: ProjectLayer }
  | { readonly kind: 'invalid'; readonly diagnostics: readonly Diagnostic[]; readonly sources: Sources }
  | { readonly kind: 'unknown_profile'; readonly known: readonly string[] };

/** A layer as it stands in a file: the file itself, or one of its profiles. */
export interface WrittenLayer {
  readonly file: ConfigFile;
  readonly root: DocumentNode;
}

function capacityOf(node: DocumentNode): Capacity {
  if (node.kind === 'list') return { kind: 'named', names: textsOf(node) };
  if (node.kind === 'scalar') return { kind: 'amount', units: numberOf(node) ?? 0 };
  const [max, per] = [entryOf(node, 'max')?.value, entryOf(node, 'per')?.value];
  return { kind: 'rate', max: numberOf(max) ?? 1, per_ms: durationOf(per) ?? 0 };
}

/** The last value that is written for a key. */
const lastOf = (layers: readonly WrittenLayer[], key: string): DocumentNode | undefined =>
  layers.map(({ root }) => entryOf(root, key)?.value).findLast((value) => value !== undefined);

function mergedObject(layers: readonly WrittenLayer[], key: string): { readonly [name: string]: Json } {
  const merged = new Map<string, Json>();
  for (const { root } of layers)
    for (const { key: name, value } of entriesOf(entryOf(root, key)?.value)) merged.set(name, jsonOf(value));
  return Object.fromEntries(merged);
}

function configOf(file: string, layers: readonly WrittenLayer[]): ProjectConfig {
  const resources = new Map<string, Capacity>();
  for (const { root } of layers)
    for (const { key, value } of entriesOf(entryOf(root, 'resources')?.value)) resources.set(key, capacityOf(value));
  return {
    file,
    resources: Object.fromEntries(resources),
    durability: textOf(lastOf(layers, 'durability')) === 'process' ? 'process' : 'full',
    grace_ms: durationOf(lastOf(layers, 'grace')),
    retention: retentionOf(lastOf(layers, 'retention')),
    private_hosts: privateHostsOf(lastOf(layers, 'allow_private_addresses')),
    automations: automationsOf(layers),
  };
}

/** `true` is all of them, `false` none. */
const privateHostsOf = (node: DocumentNode | undefined): PrivateHosts => (isTrue(node) ? 'all' : textsOf(node));

/** Those of all files; of one name the last. */
function automationsOf(layers: readonly WrittenLayer[]): readonly AutomationDefinition[] {
  const found = layers.flatMap(({ root }) => automationsIn(root).map(automationOf));
  return [...new Map(found.map((each) => [each.name, each])).values()];
}

function retentionOf(node: DocumentNode | undefined): RetentionRule | null {
  if (node === undefined) return DEFAULT_RETENTION;
  if (node.kind !== 'map') return null;
  const keep = numberOf(entryOf(node, 'keep')?.value) ?? null;
  return { older_than_ms: durationOf(entryOf(node, 'older_than')?.value), keep };
}

const dotenvOf = (layers: readonly WrittenLayer[]): readonly string[] =>
  layers.flatMap(({ root, file }) =>
    oneOrMoreTexts(entryOf(root, 'dotenv')?.value).map((path) => resolve(file.directory, path)),
  );

/** The secrets of all layers, later ones over earlier ones. */
function secretsOf(beneath: readonly WrittenLayer[], above: readonly WrittenLayer[]): readonly ProjectSecret[] {
  const secrets = new Map<string, ProjectSecret>();
  for (const { layer, isForced } of [
    ...beneath.map((layer) => ({ layer, isForced: false })),
    ...above.map((layer) => ({ layer, isForced: true })),
  ]) {
    for (const secret of secretsIn(layer.root)) {
      const written = sourceOf(secret, layer.file.directory);
      const { name } = secret;
      // A bare name says nothing about where the value comes from, and takes nothing away.
      if (written === null && secrets.has(name)) continue;
      secrets.set(name, {
        name,
        source: written ?? { kind: 'env', variable: name },
        isForced: isForced && written !== null,
      });
    }
  }
  return [...secrets.values()];
}

const partsOf = ({ root }: WrittenLayer) => ({
  env: entryOf(root, 'env')?.value,
  defaults: entryOf(root, 'defaults')?.value,
});

/**
 * Loads the config of a project.
 * @param path absolute; a config in TypeScript is refused. @param shown its name in diagnostics.
 * @param profile the profile to lay over flows; null: none.
 */
export async function loadProject(path: string, shown: string, profile: string | null): Promise<ProjectResult> {
  if (!path.endsWith('.yaml')) {
    const { diagnostic, source } = programConfig(shown);
    return { kind: 'invalid', diagnostics: [diagnostic], sources: new Map([[shown, source]]) };
  }
  const read = await readConfigFiles(path, shown);
  const { files, diagnostics, sources } = read ?? { files: [], diagnostics: [], sources: new Map() };
  const beneath = files.map((file): WrittenLayer => ({ file, root: file.root }));
  const profiles = files.flatMap((file) =>
    entriesOf(entryOf(file.root, 'profiles')?.value).map((entry) => ({ file, entry })),
  );
  const above = profiles
    .filter(({ entry }) => entry.key === profile)
    .map(({ file, entry }): WrittenLayer => ({ file, root: entry.value }));
  if (profile !== null && above.length === 0 && diagnostics.length === 0)
    return { kind: 'unknown_profile', known: [...new Set(profiles.map(({ entry }) => entry.key))] };
  const vars = mergedObject([...beneath, ...above], 'vars');
  const config = configOf(path, beneath);
  const layer: ProjectLayer = {
    shownAs: shown,
    profile,
    beneath: beneath.map(partsOf),
    above: above.map(partsOf),
    dotenv: { before: dotenvOf(beneath), after: dotenvOf(above) },
    secrets: secretsOf(beneath, above),
    vars: isJsonObject(vars) ? vars : ({} satisfies JsonObject),
    params: mergedObject(above, 'params'),
    resources: config.resources,
  };
  const found = [...diagnostics, ...checkLayerTemplates([...beneath, ...above], layer)];
  // No warning is about a config.
  return found.length > 0 ? { kind: 'invalid', diagnostics: found, sources } : { kind: 'loaded', config, layer };
}

/** The files that a run depends on, as far as a flow says: what `run --watch` looks at. */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Json, JsonObject } from '../base/json.ts';
import { evaluateDeep } from '../expressions/expressions.ts';
import type { Action, FlowDefinition, StepDefinition } from '../model/flow.ts';
import { findFiles } from '../process/glob.ts';
import type { LoadedFlow } from './flow-file.ts';
import { fileOf, moduleReference } from './flow-reference.ts';
import { configPath } from './project.ts';
import { flowsOf } from './secrets.ts';

/** What is watched. */
export interface WatchedFiles {
  /** Absolute; they need not exist. */
  readonly files: readonly string[];
  /** `sources` of steps, by the folder that they are relative to. */
  readonly sources: readonly { readonly folder: string; readonly patterns: readonly string[] }[];
}

/** What can be said of a flow that cannot be loaded. */
export const flowFileAlone = (file: string): WatchedFiles => {
  const config = configPath(file);
  return { files: [resolve(fileOf(file)), ...(config === null ? [] : [config])], sources: [] };
};

/**
 * The flow, its sub-flows, the config of the project, `dotenv` files, modules with all that they import (packages left out), and what
 * `sources` name. A pattern that can only be known while the run goes on is left out.
 */
export async function watchedFiles({ definition, project }: LoadedFlow, params: JsonObject): Promise<WatchedFiles> {
  const flows = flowsOf(definition);
  const steps = flows.flatMap((flow) => stepsWithin(flow.steps).map((step) => ({ flow, step })));
  const modules = new Set([
    ...flows.flatMap(({ file }) => moduleReference(file)?.module ?? []),
    ...steps.flatMap(({ step: { action } }) => moduleOf(action) ?? []),
  ]);
  const files = new Set([
    ...flows.flatMap(({ file, dotenv }) => [file, ...dotenv]),
    ...(project.file === null ? [] : [project.file]),
    ...(await Promise.all([...modules].map(importsOf))).flat(),
  ]);
  const sources = steps.flatMap(({ flow, step }) => {
    const scope = { params: flow === definition ? params : {}, vars: flow.vars };
    const workdir = evaluated(step.workdir ?? '.', scope);
    const patterns = (step.reuse?.sources ?? []).flatMap((template) => textsIn(evaluated(template, scope)));
    if (typeof workdir !== 'string' || patterns.length === 0) return [];
    return [{ folder: isAbsolute(workdir) ? workdir : join(flow.directory, workdir), patterns }];
  });
  return { files: [...files], sources };
}

/** The module whose code a step runs; null for other steps. */
function moduleOf(action: Action): string | null {
  if (action.kind === 'call') return action.module;
  return action.kind === 'flow' ? (moduleReference(action.flow)?.module ?? null) : null;
}

const stepsWithin = (steps: readonly StepDefinition[]): readonly StepDefinition[] =>
  steps.flatMap((step) => [step, ...(step.action.kind === 'group' ? stepsWithin(step.action.steps) : [])]);

/** Null where it refers to what only the run knows. */
function evaluated(
  template: string,
  scope: { readonly params: JsonObject; readonly vars: FlowDefinition['vars'] },
): Json {
  const value = evaluateDeep(template, scope);
  return value.ok ? value.value : null;
}

const textsIn = (value: Json): readonly string[] =>
  (Array.isArray(value) ? (value as readonly Json[]) : [value]).filter((each) => typeof each === 'string');

/** A module that cannot be compiled is watched alone: it is about to be mended. */
async function importsOf(module: string): Promise<readonly string[]> {
  const [{ compileModule }, { settingsFiles }] = await Promise.all([
    import('../functions/compile.ts'),
    import('../functions/compiler-settings.ts'),
  ]);
  const program = new URL('./index.js', import.meta.url).href;
  const compiled = await compileModule(module, join(dirname(module), 'watched.mjs'), program).catch(() => null);
  // What an import means is written there, too.
  const settings = [...(await settingsFiles(module)).keys()];
  return compiled?.ok === true ? [module, ...Object.keys(compiled.value.inputs), ...settings] : [module, ...settings];
}

/** What the files hold, by path: two that are equal hold the same. */
export async function contentsOf({ files, sources }: WatchedFiles): Promise<ReadonlyMap<string, string>> {
  const contents = new Map<string, string>();
  const add = async (file: string): Promise<void> => {
    if (contents.has(file)) return;
    const content = await readFile(file).catch(() => null);
    contents.set(file, content === null ? '' : createHash('sha256').update(content).digest('hex'));
  };
  for (const file of files) await add(file);
  for (const { folder, patterns } of sources) {
    const found = await findFiles(folder, patterns);
    for (const file of found.ok ? found.value.files : []) await add(resolve(folder, file));
  }
  return contents;
}

/** The paths whose content is another one, or that came or went. */
export function changesBetween(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((file) => before.get(file) !== after.get(file));
}

/** The folders and files to be looked at by the system: of a pattern the folder before its first wildcard. */
export function placesOf({ files, sources }: WatchedFiles): readonly string[] {
  const folders = sources.flatMap(({ folder, patterns }) =>
    patterns
      .filter((pattern) => !pattern.startsWith('!'))
      .map((pattern) => nearestExisting(fixedPart(folder, pattern))),
  );
  return [...new Set([...files, ...folders])];
}

function fixedPart(folder: string, pattern: string): string {
  const names = pattern.split('/');
  const wild = names.findIndex((name) => /[*?[{\\]/.test(name));
  return resolve(folder, (wild === -1 ? names : names.slice(0, wild)).join('/') || (isAbsolute(pattern) ? '/' : '.'));
}

function nearestExisting(path: string): string {
  let place = path;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  return place;
}

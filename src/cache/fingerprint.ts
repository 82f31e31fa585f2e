/**
 * What a step's result depends on, part by part, and the one hash of all of it. Parts are kept as hashes: the record of a result tells
 * which of them changed, and holds no value of any. Secrets are marks here, so they count by name: a rotated one changes nothing.
 */

import { isAbsolute, relative } from 'node:path';
import type { ContentHash } from '../base/ids.ts';
import { canonicalJson, isJsonObject, type Json } from '../base/json.ts';
import { assertNever, ok, type Result } from '../base/result.ts';
import type { ReuseRequest } from '../engine/ports.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { hashOf } from './content.ts';

/** Raised when the same step would have another fingerprint, so that older results are left alone. */
const FORMAT = 'flowctl-result-1';

/** What stands in a flow's project, whoever runs it: paths are kept relative to the flow, so that a project may be moved. */
export interface Place {
  /** What tells this flow from others of the project: its file, relative to the project. */
  readonly scope: string;
  /** The flow's folder; absolute. */
  readonly directory: string;
}

/** What a step is given, by the words in which its change is told, as hashes. */
export type Parts = { readonly [words: string]: string };

/** A source, by its path as the pattern writes it, and its content. */
export type SourceHash = readonly [path: string, hash: ContentHash];

/** What only a look at the disk tells of the work: the hash of a function's code, or of a sub-flow's definition. */
export type WorkContent = string | null;

const HASH_LENGTH = 16;
const short = (value: Json): string => hashOf(canonicalJson(value)).slice(0, HASH_LENGTH);

/** The parts of a step, but for its sources. */
export function partsOf(request: ReuseRequest, content: WorkContent, place: Place): Parts {
  const { env, values, stdin, workdir, output, outputs_schema, secret_variables, item, generates } = request;
  const parts: { [words: string]: string } = {
    ...workParts(request, content, place),
    'the working directory': short(fromFlow(workdir, place)),
    'the place of the outputs': short([output, outputs_schema]),
    'the list under `generates`': short([...generates]),
    'the list under `secrets`': short([...secret_variables].sort()),
  };
  if (stdin !== null) parts['`stdin`'] = short(stdin);
  if (item !== undefined) parts['the item'] = short(item);
  for (const [name, value] of Object.entries(env)) parts[`env ${name}`] = short(value);
  for (const [name, value] of Object.entries(values)) parts[`a value in the command (${name})`] = short(value);
  return parts;
}

function workParts({ work }: ReuseRequest, content: WorkContent, place: Place): Parts {
  switch (work.kind) {
    case 'shell':
      return { 'the command': short(work.text), 'the shell': short(work.shell) };
    case 'argv':
      return { 'the command': short([...work.argv]) };
    case 'call':
      return {
        'the function': short([fromFlow(work.module, place), work.export]),
        'the code of the function': content ?? '',
        ...memberParts('with', work.input),
      };
    case 'flow':
      return {
        'the flow': short(fromFlow(work.flow, place)),
        'the definition of the flow': content ?? '',
        ...memberParts('with', work.params),
      };
    case 'wait':
    case 'notify':
      return { 'the work': short(work as unknown as Json) };
    default:
      return assertNever(work, 'work');
  }
}

function memberParts(word: string, value: Json): Parts {
  if (!isJsonObject(value)) return value === null ? {} : { [`\`${word}\``]: short(value) };
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [`${word}.${name}`, short(member)]));
}

const fromFlow = (path: string, { directory }: Place): string =>
  isAbsolute(path) ? relative(directory, path) || '.' : path;

/** A step's name without the keys of items: results are found again when a list is in another order. */
const withoutItems = (step: string): string => step.replace(/\[[^\]]*\]/g, '[]');

/**
 * The one hash. A key of the user's own decides alone, within the step (and the item's key) of the flow; else every part and every
 * source counts.
 */
export function fingerprintOf(
  { step, cache }: Pick<ReuseRequest, 'step' | 'cache'>,
  parts: Parts,
  sources: readonly SourceHash[],
  { scope }: Place,
): ContentHash {
  const key = cache?.key ?? null;
  if (key !== null) return hashOf(canonicalJson([FORMAT, 'key', scope, step, key]));
  const listed = sources.map(([path, hash]) => `${hash} ${path}\n`).join('');
  return hashOf(canonicalJson([FORMAT, 'parts', scope, withoutItems(step), parts, hashOf(listed)]));
}

/** The module in the key of a flow that a module makes. */
const MODULE = /^(.+\.[cm]?[jt]sx?)#/;

/**
 * The hash of a sub-flow's definition and of those that it leads to. Of flows that modules make the code counts: what they lead to is
 * not known before it has run.
 * @returns an error where the code of one cannot be had.
 */
export async function contentOfFlow(
  key: string,
  {
    flows,
    codeOf,
  }: { readonly flows: FlowDefinition['flows']; codeOf(module: string): Promise<Result<string, string>> },
): Promise<Result<string, string>> {
  const seen = new Map<string, Json>();
  const modules = new Map<string, string>();
  const take = (path: string): void => {
    const [, module] = MODULE.exec(path) ?? [];
    if (module !== undefined) {
      modules.set(path, module);
      return;
    }
    const definition = flows[path];
    if (definition === undefined || seen.has(path)) return;
    // What is frozen with a run is plain JSON.
    const plain = JSON.parse(JSON.stringify({ ...definition, flows: {} })) as Json;
    seen.set(path, plain);
    for (const next of calledFlows(plain)) take(next);
  };
  take(key);
  const code: Json[] = [];
  for (const [path, module] of modules) {
    const hash = await codeOf(module);
    if (!hash.ok) return hash;
    code.push([path.slice(module.length), hash.value]);
  }
  const definitions = Object.fromEntries(seen);
  return ok(hashOf(canonicalJson(modules.size === 0 ? definitions : { code, definitions })));
}

function calledFlows(value: Json): readonly string[] {
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap(calledFlows);
  if (!isJsonObject(value)) return [];
  const own = value['kind'] === 'flow' && typeof value['flow'] === 'string' ? [value['flow']] : [];
  return [...own, ...Object.values(value).flatMap(calledFlows)];
}

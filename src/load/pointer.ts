/** From the JSON pointers of the schema's validator to nodes of the document, and to words for them. */

import { quoted } from '../diagnostics/phrase.ts';
import { HANDLER_PHASES } from '../model/policies.ts';
import { type DocumentNode, entryOf, type MapEntry, type Span, textOf } from './document.ts';
import type { KeyContext } from './vocabulary.ts';

/** A place in a document: the members that lead there, what stands there, and the span to point at. */
export interface Located {
  readonly path: readonly string[];
  readonly node: DocumentNode;
  /** The value's span; that of its key where the value is empty. */
  readonly span: Span;
  /** The span of the key; that of the value where there is none. */
  readonly keySpan: Span;
}

/** Follows a JSON pointer (RFC 6901) as far as the document goes. */
export function locate(root: DocumentNode, pointer: string): Located {
  const path = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'));
  let node = root;
  let keySpan: Span = root;
  for (const part of path) {
    const entry: MapEntry | undefined = entryOf(node, part);
    const next = entry?.value ?? (node.kind === 'list' ? node.items[Number(part)] : undefined);
    if (next === undefined) break;
    keySpan = entry?.keySpan ?? next;
    node = next;
  }
  return { path, node, keySpan, span: node.end > node.start ? node : keySpan };
}

/** True for the position of an item in a list. */
export const isIndex = (part: string): boolean => /^\d+$/.test(part);

/** `retry.max`, `needs[0]`. */
export function dotted(parts: readonly string[]): string {
  return parts.map((part, index) => (isIndex(part) ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
}

/** A path, cut into the steps that lead to a place and what is left behind the innermost of them. */
export interface StepPath {
  /** By their keys in `steps`: names, or numbers in lists. None for a place outside of any step. */
  readonly steps: readonly string[];
  readonly rest: readonly string[];
}

/** Cuts a path behind its innermost step. */
export function stepPath(path: readonly string[]): StepPath {
  const steps: string[] = [];
  let read = 0;
  for (; path[read] === 'steps' && path[read + 1] !== undefined; read += 2) steps.push(path[read + 1] ?? '');
  return { steps, rest: path.slice(read) };
}

/** The `steps` that the innermost of some steps stands in. */
function blockOf(root: DocumentNode, steps: readonly string[]): DocumentNode | undefined {
  let block = entryOf(root, 'steps')?.value;
  for (const step of steps.slice(0, -1)) {
    const body = block?.kind === 'list' ? block.items[Number(step)] : entryOf(block, step)?.value;
    block = entryOf(body, 'steps')?.value;
  }
  return block;
}

/** The name of the innermost step by its key in `steps`: in a list, its `name`, else its number from 1. */
function stepName(root: DocumentNode, steps: readonly string[]): string {
  const part = steps.at(-1) ?? '';
  const block = blockOf(root, steps);
  if (block?.kind !== 'list') return quoted(part);
  const name = textOf(entryOf(block.items[Number(part)], 'name')?.value);
  return name === undefined ? `number ${Number(part) + 1}` : quoted(name);
}

/** A value in words: `the flow`, `step x`, `` `retry.max` of step `x` ``. */
export function describe(root: DocumentNode, path: readonly string[]): string {
  const [first, second] = path;
  const { steps, rest } = stepPath(path);
  if (first === undefined) return 'the flow';
  if (steps.length > 0)
    return rest.length === 0 ? ownerOf(root, steps) : `${quoted(dotted(rest))} of ${ownerOf(root, steps)}`;
  if (second === undefined || first !== 'params') return quoted(dotted(path));
  const owner = `param ${quoted(second)}`;
  return path.length === 2 ? owner : `${quoted(dotted(path.slice(2)))} of ${owner}`;
}

const ownerOf = (root: DocumentNode, steps: readonly string[]): string => `step ${stepName(root, steps)}`;

/** True for a path to a JSON Schema of the flow, or into one: there names of other keys mean nothing. */
export function isInSchema(path: readonly string[]): boolean {
  const { steps, rest } = stepPath(path);
  const [first, second] = rest;
  if (steps.length === 0) return first === 'params';
  return (first === 'outputs' && second === 'schema') || (first === 'approve' && second === 'params');
}

/** True for the path to a handler, of the flow or of a step. */
const isHandler = (rest: readonly string[]): boolean =>
  rest.length === 2 && HANDLER_PHASES.some((phase) => rest[0] === phase);

/** Maps inside of a step or handler whose keys are fixed, by the keys that lead there. */
const INSIDE: ReadonlyMap<string, KeyContext> = new Map([
  ['outputs', 'outputs'],
  ['wait', 'wait'],
  ['wait.for', 'wait_for'],
  ['wait.for.http', 'http'],
  ['approve', 'approve'],
  ['repeat', 'repeat'],
  ['retry', 'retry'],
  ['cache', 'cache'],
]);

/** Maps of a trigger, by the keys that lead there. */
const TRIGGER_PARTS: ReadonlyMap<string, KeyContext> = new Map([
  ['', 'trigger'],
  ['absence', 'absence'],
  ['absence.of', 'watched'],
]);

/** Which fixed set of keys the map at a path has; null for maps whose keys are free. */
export function contextOf(root: DocumentNode, path: readonly string[]): KeyContext | null {
  if (path.length === 0) return 'flow';
  if (isInSchema(path)) return 'schema';
  const { steps, rest } = stepPath(path);
  if (isHandler(rest)) return 'handler';
  const last = path.at(-1);
  if (isHandler(rest.slice(0, 2))) return last === 'retry' || last === 'notify' ? last : null;
  if (steps.length > 0) {
    if (rest.length > 0) return INSIDE.get(rest.join('.')) ?? null;
    return blockOf(root, steps)?.kind === 'list' ? 'named_step' : 'step';
  }
  if (last === 'retry' || last === 'concurrency') return last;
  if (path[0] === 'schedules') return path.length === 2 ? 'schedule' : null;
  if (path[0] === 'triggers') return TRIGGER_PARTS.get(path.slice(2).join('.')) ?? null;
  // In a list of secrets the place of a map comes before its names.
  if (path[0] === 'secrets' && path.length === (/^\d+$/.test(path[1] ?? '') ? 3 : 2)) return 'secret';
  return path[0] === 'defaults' ? 'defaults' : null;
}

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
function dotted(parts: readonly string[]): string {
  return parts.map((part, index) => (isIndex(part) ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
}

/** The name of a step by its key in `steps`: in a list, its `name`, else its number from 1. */
function stepName(root: DocumentNode, part: string): string {
  const steps = entryOf(root, 'steps')?.value;
  if (steps?.kind !== 'list') return quoted(part);
  const name = textOf(entryOf(steps.items[Number(part)], 'name')?.value);
  return name === undefined ? `number ${Number(part) + 1}` : quoted(name);
}

/** A value in words: `the flow`, `step x`, `` `retry.max` of step `x` ``. */
export function describe(root: DocumentNode, path: readonly string[]): string {
  const [first, second, ...rest] = path;
  if (first === undefined) return 'the flow';
  if (second === undefined || (first !== 'steps' && first !== 'params')) return quoted(dotted(path));
  const owner = first === 'steps' ? `step ${stepName(root, second)}` : `param ${quoted(second)}`;
  return rest.length === 0 ? owner : `${quoted(dotted(rest))} of ${owner}`;
}

/** True for a path to a JSON Schema of the flow, or into one: there names of other keys mean nothing. */
export const isInSchema = (path: readonly string[]): boolean =>
  path[0] === 'params' || (path[0] === 'steps' && path[2] === 'outputs' && path[3] === 'schema');

/** True for the path to a handler, of the flow or of a step. */
const isHandler = (path: readonly string[]): boolean =>
  HANDLER_PHASES.some((phase) => path.at(-2) === phase) && (path.length === 2 || path[0] === 'steps');

/** Which fixed set of keys the map at a path has; null for maps whose keys are free. */
export function contextOf(root: DocumentNode, path: readonly string[]): KeyContext | null {
  if (path.length === 0) return 'flow';
  const last = path.at(-1);
  if (isInSchema(path)) return 'schema';
  if (last === 'retry') return 'retry';
  if (last === 'notify') return 'notify';
  if (last === 'concurrency' || last === 'cache') return last;
  if (path[0] === 'secrets' && path.length === 2) return 'secret';
  if (isHandler(path)) return 'handler';
  if (path[0] === 'defaults') return 'defaults';
  if (path[0] === 'steps' && path.length === 3 && last === 'outputs') return 'outputs';
  if (path[0] === 'steps' && path.length === 2)
    return entryOf(root, 'steps')?.value.kind === 'list' ? 'named_step' : 'step';
  return null;
}

/** A document as a tree of values with their places, free of any YAML machinery. Aliases share the node that they name. */

import type { Json } from '../base/json.ts';
import type { Place, SourceText } from '../diagnostics/source.ts';

/** From one offset of the source up to, not including, another. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A single value. */
export interface ScalarNode extends Span {
  readonly kind: 'scalar';
  readonly value: null | boolean | number | string;
  /** The value as it was written, without quotes; for a number this keeps `1.10` apart from `1.1`. */
  readonly written: string;
}

/** A list. */
export interface ListNode extends Span {
  readonly kind: 'list';
  readonly items: readonly DocumentNode[];
}

/** A key with its value. */
export interface MapEntry {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: DocumentNode;
}

/** A map, in the order of the file, without duplicate keys. */
export interface MapNode extends Span {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, MapEntry>;
}

/** Any value of a document. */
export type DocumentNode = ScalarNode | ListNode | MapNode;

/** The entry of a key; undefined where the node is no map or has no such key. */
export function entryOf(node: DocumentNode | undefined, key: string): MapEntry | undefined {
  return node?.kind === 'map' ? node.entries.get(key) : undefined;
}

/** The entries of a map; none where the node is something else. */
export function entriesOf(node: DocumentNode | undefined): readonly MapEntry[] {
  return node?.kind === 'map' ? [...node.entries.values()] : [];
}

/** The text of a scalar; undefined where the node is something else. */
export function textOf(node: DocumentNode | undefined): string | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : undefined;
}

/** The plain value. A shared node gives a shared value, so the result is never larger than the document. */
export function toJsonValue(root: DocumentNode): Json {
  const done = new Map<DocumentNode, Json>();
  const convert = (node: DocumentNode): Json => {
    if (node.kind === 'scalar') return node.value;
    const known = done.get(node);
    if (known !== undefined) return known;
    let value: Json;
    if (node.kind === 'list') value = node.items.map(convert);
    else value = Object.fromEntries([...node.entries.values()].map((entry) => [entry.key, convert(entry.value)]));
    done.set(node, value);
    return value;
  };
  return convert(root);
}

/** The place of a node or key. A text over several lines is shown by its first. */
export const placeOf = (source: SourceText, span: Span, label: string | null = null): Place =>
  source.place(span.start, span.end, label);

/**
 * The place of a part of a scalar's text: where the same characters stand in the source. Where escapes or folded lines hide
 * them, the place of the whole scalar.
 */
export function placeWithin(source: SourceText, node: ScalarNode, offset: number, length: number): Place {
  const text = String(node.value);
  const part = text.slice(offset, offset + length);
  const written = source.text.slice(node.start, node.end);
  if (part !== '') {
    let found = written.indexOf(part);
    for (let at = text.indexOf(part); at !== -1 && at < offset && found !== -1; at = text.indexOf(part, at + 1)) {
      found = written.indexOf(part, found + 1);
    }
    if (found !== -1) return source.place(node.start + found, node.start + found + part.length);
  }
  return placeOf(source, node);
}

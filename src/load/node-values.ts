/** Nodes of a checked document as values of the normal form. What cannot be read is absent, since the checks have reported it. */

import { parseDuration } from '../base/duration.ts';
import type { Json } from '../base/json.ts';
import type { RetryCause, RetryPolicy } from '../model/flow.ts';
import { type DocumentNode, entriesOf, entryOf, textOf, toJsonValue } from './document.ts';

/** A node that may be absent. */
export type Node = DocumentNode | undefined;

/** The number that a node is; null for everything else. */
export const numberOf = (node: Node): number | null =>
  node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : null;

/** True for `true` alone. */
export const isTrue = (node: Node): boolean => node?.kind === 'scalar' && node.value === true;

/** The plain value; null where there is none. */
export const jsonOf = (node: Node): Json => (node === undefined ? null : toJsonValue(node));

/** The items of a list; none for everything else. */
export const itemsOf = (node: Node): readonly DocumentNode[] => (node?.kind === 'list' ? node.items : []);

/** The texts in a list; none for everything else. */
export function textsOf(node: Node): readonly string[] {
  return itemsOf(node).flatMap((item) => textOf(item) ?? []);
}

/** The texts in a list, or the one text that stands for a list of one. */
export const oneOrMoreTexts = (node: Node): readonly string[] => {
  const text = textOf(node);
  return text === undefined ? textsOf(node) : [text];
};

/** The numbers in a list, each once. */
export const numbersOf = (node: Node): readonly number[] => [
  ...new Set(itemsOf(node).flatMap((item) => numberOf(item) ?? [])),
];

/** A duration in milliseconds; null where none is written. */
export function durationOf(node: Node): number | null {
  const text = textOf(node);
  const read = text === undefined ? null : parseDuration(text);
  return read?.ok === true ? read.value : null;
}

/** Variables, later maps over earlier ones. Values as they are written: `1.10` stays `1.10`. */
export function envOf(...maps: readonly Node[]): { readonly [name: string]: string } {
  const env = new Map<string, string>();
  for (const map of maps) {
    for (const { key, value } of entriesOf(map))
      if (value.kind === 'scalar') env.set(key, textOf(value) ?? value.written);
  }
  return Object.fromEntries(env);
}

/** The policy under `retry`: a number, or a map. */
export function retryOf(node: Node): RetryPolicy {
  const value = (key: string): Node => entryOf(node, key)?.value;
  const jitter = value('jitter');
  const causes = textsOf(value('on'));
  const codes = value('on_exit_codes');
  return {
    max: numberOf(node) ?? numberOf(value('max')) ?? 0,
    delay_ms: durationOf(value('delay')) ?? 0,
    backoff: (textOf(value('backoff')) as RetryPolicy['backoff'] | undefined) ?? 'none',
    max_delay_ms: durationOf(value('max_delay')),
    jitter: numberOf(jitter) ?? (textOf(jitter) as 'none' | 'full' | 'equal' | undefined) ?? 'none',
    on: causes.length === 0 ? ['failed', 'timed_out'] : [...new Set(causes as readonly RetryCause[])],
    on_exit_codes: codes === undefined ? null : numbersOf(codes),
  };
}

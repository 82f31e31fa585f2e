/** What the children of a map or a group yield together. */

import type { Json } from '../base/json.ts';
import { INLINE_OUTPUT_LIMIT } from '../model/outcome.ts';
import type { Answer, Node } from './node.ts';
import { type Eventually, type ScopeSource, recordedValue } from './scope.ts';

/**
 * The outputs of a map: the list of its items', in order. Of a group: its members', by name. Null for what yields nothing. A map or a
 * group that failed has none, unless it may fail.
 */
export function conclude(source: ScopeSource, node: Node): Eventually<Answer> {
  const { children, definition } = node;
  const nodes = children?.nodes ?? [];
  if (children === null || (children.failures > 0 && !definition.continue_on_error)) {
    return { kind: 'concluded', outputs: null };
  }
  const values = nodes.map(({ record }) => recordedValue(source, record.outputs));
  const together = (all: readonly Json[]): Json =>
    children.kind === 'map'
      ? all
      : Object.fromEntries(nodes.map(({ record }, index) => [record.id, all[index] ?? null]));
  const keep = async (all: Eventually<readonly Json[]>): Promise<Answer> => ({
    kind: 'concluded',
    outputs: await source.outputs.store(together(await all)),
  });
  if (values.some((value) => value instanceof Promise)) return keep(Promise.all(values));
  const value = together(values as readonly Json[]);
  // A UTF-16 unit takes at most three bytes of UTF-8.
  const isSmall = JSON.stringify(value).length * 3 <= INLINE_OUTPUT_LIMIT;
  return isSmall ? { kind: 'concluded', outputs: { kind: 'inline', value } } : keep(values as readonly Json[]);
}

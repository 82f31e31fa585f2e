/** Schemas of steps' outputs: that they can be used. Whether outputs fit is checked when a step has yielded them. */

import { isJsonObject } from '../base/json.ts';
import { hasExpression } from '../expressions/expressions.ts';
import { type DocumentNode, entriesOf, entryOf, type ScalarNode, textOf, toJsonValue } from './document.ts';
import { type FlowOutline, stepValue } from './outline.ts';
import { findSchemaProblem } from './param-schema.ts';
import type { Problems } from './problems.ts';

/** Members of a schema that are only for people. */
const REMARKS: ReadonlySet<string> = new Set(['title', 'description', 'examples']);

/** The first text in a schema with an expression, which nobody would evaluate. */
function findExpression(root: DocumentNode): ScalarNode | null {
  const seen = new Set<DocumentNode>();
  const open: DocumentNode[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.kind === 'scalar' && hasExpression(textOf(node) ?? '')) return node;
    if (node.kind === 'list') for (const item of node.items.toReversed()) open.push(item);
    for (const { key, value } of entriesOf(node).toReversed()) {
      // A property may be called `title`; then it is described by a map.
      if (!REMARKS.has(key) || value.kind === 'map') open.push(value);
    }
  }
  return null;
}

/** Checks the schema of every step's outputs whose shape is right. */
export async function checkOutputs(flow: FlowOutline, problems: Problems): Promise<void> {
  for (const step of flow.steps) {
    const entry = entryOf(stepValue(step, 'outputs'), 'schema');
    if (entry?.value.kind !== 'map') continue;
    const schema = toJsonValue(entry.value);
    if (!isJsonObject(schema)) continue;
    // ajv would say again what is wrong with its shape.
    const isShapeWrong = problems.isBlamedWithin(entry.value);
    const expression = findExpression(entry.value);
    if (expression !== null) problems.at('expression_not_allowed', expression, { what: 'the schema of outputs' });
    const problem = isShapeWrong ? null : await findSchemaProblem(schema);
    if (problem !== null) problems.at('invalid_outputs_schema', entry.keySpan, { step: step.name, problem });
  }
}

/** Params: that their schemas can be used, and that literal defaults fit them. Defaults with expressions are checked in a run. */

import { deepReads, hasExpression } from '../expressions/expressions.ts';
import { entryOf, textOf } from './document.ts';
import type { FlowOutline, ParamOutline } from './outline.ts';
import { findMismatch, findSchemaProblem, paramOf } from './param-schema.ts';
import type { Problems } from './problems.ts';
import type { Json } from '../base/json.ts';

/** True when a text anywhere inside a value holds an expression. */
export function isTemplate(value: Json): boolean {
  if (typeof value === 'string') return hasExpression(value);
  if (value === null || typeof value !== 'object') return false;
  return deepReads(value).length > 0 || Object.values(value).some(isTemplate);
}

/** Checks the schema of a param, where its shape is right, and its default. */
export async function checkParam(param: ParamOutline, problems: Problems): Promise<void> {
  // ajv would say again what is wrong with its shape.
  if (param.node.kind !== 'map' || problems.isBlamedWithin(param.node)) return;
  const { name, schema, required, default: fallback } = paramOf(param);
  const problem = await findSchemaProblem(schema);
  if (problem !== null) {
    const pattern = entryOf(param.node, 'pattern')?.value;
    const place = textOf(pattern) !== undefined && problem.includes('regular expression') ? pattern : undefined;
    problems.at('invalid_param_schema', place ?? param.nameSpan, { param: name, problem });
    return;
  }
  if (required || isTemplate(fallback)) return;
  const mismatch = await findMismatch(schema, fallback);
  const written = entryOf(param.node, 'default');
  if (mismatch === null || written === undefined) return;
  const span = written.value.end > written.value.start ? written.value : written.keySpan;
  problems.at('default_mismatch', span, { param: name, problem: mismatch });
}

/** Checks every param of a flow. */
export async function checkParams(flow: FlowOutline, problems: Problems): Promise<void> {
  for (const param of flow.params) await checkParam(param, problems);
}

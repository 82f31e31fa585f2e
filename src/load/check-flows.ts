/** Steps that are flows of their own: that the file is there, and is given the params that it asks for. */

import { suggest } from '../diagnostics/suggest.ts';
import { hasExpression } from '../expressions/expressions.ts';
import { isTemplate } from './check-params.ts';
import { entriesOf, entryOf, type MapEntry, textOf, toJsonValue } from './document.ts';
import { type ParamOutline, type StepOutline, stepValue } from './outline.ts';
import { findMismatch, findSchemaProblem, paramOf } from './param-schema.ts';
import { parseModuleFlow } from './flow-key.ts';
import { flowPath, type OpenedFlows, type OpenFlow } from './sub-flows.ts';

interface FlowInput {
  readonly params: ReadonlyMap<string, ParamOutline>;
  readonly required: readonly string[];
}
const inputs = new WeakMap<OpenFlow, FlowInput>();

/** The params that a flow takes. Found once: many steps may run the same flow. */
function inputOf(target: OpenFlow): FlowInput {
  const known = inputs.get(target);
  if (known !== undefined) return known;
  const { flow, problems } = target;
  // What is wrong with a param itself is told in its own file.
  const required = flow.params.filter((param) => !problems.isBlamedWithin(param.node) && paramOf(param).required);
  const input = {
    params: new Map(flow.params.map((param) => [param.name, param])),
    required: required.map(({ name }) => name),
  };
  inputs.set(target, input);
  return input;
}

/** Checks what every step says of its sub-flow, except that the sub-flow is valid itself. */
export async function checkFlows({ flow, directory, problems }: OpenFlow, opened: OpenedFlows): Promise<void> {
  for (const step of flow.steps) {
    const node = stepValue(step, 'flow');
    const text = textOf(node);
    if (node === undefined || text === undefined || text === '' || text.includes('\0')) continue;
    if (hasExpression(text)) {
      problems.at('expression_not_allowed', node, { what: '`flow`' });
      continue;
    }
    // What a module makes: `check-calls.ts` looks for it.
    if (parseModuleFlow(text) !== null) continue;
    const target = opened.get(flowPath(step, directory) ?? '');
    if (target === undefined || target.kind === 'not_found') problems.at('flow_not_found', node, { flow: text });
    else if (target.kind === 'open') await checkInput(step, text, target, problems);
  }
}

async function checkInput(
  step: StepOutline,
  name: string,
  target: OpenFlow,
  problems: OpenFlow['problems'],
): Promise<void> {
  const input = entryOf(step.body, 'with');
  const given = new Map(entriesOf(input?.value).map((entry) => [entry.key, entry]));
  const { params, required } = inputOf(target);
  for (const entry of given.values()) {
    const { key, keySpan } = entry;
    const param = params.get(key);
    if (param === undefined) {
      const known = problems.hasRoom ? [...params.keys()] : [];
      problems.at('unknown_flow_param', keySpan, { flow: name, name: key, known, suggestion: suggest(key, known) });
    } else if (!target.problems.isBlamedWithin(param.node)) await checkValue(entry, param, name, problems);
  }
  const missing = problems.hasRoom ? required.filter((each) => !given.has(each)) : [];
  const span = input?.keySpan ?? stepValue(step, 'flow') ?? step.nameSpan;
  if (missing.length > 0) problems.at('missing_flow_param', span, { flow: name, params: missing });
}

async function checkValue(
  { value: node }: MapEntry,
  param: ParamOutline,
  flow: string,
  problems: OpenFlow['problems'],
): Promise<void> {
  const value = toJsonValue(node);
  const { schema } = paramOf(param);
  if (isTemplate(value) || (await findSchemaProblem(schema)) !== null) return;
  const problem = await findMismatch(schema, value);
  if (problem !== null) problems.at('flow_param_mismatch', node, { flow, param: param.name, problem });
}

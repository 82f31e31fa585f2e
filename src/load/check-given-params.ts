/** What runs that nobody starts by hand are given: by a schedule, or by a trigger. */

import { suggest } from '../diagnostics/suggest.ts';
import { isTemplate } from './check-params.ts';
import { type DocumentNode, entriesOf, entryOf, toJsonValue } from './document.ts';
import type { FlowOutline } from './outline.ts';
import { findMismatch, findSchemaProblem, paramOf } from './param-schema.ts';
import type { Problems } from './problems.ts';

/** Checks the `params` of a schedule or of a trigger against those of the flow: that they fit, and that none is missing. */
export async function checkGivenParams(owner: DocumentNode, flow: FlowOutline, problems: Problems): Promise<void> {
  const given = entryOf(owner, 'params');
  const names = flow.params.map(({ name }) => name);
  const file = problems.source.file;
  for (const { key, keySpan, value } of entriesOf(given?.value)) {
    const param = flow.params.find(({ name }) => name === key);
    if (param === undefined) {
      const known = problems.hasRoom ? names : [];
      problems.at('unknown_flow_param', keySpan, { flow: file, name: key, known, suggestion: suggest(key, known) });
    } else if (!problems.isBlamedWithin(param.node)) {
      const { schema } = paramOf(param);
      const json = toJsonValue(value);
      if (isTemplate(json) || (await findSchemaProblem(schema)) !== null) continue;
      const problem = await findMismatch(schema, json);
      if (problem !== null) problems.at('flow_param_mismatch', value, { flow: file, param: key, problem });
    }
  }
  const has = new Set(entriesOf(given?.value).map(({ key }) => key));
  const missing = flow.params.filter((param) => {
    const isGiven = has.has(param.name) || Object.hasOwn(flow.project.params, param.name);
    return !isGiven && !problems.isBlamedWithin(param.node) && paramOf(param).required;
  });
  const span = given?.keySpan ?? entriesOf(owner)[0]?.keySpan ?? owner;
  if (missing.length > 0) problems.at('missing_schedule_param', span, { params: missing.map(({ name }) => name) });
}

/** What a group says for its members in expressions: that it means the same at their places. */

import { parseTemplate, templateReads } from '../expressions/expressions.ts';
import { entriesOf, type ScalarNode, textOf } from './document.ts';
import { type FlowOutline, type StepOutline, stepValue } from './outline.ts';
import type { Problems } from './problems.ts';

/** One of the steps inside of a group by its name. */
function namesInside(group: StepOutline, flow: FlowOutline): ReadonlyMap<string, StepOutline> {
  const names = new Map<string, StepOutline>();
  const open = group.members === null ? [] : [group.members];
  for (let block = open.pop(); block !== undefined; block = open.pop()) {
    for (const number of flow.blocks[block]?.steps ?? []) {
      const step = flow.steps[number];
      if (step === undefined) continue;
      names.set(step.name, step);
      if (step.members !== null) open.push(step.members);
    }
  }
  return names;
}

/** Checks the `env` and `workdir` of groups: a step that they refer to must not be another one for a member. */
export function checkGroups(flow: FlowOutline, problems: Problems): void {
  for (const group of flow.steps) {
    if (group.members === null) continue;
    const nodes = [...entriesOf(stepValue(group, 'env')).map(({ value }) => value), stepValue(group, 'workdir')];
    let inside: ReadonlyMap<string, StepOutline> | null = null;
    for (const node of nodes) {
      const parsed = parseTemplate(textOf(node) ?? '');
      if (node?.kind !== 'scalar' || !parsed.ok) continue;
      for (const { root, path, offset, length } of templateReads(parsed.value)) {
        const [name] = path;
        if (root !== 'steps' || name === undefined) continue;
        inside ??= namesInside(group, flow);
        const other = inside.get(name);
        if (other === undefined) continue;
        const earlier = problems.place(other.nameSpan, 'the step inside');
        const part: { node: ScalarNode; offset: number; length: number } = { node, offset, length };
        problems.within('shadowed_step', part, { name, group: group.name }, [earlier]);
      }
    }
  }
}

/** The steps of a flow with all that is in them: members of groups, steps of sub-flows, handlers; each with the name that `show` gives it. */

import { memberKeyOf, type StepId, type StepKey, stepKeyOf } from '../../base/ids.ts';
import type { FlowDefinition, StepDefinition } from '../../model/flow.ts';
import { HANDLER_PHASES, type Handlers } from '../../model/policies.ts';

/** A step, and where it stands. */
export interface Part {
  /** Without the items of maps: `load/extract`, though a run has `load[3]/extract`. */
  readonly id: string;
  readonly step: StepDefinition;
  /** The group, the sub-flow step, or the step whose handler it is; null at the top. */
  readonly parent: string | null;
  readonly isHandler: boolean;
  /** What names in its expressions mean: siblings first, then what is around them. Lower case, for case does not count. */
  readonly names: ReadonlyMap<string, string>;
}

/** Sub-flows of larger graphs, and those within so many others, are shown as one step each. */
const MOST_PARTS = 2_000;
const DEEPEST = 4;

/** Every step of a flow, a container before what is in it. */
export function partsOf(flow: FlowDefinition): readonly Part[] {
  const parts: Part[] = [];
  const addFlow = (inner: FlowDefinition, parent: string | null, callers: readonly string[]): void => {
    addAll(inner.steps, parent, new Map(), [...callers, inner.file]);
    addHandlers(inner.handlers, parent, namesOf(inner.steps, parent), [...callers, inner.file]);
  };
  const addAll = (
    steps: readonly StepDefinition[],
    parent: string | null,
    outer: ReadonlyMap<string, string>,
    callers: readonly string[],
  ): void => {
    const names = new Map([...outer, ...namesOf(steps, parent)]);
    for (const step of steps) add({ id: place(parent, step.id), step, parent, isHandler: false, names }, callers);
  };
  const addHandlers = (
    handlers: Handlers,
    parent: string | null,
    names: ReadonlyMap<string, string>,
    callers: readonly string[],
  ): void => {
    for (const phase of HANDLER_PHASES) {
      for (const step of handlers[phase]) {
        add({ id: place(parent, step.id), step, parent, isHandler: true, names }, callers);
      }
    }
  };
  const add = (part: Part, callers: readonly string[]): void => {
    parts.push(part);
    const { action, handlers } = part.step;
    if (action.kind === 'group') addAll(action.steps, part.id, part.names, callers);
    if (action.kind === 'flow') {
      const inner = action.flow === flow.file ? flow : flow.flows[action.flow];
      // A flow that comes to itself again has no end.
      const isNew = !callers.includes(action.flow) && callers.length < DEEPEST && parts.length < MOST_PARTS;
      if (inner !== undefined && isNew) addFlow(inner, part.id, callers);
    }
    addHandlers(handlers, part.id, part.names, callers);
  };
  addFlow(flow, null, []);
  return parts;
}

const place = (parent: string | null, id: StepId): string =>
  parent === null ? stepKeyOf(id) : memberKeyOf(parent as StepKey, id);

const namesOf = (steps: readonly StepDefinition[], parent: string | null): ReadonlyMap<string, string> =>
  new Map(steps.map(({ id }) => [id.toLowerCase(), place(parent, id)]));

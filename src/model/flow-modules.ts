/** The modules of a flow: those whose functions its steps call, and those that made it, or flows beneath it. */

import type { Action, FlowDefinition, StepDefinition } from './flow.ts';
import { HANDLER_PHASES, type Handlers } from './policies.ts';

/** Every step of a flow, at any depth, with handlers; those of the flows beneath it are not among them. */
function* stepsIn({ steps, handlers }: Pick<FlowDefinition, 'steps' | 'handlers'>): Generator<StepDefinition> {
  for (const step of [...steps, ...HANDLER_PHASES.flatMap((phase) => handlers[phase])]) {
    yield step;
    const members = step.action.kind === 'group' ? step.action.steps : [];
    yield* stepsIn({ steps: members, handlers: step.handlers });
  }
}

/** A flow with all beneath it. */
const wholeTree = (definition: FlowDefinition): readonly FlowDefinition[] => [
  definition,
  ...Object.values(definition.flows),
];

/** The paths of all modules of a flow and of those beneath it. */
export function modulesOf(definition: FlowDefinition): ReadonlySet<string> {
  const found = new Set<string>();
  for (const flow of wholeTree(definition)) {
    if (flow.script) found.add(flow.script.module);
    for (const { action } of stepsIn(flow)) if (action.kind === 'call') found.add(action.module);
  }
  return found;
}

/** The keys of all flows that steps of a flow, and of those beneath it, refer to. */
export function flowKeysOf(definition: FlowDefinition): ReadonlySet<string> {
  const found = new Set<string>();
  for (const flow of wholeTree(definition)) {
    for (const { action } of stepsIn(flow)) if (action.kind === 'flow') found.add(action.flow);
  }
  return found;
}

/** The same flow with modules that lie elsewhere. @param places new paths by old ones. */
export function withModules(definition: FlowDefinition, places: ReadonlyMap<string, string>): FlowDefinition {
  const moved = (module: string): string => places.get(module) ?? module;
  /** Flows of modules are named by the module, `#`, and a name. */
  const movedKey = (key: string): string => {
    const sign = key.lastIndexOf('#');
    return sign < 0 ? moved(key) : moved(key.slice(0, sign)) + key.slice(sign);
  };
  const actionOf = (action: Action): Action => {
    if (action.kind === 'call') return { ...action, module: moved(action.module) };
    if (action.kind === 'flow') return { ...action, flow: movedKey(action.flow) };
    return action.kind === 'group' ? { ...action, steps: action.steps.map(stepOf) } : action;
  };
  const stepOf = (step: StepDefinition): StepDefinition => ({
    ...step,
    action: actionOf(step.action),
    handlers: handlersOf(step.handlers),
  });
  const handlersOf = ({ on_success, on_failure, on_cancel, finally: last }: Handlers): Handlers => ({
    on_success: on_success.map(stepOf),
    on_failure: on_failure.map(stepOf),
    on_cancel: on_cancel.map(stepOf),
    finally: last.map(stepOf),
  });
  const { steps, handlers, script, flows } = definition;
  return {
    ...definition,
    steps: steps.map(stepOf),
    handlers: handlersOf(handlers),
    ...(script ? { script: { ...script, module: moved(script.module) } } : {}),
    flows: Object.fromEntries(
      Object.entries(flows).map(([key, flow]) => [movedKey(key), withModules(flow, places)] as const),
    ),
  };
}

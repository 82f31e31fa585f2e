/** Which texts of a step are templates, and when each is evaluated. */

import type { Json, JsonObject } from '../base/json.ts';
import type { Action, CommandAction, StepDefinition } from '../model/flow.ts';
import { listTemplates } from './expansion.ts';

const attempts = new WeakMap<StepDefinition, JsonObject>();

/** The templates of an attempt: the same object for every attempt of a step, so that what it reads is found once. */
export function attemptTemplates(step: StepDefinition): JsonObject {
  const known = attempts.get(step);
  if (known !== undefined) return known;
  const { env, with: input, workdir, stdin, artifacts, reuse } = step;
  const templates = {
    env,
    with: input,
    workdir,
    stdin,
    ...actionTemplates(step.action),
    artifacts,
    generates: reuse?.generates ?? [],
  };
  attempts.set(step, templates);
  return templates;
}

const reuses = new WeakMap<StepDefinition, JsonObject>();

/** The templates that decide whether a recorded result stands for a step. */
export function reuseTemplates(step: StepDefinition): JsonObject {
  const known = reuses.get(step);
  if (known !== undefined) return known;
  const { reuse } = step;
  const templates = { ...attemptTemplates(step), sources: reuse?.sources ?? [], key: reuse?.cache?.key ?? null };
  reuses.set(step, templates);
  return templates;
}

/** Every template of a step and of all that belongs to it, in one value: what it reads, it reads through these. */
export function templatesOf(step: StepDefinition): JsonObject {
  const { action, map, handlers } = step;
  const lists = map === null ? {} : { list: listTemplates(map), item_key: map.key };
  const wait =
    action.kind === 'wait' && action.wait.kind !== 'for'
      ? { until: action.wait.kind === 'until' ? action.wait.until : action.wait.duration }
      : {};
  const members = action.kind === 'group' ? { members: action.steps.map(templatesOf) } : {};
  const after = Object.values(handlers)
    .flat()
    .map((handler: StepDefinition) => templatesOf(handler));
  return {
    ...reuseTemplates(step),
    ...lists,
    ...wait,
    ...(action.kind === 'approve' ? { message: action.message } : {}),
    ...members,
    ...(after.length === 0 ? {} : { handlers: after }),
  };
}

/** Of shell text nothing is evaluated but the values it refers to. */
function commandTemplates(command: CommandAction): JsonObject {
  return command.kind === 'argv' ? { run: command.argv } : { values: command.values };
}

function actionTemplates(action: Action): JsonObject {
  switch (action.kind) {
    case 'shell':
    case 'argv':
      return commandTemplates(action);
    case 'wait': {
      const { wait } = action;
      if (wait.kind !== 'for') return {};
      const { probe } = wait;
      return probe.kind === 'command' ? commandTemplates(probe.command) : { probe: probe as Json };
    }
    case 'notify':
      return { options: action.options, text: action.text };
    case 'call':
    case 'flow':
    case 'group':
    case 'approve':
      return {};
  }
}

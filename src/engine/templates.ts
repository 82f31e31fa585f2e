/** Which texts of a step are templates, and when each is evaluated. */

import type { Json, JsonObject } from '../base/json.ts';
import { deepReads, hasExpression, type Reference } from '../expressions/expressions.ts';
import type { Action, CommandAction, StepDefinition } from '../model/flow.ts';
import { listTemplates } from './expansion.ts';

/** Templates, and what they read: null where every text is literal, as it mostly is. */
export interface Templates {
  readonly texts: JsonObject;
  readonly reads: readonly Reference[] | null;
}

const attempts = new WeakMap<StepDefinition, Templates>();
const reuses = new WeakMap<StepDefinition, Templates>();

/** The templates of an attempt. @param isCalled what was called holds values, never templates. */
export const attemptTemplates = (step: StepDefinition, isCalled: boolean): Templates =>
  templatesIn(attempts, step, isCalled, attemptTexts);

/** The templates that decide whether a recorded result stands for a step. @param isCalled as for an attempt. */
export const reuseTemplates = (step: StepDefinition, isCalled: boolean): Templates =>
  templatesIn(reuses, step, isCalled, reuseTexts);

/** What is read is found once. Of literal texts by which one attempt is made nothing is kept: there may be a hundred thousand of them. */
function templatesIn(
  kept: WeakMap<StepDefinition, Templates>,
  step: StepDefinition,
  isCalled: boolean,
  textsOf: (step: StepDefinition) => JsonObject,
): Templates {
  const known = kept.get(step);
  if (known !== undefined) return known;
  const texts = textsOf(step);
  const reads = isCalled || isLiteral(texts) ? null : deepReads(texts);
  const templates = { texts, reads };
  if (reads !== null || step.map !== null || step.action.kind === 'call') kept.set(step, templates);
  return templates;
}

function isLiteral(value: Json): boolean {
  if (typeof value === 'string') return !hasExpression(value);
  return value === null || typeof value !== 'object' || Object.values(value).every(isLiteral);
}

function attemptTexts({ env, with: input, workdir, stdin, artifacts, reuse, action }: StepDefinition): JsonObject {
  const generates = reuse?.generates ?? [];
  return { env, with: input, workdir, stdin, artifacts, generates, ...actionTemplates(action) };
}

const reuseTexts = (step: StepDefinition): JsonObject => {
  const { reuse } = step;
  return { ...attemptTexts(step), sources: reuse?.sources ?? [], key: reuse?.cache?.key ?? null };
};

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
    ...reuseTexts(step),
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

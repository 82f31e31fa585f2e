/** Automations of a project's config: what they mean is checked, and written in the normal form. */

import { parseGlob } from '../base/glob-pattern.ts';
import { isFlowName } from '../base/ids.ts';
import { hasExpression } from '../expressions/expressions.ts';
import {
  type AutomationAction,
  type AutomationCondition,
  type AutomationDefinition,
  DEFAULT_AT_MOST,
  DEFAULT_STATES,
  type RunSelection,
  SCHEDULE_TROUBLES,
  type ScheduleTrouble,
} from '../model/automation.ts';
import { ENDED_STATES, type EndedState } from '../model/run-ending.ts';
import { checkMessage } from './check-handlers.ts';
import { checkDuration } from './check-values.ts';
import { checkOneOf } from './check-waits.ts';
import { type DocumentNode, entriesOf, entryOf, textOf } from './document.ts';
import { durationOf, isTrue, itemsOf, jsonOf, numberOf, oneOrMoreTexts } from './node-values.ts';
import { notifyOf } from './normal-handlers.ts';
import type { Problems } from './problems.ts';

const CONDITIONS = ['run', 'schedule'];
const ACTIONS = ['run', 'cancel', 'pause', 'notify'];
/** It is looked for now and then. */
const SHORTEST_MS = 1_000;

/** The automations that are written in a config. */
export const automationsIn = (root: DocumentNode): readonly DocumentNode[] =>
  itemsOf(entryOf(root, 'automations')?.value);

/** Checks the automations of one file, whose shape has been checked. */
export function checkAutomations(root: DocumentNode, problems: Problems): void {
  const seen = new Set<string>();
  for (const node of automationsIn(root)) {
    if (node.kind !== 'map') continue;
    const name = entryOf(node, 'name')?.value;
    const text = textOf(name);
    if (name !== undefined && text !== undefined) {
      if (!isFlowName(text)) problems.at('invalid_config_name', name, { name: text, what: 'automation' });
      else if (seen.has(text)) problems.at('duplicate_key', name, { key: text });
      seen.add(text);
    }
    const when = entryOf(node, 'when');
    if (when !== undefined) {
      checkOneOf(when, CONDITIONS, '`when`', problems);
      checkCondition(when.value, problems);
    }
    const isOfRun = entryOf(when?.value, 'run') !== undefined;
    for (const action of itemsOf(entryOf(node, 'then')?.value)) checkAction(action, isOfRun, text ?? '', problems);
  }
}

function checkCondition(when: DocumentNode, problems: Problems): void {
  const [run, longer] = [entryOf(when, 'run')?.value, entryOf(when, 'longer_than')];
  checkDuration(longer?.value, problems);
  const ms = durationOf(longer?.value);
  if (longer !== undefined && ms !== null && ms < SHORTEST_MS) {
    const problem = 'runs are looked at now and then, not that often';
    problems.at('invalid_automation', longer.value, { key: 'longer_than', problem, remedy: 'write `1s` or more' });
  }
  const states = entryOf(run, 'states');
  if (longer !== undefined && states !== undefined) {
    const problem = 'a run that still goes on has not ended in any state';
    problems.at('invalid_automation', states.keySpan, { key: 'states', problem, remedy: 'take it out' });
  }
  if (longer !== undefined && run === undefined) {
    const problem = 'what was due and not run does not last';
    problems.at('invalid_automation', longer.keySpan, { key: 'longer_than', problem, remedy: 'it belongs to `run`' });
  }
  for (const part of [run, entryOf(when, 'schedule')?.value]) {
    for (const key of ['flow', 'deployment', 'tag']) {
      const glob = entryOf(part, key)?.value;
      const text = textOf(glob);
      if (glob === undefined || text === undefined) continue;
      const read = hasExpression(text) ? null : parseGlob(text);
      if (read === null) problems.at('expression_not_allowed', glob, { what: `\`${key}\` of an automation` });
      else if (!read.ok) problems.at('invalid_glob', glob, { glob: text, problem: read.error });
    }
  }
}

function checkAction(action: DocumentNode, isOfRun: boolean, automation: string, problems: Problems): void {
  const [first] = entriesOf(action);
  if (first === undefined) return;
  checkOneOf({ key: 'then', keySpan: first.keySpan, value: action }, ACTIONS, 'what an automation does', problems);
  const [run, params, cancel, pause, notify] = [...ACTIONS.slice(0, 1), 'params', 'cancel', 'pause', 'notify'].map(
    (key) => entryOf(action, key),
  );
  if (params !== undefined && run === undefined) {
    problems.at('misplaced_key', params.keySpan, { key: 'params', step: automation, home: '`run`' });
  }
  for (const entry of [run, pause]) {
    const name = textOf(entry?.value);
    if (entry === undefined || name === undefined || isFlowName(name)) continue;
    const problem = `\`${name}\` cannot be the name of a deployment`;
    problems.at('invalid_automation', entry.value, { key: entry.key, problem, remedy: null });
  }
  if (cancel !== undefined && !isOfRun) {
    const problem = 'what was due and not run is no run that could be cancelled';
    problems.at('invalid_automation', cancel.keySpan, {
      key: 'cancel',
      problem,
      remedy: 'it belongs to `when: { run: ... }`',
    });
  }
  if (notify !== undefined) checkMessage(automation, notify.value, problems);
}

/** Writes an automation in the normal form. */
export function automationOf(node: DocumentNode): AutomationDefinition {
  const active = entryOf(node, 'active')?.value;
  return {
    name: textOf(entryOf(node, 'name')?.value) ?? '',
    active: active === undefined || isTrue(active),
    when: conditionOf(entryOf(node, 'when')?.value),
    actions: itemsOf(entryOf(node, 'then')?.value).map(actionOf),
    chain: isTrue(entryOf(node, 'chain')?.value),
    at_most: numberOf(entryOf(node, 'at_most')?.value) ?? DEFAULT_AT_MOST,
  };
}

function conditionOf(when: DocumentNode | undefined): AutomationCondition {
  const run = entryOf(when, 'run')?.value;
  const schedule = entryOf(when, 'schedule')?.value;
  if (run === undefined) {
    const outcomes = oneOrMoreTexts(entryOf(schedule, 'outcome')?.value);
    const wanted = SCHEDULE_TROUBLES.filter((each) => outcomes.includes(each));
    const all: readonly ScheduleTrouble[] = wanted.length === 0 ? SCHEDULE_TROUBLES : wanted;
    return { kind: 'due', deployment: textOf(entryOf(schedule, 'deployment')?.value) ?? null, outcomes: all };
  }
  const longer = durationOf(entryOf(when, 'longer_than')?.value);
  const runs = selectionOf(run);
  if (longer !== null) return { kind: 'lasts', runs, longer_than_ms: longer };
  const states = oneOrMoreTexts(entryOf(run, 'states')?.value);
  const wanted: readonly EndedState[] = ENDED_STATES.filter((each) => states.includes(each));
  return { kind: 'ended', runs, states: wanted.length === 0 ? DEFAULT_STATES : wanted };
}

function selectionOf(run: DocumentNode): RunSelection {
  const text = (key: string): string | null => textOf(entryOf(run, key)?.value) ?? null;
  return { flow: text('flow'), deployment: text('deployment'), tag: text('tag') };
}

function actionOf(node: DocumentNode): AutomationAction {
  const [run, pause, notify] = ['run', 'pause', 'notify'].map((key) => entryOf(node, key)?.value);
  if (run !== undefined) {
    const params = entriesOf(entryOf(node, 'params')?.value).map(({ key, value }) => [key, jsonOf(value)] as const);
    return { kind: 'run', deployment: textOf(run) ?? '', params: Object.fromEntries(params) };
  }
  if (pause !== undefined) return { kind: 'pause', deployment: isTrue(pause) ? null : (textOf(pause) ?? null) };
  return notify === undefined ? { kind: 'cancel' } : { kind: 'notify', message: notifyOf(notify) };
}

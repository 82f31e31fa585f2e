/** What a step does, in its normal form; for a step that has passed the checks. */

import { resolve } from 'node:path';
import { Bug } from '../base/result.ts';
import type { ApproveAction } from '../model/action.ts';
import type { Action, CommandAction, Probe, ShellName, StepDefinition, Wait } from '../model/flow.ts';
import { parseCall } from './call-reference.ts';
import { flowKey } from './flow-key.ts';
import type { ShellTexts } from './check-shell.ts';
import { entriesOf, entryOf, textOf } from './document.ts';
import { durationOf, envOf, isTrue, type Node, numberOf, numbersOf, textsOf } from './node-values.ts';
import { notifyOf } from './normal-handlers.ts';
import { defaultValue, type FlowOutline, inheritedValue, type StepOutline, stepValue } from './outline.ts';
import { paramOf } from './param-schema.ts';

/** From the end of one look of a `wait` to the beginning of the next, unless it says otherwise. */
const LOOK_EVERY_MS = 10_000;

/** What actions are made from, besides the step. */
export interface ActionParts {
  readonly flow: FlowOutline;
  /** The absolute path of the flow's folder. */
  readonly directory: string;
  /** Shell texts that had expressions. */
  readonly texts: ShellTexts;
  /** The normal form of the steps in a block. */
  readonly stepsIn: (block: number) => readonly StepDefinition[];
}

function commandOf(node: Node, step: StepOutline, { flow, texts }: ActionParts): CommandAction {
  const text = textOf(node);
  if (text === undefined) return { kind: 'argv', argv: textsOf(node) };
  const shell = textOf(inheritedValue(flow, step, 'shell')) ?? 'sh';
  const isWarm = shell === 'python' && isTrue(stepValue(step, 'warm') ?? defaultValue(flow, 'warm'));
  const warm = isWarm ? { warm: true as const } : {};
  return { kind: 'shell', shell: shell as ShellName, ...(texts.get(step) ?? { text, values: {} }), ...warm };
}

function probeOf(node: Node, step: StepOutline, parts: ActionParts): Probe {
  const value = (key: string): Node => entryOf(node, key)?.value;
  const path = textOf(value('file'));
  if (path !== undefined) return { kind: 'file', path };
  const http = value('http');
  if (http === undefined) return { kind: 'command', command: commandOf(value('command'), step, parts) };
  const part = (key: string): Node => entryOf(http, key)?.value;
  const status = part('status');
  return {
    kind: 'http',
    url: textOf(http) ?? textOf(part('url')) ?? '',
    method: textOf(part('method')) ?? 'GET',
    headers: envOf(part('headers')),
    status: status === undefined ? null : status.kind === 'list' ? numbersOf(status) : [numberOf(status) ?? 200],
  };
}

function waitOf(node: Node, step: StepOutline, parts: ActionParts): Wait {
  const duration = textOf(node);
  if (duration !== undefined) return { kind: 'duration', duration: duration.trim() };
  const value = (key: string): Node => entryOf(node, key)?.value;
  const until = textOf(value('until'));
  if (until !== undefined) return { kind: 'until', until: until.trim() };
  return {
    kind: 'for',
    probe: probeOf(value('for'), step, parts),
    every_ms: durationOf(value('every')) ?? LOOK_EVERY_MS,
    timeout_ms: durationOf(value('timeout')),
  };
}

function approveOf(node: Node): ApproveAction {
  const value = (key: string): Node => entryOf(node, key)?.value;
  const params = entriesOf(value('params'));
  return {
    kind: 'approve',
    message: textOf(node) ?? textOf(value('message')) ?? '',
    params: params.map((entry) => paramOf({ name: entry.key, nameSpan: entry.keySpan, node: entry.value })),
    timeout_ms: durationOf(value('timeout')),
    on_timeout: (textOf(value('on_timeout')) as ApproveAction['on_timeout'] | undefined) ?? 'fail',
  };
}

/** What a step does. */
export function actionOf(step: StepOutline, parts: ActionParts): Action {
  const own = (key: string): Node => stepValue(step, key);
  if (own('run') !== undefined) return commandOf(own('run'), step, parts);
  if (step.members !== null) return { kind: 'group', steps: parts.stepsIn(step.members) };
  const notify = own('notify');
  if (notify !== undefined) return notifyOf(notify);
  if (own('wait') !== undefined) return { kind: 'wait', wait: waitOf(own('wait'), step, parts) };
  if (own('approve') !== undefined) return approveOf(own('approve'));
  const flow = textOf(own('flow'));
  if (flow !== undefined) return { kind: 'flow', flow: flowKey(parts.directory, flow) };
  const call = parseCall(textOf(own('call')) ?? '');
  if (call === null) throw new Bug(`step ${step.name} passed the checks without an action`);
  return { kind: 'call', module: resolve(parts.directory, call.module), export: call.export };
}

/** True for what has attempts that the flow's `defaults` for attempts speak of: commands and functions. */
export const hasOwnAttempts = (step: StepOutline): boolean =>
  stepValue(step, 'run') !== undefined || stepValue(step, 'call') !== undefined;

/** From what a step does and its evaluated texts to work that can be performed anywhere. */

import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { assertNever, Bug } from '../base/result.ts';
import { failedSteps } from '../model/news.ts';
import type { CommandAction, Probe } from '../model/flow.ts';
import { calledItem, type Node } from './node.ts';
import type { CommandWork, ProbeWork, Work } from './ports.ts';
import type { ScopeSource } from './scope.ts';

/** A value where only text can stand: a string as it is, null as nothing, everything else as JSON. */
export const asText = (value: Json): string =>
  typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);

/** The members of an object as texts. */
export const asTexts = (values: Json): { readonly [name: string]: string } =>
  Object.fromEntries(Object.entries(isJsonObject(values) ? values : {}).map(([name, value]) => [name, asText(value)]));

/** What a step does, with the values of its templates. */
export function workOf(source: ScopeSource, node: Node, values: JsonObject): Work {
  const called = calledWork(node);
  if (called !== null) return called;
  const { definition, record } = node;
  const { action } = definition;
  switch (action.kind) {
    case 'shell':
    case 'argv':
      return commandOf(action, values);
    case 'call':
      return { kind: 'call', module: action.module, export: action.export, input: values['with'] ?? null };
    case 'flow': {
      const params = values['with'];
      return { kind: 'flow', flow: action.flow, params: isJsonObject(params) ? params : {}, child: record.child };
    }
    case 'wait': {
      if (action.wait.kind !== 'for') throw new Bug(`step ${record.key} waits for an instant, without attempts`);
      return { kind: 'wait', probe: probeOf(action.wait.probe, values), every_ms: action.wait.every_ms };
    }
    case 'notify': {
      const options = values['options'];
      const text = values['text'] ?? null;
      return {
        kind: 'notify',
        channel: action.channel,
        options: isJsonObject(options) ? options : {},
        text: text === null ? sentenceOf(source) : asText(text),
      };
    }
    case 'group':
    case 'approve':
      throw new Bug(`a step of kind ${action.kind} makes no attempt`);
    default:
      return assertNever(action, 'action');
  }
}

/** The work of a call; of an item, that with its own arguments. */
function calledWork(node: Node): Work | null {
  const { call } = node;
  return call === null ? (calledItem(node)?.work ?? null) : call.work;
}

function commandOf(action: CommandAction, values: JsonObject): CommandWork {
  if (action.kind === 'shell') {
    const { text, shell, warm } = action;
    return { kind: 'shell', text, shell, ...(warm === true ? { warm } : {}) };
  }
  const argv = values['run'];
  return { kind: 'argv', argv: Array.isArray(argv) ? (argv as readonly Json[]).map(asText) : [] };
}

function probeOf(probe: Probe, values: JsonObject): ProbeWork {
  if (probe.kind === 'command') return { kind: 'command', command: commandOf(probe.command, values) };
  const evaluated = isJsonObject(values['probe']) ? values['probe'] : {};
  if (probe.kind === 'file') return { kind: 'file', path: asText(evaluated['path'] ?? null) };
  return {
    kind: 'http',
    url: asText(evaluated['url'] ?? null),
    method: probe.method,
    headers: asTexts(evaluated['headers'] ?? {}),
    status: probe.status,
  };
}

/** What a notification says that says nothing else. */
function sentenceOf({ run, ending }: ScopeSource): string {
  const failed = failedSteps(run);
  const state = run.ending?.state ?? ending?.() ?? 'running';
  return `${run.flow}: run ${run.id} ${state}${failed.length === 0 ? '' : ` (failed: ${failed.join(', ')})`}`;
}

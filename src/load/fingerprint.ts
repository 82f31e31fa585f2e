/** Hashes of definitions and steps. A path counts relative to the flow's folder, so that moving a project changes nothing. */

import { createHash } from 'node:crypto';
import { relative, sep } from 'node:path';
import { type ContentHash, contentHash } from '../base/ids.ts';
import { canonicalJson, type Json, type JsonObject } from '../base/json.ts';
import { assertNever } from '../base/result.ts';
import type { Action, FlowDefinition, StepDefinition } from '../model/flow.ts';
import { HANDLER_PHASES, type Handlers } from '../model/policies.ts';

const hashOf = (value: Json): ContentHash =>
  contentHash(createHash('sha256').update(canonicalJson(value)).digest('hex'));

/** A part of a definition as what it is: plain JSON, which the types of interfaces cannot say. */
const plain = (part: object): JsonObject => part as unknown as JsonObject;

const portablePath = (path: string, directory: string): string => relative(directory, path).split(sep).join('/');

function portableAction(action: Action, directory: string): Json {
  switch (action.kind) {
    case 'call':
      return { ...action, module: portablePath(action.module, directory) };
    case 'flow':
      return { ...action, flow: portablePath(action.flow, directory) };
    case 'group':
      return { ...action, steps: action.steps.map((step) => portableStep(step, directory)) };
    case 'shell':
    case 'argv':
    case 'wait':
    case 'approve':
    case 'notify':
      return plain(action);
    default:
      return assertNever(action, 'action');
  }
}

const portableHandlers = (handlers: Handlers, directory: string): Json =>
  Object.fromEntries(
    HANDLER_PHASES.map((phase) => [phase, handlers[phase].map((step) => portableStep(step, directory))]),
  );

function portableStep(step: StepDefinition, directory: string): Json {
  const action = portableAction(step.action, directory);
  return { ...plain(step), action, handlers: portableHandlers(step.handlers, directory) };
}

type Flows = FlowDefinition['flows'];

/** The hash of a definition without the flows that it refers to. */
function hashAlone(definition: FlowDefinition): ContentHash {
  const { file: _file, directory, params, dotenv, steps, handlers, secrets, script = null, ...rest } = definition;
  return hashOf({
    ...plain({ ...rest, flows: {} }),
    ...(script === null ? {} : { script: { ...script, module: portablePath(script.module, directory) } }),
    dotenv: dotenv.map((path) => portablePath(path, directory)),
    params: params.map((param) => ({ ...param })),
    secrets: secrets.map(({ name, source }) => ({
      name,
      source: source.kind === 'file' ? { ...source, path: portablePath(source.path, directory) } : { ...source },
    })),
    steps: steps.map((step) => portableStep(step, directory)),
    handlers: portableHandlers(handlers, directory),
  });
}

/** The hash of each of some flows, by its path from a folder. */
const hashesOf = (flows: readonly FlowDefinition[], directory: string): JsonObject =>
  Object.fromEntries(
    flows.map((flow) => {
      const name = flow.script === undefined || flow.script === null ? '' : `#${flow.script.flow}`;
      return [`${portablePath(flow.file, directory)}${name}`, hashAlone(flow)];
    }),
  );

/**
 * The SHA-256 of a definition's canonical JSON (RFC 8785 ordering) without its file and folder, paths relative to the folder.
 * The flows that it refers to count as well; the text of modules is not part of it.
 */
export function definitionHash(definition: FlowDefinition): ContentHash {
  const flows = Object.values(definition.flows);
  const own = hashAlone(definition);
  return flows.length === 0 ? own : hashOf({ own, flows: hashesOf(flows, definition.directory) });
}

function collectFlows(steps: readonly StepDefinition[], flows: Flows, found: Set<FlowDefinition>): void {
  for (const { action } of steps) {
    if (action.kind === 'group') collectFlows(action.steps, flows, found);
    const flow = action.kind === 'flow' && Object.hasOwn(flows, action.flow) ? flows[action.flow] : undefined;
    if (flow === undefined || found.has(flow)) continue;
    found.add(flow);
    collectFlows(flow.steps, flows, found);
  }
}

/** The fingerprints of a flow's steps, and of the members of its groups, by their paths: `load`, `report/extract`. */
export function stepFingerprints({ steps, directory, flows }: FlowDefinition): ReadonlyMap<string, ContentHash> {
  const found = new Map<string, ContentHash>();
  const walk = (body: readonly StepDefinition[], prefix: string): void => {
    for (const step of body) {
      found.set(`${prefix}${step.id}`, stepFingerprint(step, directory, flows));
      if (step.action.kind === 'group') walk(step.action.steps, `${prefix}${step.id}/`);
    }
  };
  walk(steps, '');
  return found;
}

/**
 * The SHA-256 of what one step is, for telling on resume whether it was edited. Its description does not count; the flows that it
 * runs do, at any distance.
 * @param directory the flow's folder, to which modules are taken relative. @param flows those of the root definition.
 */
export function stepFingerprint(step: StepDefinition, directory: string, flows: Flows = {}): ContentHash {
  const found = new Set<FlowDefinition>();
  collectFlows([step], flows, found);
  const own = portableStep({ ...step, description: null }, directory);
  return hashOf(found.size === 0 ? own : { own, flows: hashesOf([...found], directory) });
}

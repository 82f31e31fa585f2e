/** Hashes of definitions and steps. A path counts relative to the flow's folder, so that moving a project changes nothing. */

import { createHash } from 'node:crypto';
import { relative, sep } from 'node:path';
import { type ContentHash, contentHash } from '../base/ids.ts';
import { canonicalJson, type Json, type JsonObject } from '../base/json.ts';
import type { Action, FlowDefinition, StepDefinition } from '../model/flow.ts';

const hashOf = (value: Json): ContentHash =>
  contentHash(createHash('sha256').update(canonicalJson(value)).digest('hex'));

/** A part of a definition as what it is: plain JSON, which the types of interfaces cannot say. */
const plain = (part: object): JsonObject => part as unknown as JsonObject;

const portablePath = (path: string, directory: string): string => relative(directory, path).split(sep).join('/');

function portableAction(action: Action, directory: string): Json {
  if (action.kind !== 'call') return plain(action);
  return { ...action, module: portablePath(action.module, directory) };
}

const portableStep = (step: StepDefinition, directory: string): Json => ({
  ...plain(step),
  action: portableAction(step.action, directory),
});

/**
 * The SHA-256 of a definition's canonical JSON (RFC 8785 ordering) without its file and folder, paths relative to the folder.
 * The text of modules is not part of it.
 */
export function definitionHash(definition: FlowDefinition): ContentHash {
  const { file: _file, directory, params, dotenv, steps, ...rest } = definition;
  return hashOf({
    ...plain(rest),
    dotenv: dotenv.map((path) => portablePath(path, directory)),
    params: params.map((param) => ({ ...param })),
    steps: steps.map((step) => portableStep(step, directory)),
  });
}

/**
 * The SHA-256 of what one step is, for telling on resume whether it was edited. Its description does not count.
 * @param directory the flow's folder, to which modules are taken relative.
 */
export function stepFingerprint(step: StepDefinition, directory: string): ContentHash {
  return hashOf(portableStep({ ...step, description: null }, directory));
}
